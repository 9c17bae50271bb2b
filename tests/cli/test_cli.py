"""What holds for every command: exit codes, one line for what is wrong, nothing heavy for --help."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from avtext import Event, ProgressHook, __version__
from avtext.cli import main
from avtext.cli.progress import progress_hook, waiting
from avtext.compression.export import manifest_of
from avtext.formats import read_events, write_events
from avtext.runtime.folder import publish_manifest
from tests.cli.conftest import Run
from tests.model.test_detector import make

COMMANDS = (
    "detect", "train", "distill", "compress", "evaluate", "align", "report", "convert", "benchmark", "info", "doctor",
)  # fmt: skip


def test_help_imports_neither_torch_nor_numpy() -> None:
    code = (
        "import sys; sys.argv = ['avtext', '--help']\n"
        "from avtext.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "print(sorted({'torch', 'numpy', 'av', 'transformers', 'pydantic', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
    for name in COMMANDS:
        assert f"\n  {name} " in done.stdout


def test_without_torch_what_needs_it_is_one_line(here: Path) -> None:
    (here / "a.mp4").touch()
    (here / "damaged").mkdir()
    (here / "damaged" / "config.json").write_text('{"format": "avtext.onnx/1", "fil')
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from avtext.cli import main\n"
        "for words in ('info', 'doctor', 'detect a.mp4', 'detect a.mp4 -m damaged', 'align a.mp4 -m gone'):\n"
        "    sys.argv = ['avtext', *words.split()]\n"
        "    try: main()\n"
        "    except SystemExit as end: print(end.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.split() == ["2"] * 5, done.stderr
    *plain, damaged, gone = done.stderr.splitlines()
    assert all(line.startswith("avtext: torch is not installed: pip install -e . once more; ") for line in plain)
    assert damaged.startswith("avtext: damaged: not a whole model folder of avtext compress, and any other needs torch")
    assert gone.startswith("avtext: gone: not a whole model folder")
    assert len(plain) == 3


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(avtext: Run, command: str) -> None:
    said = avtext(command, "--help")
    assert said.code == 0
    assert f"Example: avtext {command}" in " ".join(said.out.split())


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["detct", "a.mp4"], "Did you mean 'detect'? (see avtext --help)"),
        (["detect", "a.mp4", "--treshold", "0.5"], "--threshold) (see avtext detect --help)"),
        (["detect"], "files"),
        (["benchmark", "modl"], "suite 'modl' is not known; known: model"),
        (["benchmark", "model", "--data", "nowhere"], "nowhere: no such folder of recordings: name it with --data"),
        (["benchmark", "mosi", "--data", ".", "--json", "/dev/null/a.json"], "--json: /dev/null: cannot"),
        (["benchmark", "mosi", "--data", ".", "--json", "."], "--json: .: is a folder: name a file in it"),
        (["detect", "a.mp4", "-f", "jsn", "-f", "csv"], "--format: 'jsn' is not known; known: json"),
        (["detect", "a.mp4", "--threshold", "2"], "--threshold"),
        (["detect", "a.mp4", "--threshold", "nan"], "--threshold"),
        (["detect", "a.mp4", "--start", "-1"], "--start"),
        (["train"], "--config"),
        (["evaluate", "a.json"], "truth"),
    ],
)
def test_a_usage_error_exits_2_and_names_what_is_wrong(avtext: Run, here: Path, words: list[str], hint: str) -> None:
    said = avtext(*words)
    assert said.code == 2
    assert hint in said.err
    assert said.err.startswith("avtext: ")
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_version_and_the_suites_there_are(avtext: Run) -> None:
    assert avtext("--version") == (0, f"avtext {__version__}\n", "")
    assert "memory: " in avtext("benchmark").out
    nothing = avtext()
    assert nothing.code == 2
    assert "Commands:" in nothing.out + nothing.err


def test_debug_shows_where_an_error_came_from_and_verbose_what_is_done(
    avtext: Run, here: Path, made: Path, model: Path
) -> None:
    plain, traced = avtext("info", "none.mp4"), avtext("info", "none.mp4", "--debug")
    assert "Traceback" not in plain.err
    assert "Traceback" in traced.err
    assert traced.err.endswith(plain.err)
    words = ("detect", made / "b.mp4", "-m", model, "-o", here / "out")
    quiet, wordy = avtext(*words), avtext(*words, "-v")
    assert quiet.err == ""
    assert [step in wordy.err for step in (": read: ", ": align: ", ": decode: ")] == [True] * 3


def test_the_shell_completes_commands_and_options(here: Path) -> None:
    for words, position, found in (("avtext do", "1", "doctor"), ("avtext detect --thr", "2", "--threshold")):
        asked = {"_AVTEXT_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": position}
        done = subprocess.run(
            [sys.executable, "-m", "avtext"], capture_output=True, text=True, env=os.environ | asked, check=True
        )
        assert done.stdout.split() == [found]


@pytest.mark.parametrize(
    ("sent", "before", "sharing", "code"),
    [
        (signal.SIGINT, "default_int_handler", [], 130),  # said, for CI may ignore it
        (signal.SIGTERM, "default_int_handler", [], 143),
        (signal.SIGTERM, "SIG_IGN", ["--jobs", "2"], 143),  # as in the background
    ],
)
def test_a_stop_is_one_line_and_leaves_nothing_behind(
    here: Path,
    made: Path,
    model: Path,
    tmp_path: Path,
    sent: signal.Signals,
    before: str,
    sharing: list[str],
    code: int,
) -> None:
    (tmp_path / "temporary").mkdir()
    start = (
        f"import signal, sys\nsignal.signal(signal.SIGINT, signal.{before})\n"
        "from avtext.cli import main\nsys.argv = ['avtext', *sys.argv[1:]]\nmain()"
    )
    words = ["detect", "-m", str(model), "-v", *sharing, *[str(made / f"{name}.mp4") for name in ("a", "b")]]
    with subprocess.Popen(
        [sys.executable, "-c", start, *words], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
    ) as run:  # fmt: skip
        assert run.stderr is not None
        if not sharing:
            assert "read" in run.stderr.readline()  # it is in the midst of it
        else:
            while not list(tmp_path.glob("temporary/*/order")):  # its workers are being started
                assert run.poll() is None
                time.sleep(0.01)
        run.send_signal(sent)
        rest = run.stderr.read()
        assert run.wait(timeout=60) == code
    assert rest.splitlines()[-1] == "avtext: stopped"
    assert "Traceback" not in rest
    assert list(here.iterdir()) == []
    assert list((tmp_path / "temporary").iterdir()) == []


def test_the_names_of_strange_files_pass_through_a_pipe_as_json(here: Path, model: Path) -> None:
    """A name that is not UTF-8, on a terminal that is not either: the lines are JSON and no traceback is seen."""
    name = os.fsdecode(b"caf\xe9 \xff.mp4")
    done = subprocess.run(
        [sys.executable, "-m", "avtext", "detect", name, "--json", "-m", str(model)],
        capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["error"]["code"] == "NOT_MEDIA"
    assert "Traceback" not in done.stderr
    assert list(here.iterdir()) == []


def test_progress_on_a_terminal_takes_names_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    leader, follower = os.openpty()
    with os.fdopen(follower, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        with waiting("loading"):
            pass
        with progress_hook(Path("[red]a[b]\x1b]0;title\x07.mp4")) as hook:
            hook("read", file="a.mp4", total=2.0, completed=1.0)
            hook("read", file="a.mp4", total=None, completed=9.0)
        monkeypatch.undo()
        terminal.write("\nend\n")
        terminal.flush()
        with os.fdopen(leader, "r", newline="") as screen:
            shown = "".join(iter(screen.readline, "end\r\n"))
    assert "[red]a[b]?]0;title?" in shown
    assert "reading" in shown
    assert shown.startswith("loading ...\r           \r")


@pytest.mark.parametrize("command", ["align", "detect"])
def test_a_file_in_a_folder_has_one_bar(
    command: str, here: Path, made: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader, follower = os.openpty()
    bars: dict[int, str] = {}
    draw = ProgressHook.__call__

    def seen(hook: ProgressHook, *step: object, **what: object) -> None:
        draw(hook, *step, **what)
        bars.update((bar.id, bar.description) for bar in hook._progress.tasks)

    with os.fdopen(leader), os.fdopen(follower, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("TERM", "dumb")  # where nothing is drawn, which would wait for a reader
        monkeypatch.setattr(ProgressHook, "__call__", seen)
        monkeypatch.setattr(sys, "argv", ["avtext", command, str(made / "b.mp4"), "-m", str(model)])
        with pytest.raises(SystemExit, match="0"):
            main()
        monkeypatch.undo()
    assert list(bars.values()) == ["b.mp4"]


def test_who_reads_a_pipe_has_a_line_when_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(pipe))
    monkeypatch.setattr(sys, "argv", ["avtext", "--version"])
    with pytest.raises(SystemExit, match="0"):
        main()
    assert pipe.getvalue() == f"avtext {__version__}\n".encode()


def test_a_closed_output_hides_nothing_but_the_words(here: Path) -> None:
    (here / "a.csv").write_text("file,start,end,label\na.wav,0,1,dog\n")
    command = f'"{sys.executable}" -m avtext convert a.csv b.json >&-'
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (here / "b.json").is_file()


def test_a_full_disk_behind_the_output_is_one_line(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = open("/dev/full", "w", buffering=1)  # noqa: PTH123, SIM115 (closing it fails)
    monkeypatch.setattr(sys, "stdout", full)
    monkeypatch.setattr(sys, "argv", ["avtext", "info", str(model)])
    with pytest.raises(SystemExit) as end:
        main()
    monkeypatch.undo()
    with pytest.raises(OSError, match="No space left"):
        full.close()
    assert end.value.code == 1
    assert capsys.readouterr().err == "avtext: [Errno 28] No space left on device\n"


# -- convert ------------------------------------------------------------------------------------------------------------


EVENTS = "file,start,end,label,score\na.mp4,1.0,2.5,dog,0.75\na.mp4,2.0,3.0,bell,0.5\n"


def test_metrics_may_be_named_one_by_one(avtext: Run, here: Path) -> None:
    write_events(here / "a.csv", {"a.wav": [Event(0.0, 1.0, "dog")]})
    scored = avtext("evaluate", "a.csv", "a.csv", "-m", "map", "-m", "event_f1", "--json").out
    assert scored == avtext("evaluate", "a.csv", "a.csv", "-m", "map,event_f1", "--json").out != ""
    assert avtext("evaluate", "a.csv", "a.csv", "-m", "mep", "-m", "map").code == 2


def test_convert_to_elan_and_back(avtext: Run, here: Path) -> None:
    (here / "a.csv").write_text(EVENTS)
    there = avtext("convert", "a.csv", "deep/er/a.eaf")
    assert there.code == 0
    assert "warning:" in there.err  # ELAN has no scores
    back = avtext("convert", "deep/er/a.eaf", "b.json")
    assert (back.code, back.out) == (0, "b.json: 2 events of 1 file\n")
    (found,) = read_events(here / "b.json").events.values()
    assert [(e.start, e.end, e.label) for e in found] == [(1.0, 2.5, "dog"), (2.0, 3.0, "bell")]


def test_convert_says_what_it_replaced_only_once_it_did(avtext: Run, here: Path) -> None:
    (here / "a.csv").write_text(EVENTS)
    (here / "b.json").write_text("precious")
    (here / "bad.csv").write_text(EVENTS + "a.mp4,3.0,2.0,dog,1\n")
    refused = avtext("convert", "bad.csv", "b.json")
    assert refused.code == 1
    assert "bad.csv: line 4:" in refused.err
    assert "replaced" not in refused.err
    assert (here / "b.json").read_text() == "precious"
    assert "b.json: replaced" in avtext("convert", "a.csv", "b.json").err


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["none.json", "b.csv"], 1, "none.json: there is no such file"),
        (["a.csv", "b.xyz"], 2, "take one of .ann, .csv"),
        (["a.csv", "b.csv", "--to", "foo"], 2, "format 'foo' is not known"),
        (["a.csv", "b.csv", "--from", "foo"], 2, "format 'foo' is not known"),
        (["a.csv", "a.csv/b.json"], 2, "cannot be written"),
        (["empty", "b.json"], 1, "no file of events in this folder"),
        (["a.csv", "m.jsonl"], 2, "m.jsonl: a manifest ends in .jsonl and needs --videos"),
        (["a.csv", "b.json", "--videos", "."], 2, "b.json: a manifest ends in .jsonl and needs --videos"),
        (["a.csv", "m.jsonl", "--videos", ".", "--to", "json"], 2, "--to: json: a manifest has a form of its own"),
        (["a.csv", "m.jsonl", "--videos", "empty"], 2, "empty: no media file in this folder"),
    ],
)
def test_convert_refuses_in_one_line(avtext: Run, here: Path, words: list[str], code: int, hint: str) -> None:
    (here / "a.csv").write_text(EVENTS)
    (here / "empty").mkdir()
    said = avtext("convert", *words)
    assert (said.code, said.out) == (code, "")
    assert hint in said.err
    assert said.err.count("\n") == 1
    assert sorted(p.name for p in here.iterdir()) == ["a.csv", "empty"]


def test_labels_become_a_manifest_that_is_a_truth_like_any_other(avtext: Run, here: Path, made: Path) -> None:
    (here / "a.csv").write_text(EVENTS)
    said = avtext("convert", "a.csv", "train.jsonl", "--videos", made)
    assert said.out == "train.jsonl: 2 events of 1 file\n"
    assert f"warning: {made / 'b.mp4'}: has no labels: left out" in said.err
    scored = avtext("evaluate", "a.csv", "train.jsonl")
    assert scored.code == 0
    assert "start is within 0.2 s, 1 file, in %" in scored.out
    assert "F1 of starts within 0.2 s: 100.00 micro" in scored.out
    assert "(onset_f1 and event_f1: within 0.2 s), as shares:" in scored.out  # whatever --collar is


def test_labels_without_times_become_a_manifest_and_no_truth(avtext: Run, here: Path, made: Path) -> None:
    (here / "weak.tsv").write_text("filename\tevent_labels\na.mp4\tbell,dog\nb.mp4\t\n")
    said = avtext("convert", "weak.tsv", "weak.jsonl", "--videos", made)
    assert said.out == "weak.jsonl: labels of 2 files, without times\n"
    assert "note: weak.tsv has no times" in said.err
    assert avtext("doctor", "weak.jsonl").code == 0
    assert "no column for start, end" in avtext("convert", "weak.tsv", "weak.csv").err
    assert "no column for start, end" in avtext("evaluate", "weak.tsv", "weak.tsv").err


# -- info ---------------------------------------------------------------------------------------------------------------


def test_info_counts_the_graphs_of_the_model_alone(avtext: Run, here: Path) -> None:
    for name, size in (("fuse", 1000), ("tower-audio", 200)):
        (here / f"{name}.onnx").write_bytes(bytes(size))
    publish_manifest(here, manifest_of(make()))
    (here / "another.onnx").write_bytes(bytes(30))
    assert avtext("info", ".").out.splitlines()[2:] == [
        "bytes:",
        "  fuse: 1,000",
        "  tower-audio: 200",
        "  total: 1,200",
    ]


def test_info_says_what_things_are(avtext: Run, made: Path, model: Path) -> None:
    assert "torch 2" in avtext("info").out
    about_model = avtext("info", model)
    assert "overlapping labels: bell, dog, cut" in about_model.out
    assert "total: " in about_model.out
    about_media = avtext("info", made / "a.mp4")
    assert "duration: 4.0" in about_media.out
    assert "sample_rate: 16000" in about_media.out


def test_info_of_nothing_usable(avtext: Run, here: Path) -> None:
    (here / "folder").mkdir()
    (here / "text.mp4").write_text("hello")
    for what, code, hint in (
        ("none\x1b[2J.mp4", 1, "none?[2J.mp4: no such file"),
        ("text.mp4", 1, "is a text file"),
        ("folder", 2, "not a model folder"),
    ):
        said = avtext("info", what)
        assert (said.code, said.out) == (code, "")
        assert hint in said.err
        assert said.err.count("\n") == 1
