"""``avtext detect``: what is written, what is said, and what a hostile newcomer gives it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from avtext.cli.inputs import expand, result_names
from avtext.errors import ConfigError
from avtext.formats import FORMATS, read_events
from avtext.model import save_detector
from tests.cli.conftest import Run
from tests.counting import lines_run
from tests.tiny import talkative, write_no_streams, write_video


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*"))


# -- what is written and said -----------------------------------------------------------------------------------------


def test_results_are_written_and_shown_and_nothing_else_is_said(
    avtext: Run, here: Path, made: Path, model: Path
) -> None:
    said = avtext("detect", made / "a.mp4", "-m", model, "-o", "results")
    assert said.code == 0
    assert said.err == ""
    assert names(here) == ["a.events.json", "results"]
    document = json.loads((here / "results" / "a.events.json").read_text())
    assert document["schema"] == "avtext.events/1"
    assert document["status"] == "ok"
    assert document["modalities"] == ["audio", "video", "text"]
    assert document["duration"] == pytest.approx(4.0, abs=0.1)
    assert document["events"]
    for event in document["events"]:
        assert 0 <= event["start"] < event["end"] <= document["duration"]
        assert f" {event['label']} " in said.out
        assert f"{event['score']:.2f}" in said.out
    assert f"{len(document['events'])} events in 0:04.0" in said.out
    assert "wrote results/a.events.json" in said.out


def test_the_current_folder_is_the_default_and_replacing_is_said(
    avtext: Run, here: Path, made: Path, model: Path
) -> None:
    assert avtext("detect", made / "b.mp4", "-m", model).err == ""
    assert avtext("detect", made / "b.mp4", "-m", model).err == "b.events.json: replaced\n"
    assert names(here) == ["b.events.json"]


def test_evidence_goes_with_the_result_that_it_is_of(avtext: Run, here: Path, made: Path, model: Path) -> None:
    words = ("detect", made / "b.mp4", "-m", model, "-f")
    assert avtext(*words, "json,evidence").err == ""
    assert avtext(*words, "csv").code == 0
    assert names(here) == ["b.events.csv", "b.events.json", "b.evidence.json"]
    said = avtext(*words, "json")
    assert "b.evidence.json: removed: it was of the result that was replaced\n" in said.err
    assert names(here) == ["b.events.csv", "b.events.json"]
    (here / "b.evidence.json").mkdir()
    assert avtext(*words, "json").err == "b.events.json: replaced\n"


def test_no_format_takes_the_place_of_the_videos_own_subtitles(
    avtext: Run, here: Path, made: Path, model: Path
) -> None:
    """video.srt and video.vtt are what the next run would read as words."""
    shutil.copy(made / "a.mp4", here)
    shutil.copy(made / "a.srt", here)
    before = (here / "a.srt").read_text()
    said = avtext("detect", "a.mp4", "-m", model, "-f", "srt, vtt,json")
    assert said.code == 0
    assert (here / "a.srt").read_text() == before
    assert names(here) == ["a.events.json", "a.events.srt", "a.events.vtt", "a.mp4", "a.srt"]
    assert read_events(here / "a.events.srt").labels == read_events(here / "a.events.json").labels


def test_all_formats_at_once_are_as_many_files(avtext: Run, here: Path, made: Path, model: Path) -> None:
    said = avtext("detect", made / "a.mp4", "-m", model, "-f", ",".join(FORMATS))
    assert said.code == 0
    assert len(names(here)) == len(FORMATS)
    counts = {name: len(next(iter(read_events(here / name, kind).events.values()))) for name, kind in (
        ("a.events.json", "json"), ("a.activitynet.json", "activitynet"), ("a.labelstudio.json", "labelstudio"),
        ("a.events.txt", "sed_eval"), ("a.audacity.txt", "audacity"), ("a.events.textgrid", "textgrid"),
    )}  # fmt: skip
    assert len(set(counts.values())) == 1, counts


def test_json_lines_for_machines(avtext: Run, here: Path, made: Path, model: Path) -> None:
    said = avtext("detect", made / "a.mp4", "none.mp4", "-m", model, "--json")
    assert said.code == 1
    good, bad = (json.loads(line) for line in said.out.splitlines())
    assert good == json.loads((here / "a.events.json").read_text())
    assert (bad["file"], bad["status"], bad["error"]["code"]) == ("none.mp4", "failed", "NOT_MEDIA")
    assert bad["events"] == []


def test_json_lines_are_json_whatever_the_terminals_encoding(avtext: Run) -> None:
    """Python writes é as \\xe9 to a stream that has none, which JSON does not know."""
    said = avtext("detect", "é\u2028.mp4", "--json")
    assert said.out.isascii()
    assert json.loads(said.out)["error"]["message"] == "é?.mp4: no such file"


def test_no_class_is_not_every_class(avtext: Run, made: Path, model: Path) -> None:
    said = avtext("detect", made / "b.mp4", "-m", model, "--classes", "")
    assert said.code == 2
    assert "an empty argument was given, perhaps by a variable that is not set" in said.err


def test_threshold_classes_and_a_part_of_the_video(avtext: Run, here: Path, made: Path, model: Path) -> None:
    def found(*words: object) -> dict:
        said = avtext("detect", made / "a.mp4", "-m", model, "--json", *words)
        assert said.code == 0
        return json.loads(said.out)

    every = found()["events"]
    labels = sorted({e["label"] for e in every})
    scores = sorted(e["score"] for e in every)
    assert len(labels) > 1
    widest = max(range(1, len(scores)), key=lambda k: scores[k] - scores[k - 1])
    between = (scores[widest - 1] + scores[widest]) / 2  # far from any score, which are rounded
    assert sorted(e["score"] for e in found("--threshold", between)["events"]) == scores[widest:]
    assert {e["label"] for e in found("--classes", f"{labels[0]} , {labels[1]}")["events"]} == set(labels[:2])
    part = found("--start", 1, "--end", 2.5)
    assert part["duration"] == 2.5
    assert part["events"]
    assert all(1.0 <= e["start"] < e["end"] <= 2.5 for e in part["events"])


def test_a_class_whose_name_has_a_comma_can_be_asked_for(avtext: Run, here: Path, made: Path) -> None:
    teller = talkative()
    first, *others = teller.settings.labels
    teller.settings = teller.settings.model_copy(update={"labels": (f"{first}, loud", *others)})
    save_detector(here / "model", teller, "# tiny\n")
    said = avtext("detect", made / "a.mp4", "-m", "model", "--json", "--classes", f"{first}, loud")
    assert (said.code, said.err) == (0, "")
    both = avtext(
        "detect", made / "a.mp4", "-m", "model", "--json", "--classes", f"{first}, loud", "--classes", others[0]
    )
    told = [{event["label"] for event in json.loads(one.out)["events"]} for one in (said, both)]
    assert told == [{f"{first}, loud"}, {f"{first}, loud", others[0]}]


# -- many inputs ------------------------------------------------------------------------------------------------------


def test_folders_and_lists(avtext: Run, here: Path, made: Path, model: Path) -> None:
    (here / "list.txt").write_text(f"\ufeff# videos\n\n  {made / 'a.mp4'}  \nsub\n{made / 'a.mp4'}\n", encoding="utf-8")
    (here / "sub" / "deep").mkdir(parents=True)
    shutil.copy(made / "b.mp4", here / "sub" / "deep" / "c.MP4")
    (here / "sub" / "notes.txt").write_text("not a video")
    said = avtext("detect", "@list.txt", "sub", "-m", model, "-o", "out", "--json")
    assert said.code == 0
    assert [Path(json.loads(line)["file"]).name for line in said.out.splitlines()] == ["a.mp4", "c.MP4"]
    assert names(here / "out") == ["a.events.json", "c.events.json"]


def test_a_bad_file_does_not_stop_the_others_and_is_listed_at_the_end(
    avtext: Run, here: Path, made: Path, model: Path
) -> None:
    (here / "bad.mp4").write_bytes(b"")
    said = avtext("detect", "bad.mp4", made / "a.mp4", "none.mp4", made / "b.mp4", "-m", model)
    assert said.code == 1
    assert names(here) == ["a.events.json", "b.events.json", "bad.mp4"]
    head, *lines = said.err.splitlines()
    assert head == "2 of 4 files failed:"
    assert [line.strip().split(":")[0] for line in lines] == ["bad.mp4", "none.mp4"]


def test_two_inputs_that_share_a_stem_keep_their_whole_names(avtext: Run, here: Path, made: Path, model: Path) -> None:
    write_video(here / "x.mp4", 1.0)
    write_video(here / "x.mkv", 1.0)
    (here / "other").mkdir()
    write_video(here / "other" / "y.mp4", 1.0)
    said = avtext("detect", "x.mp4", "x.mkv", "other/y.mp4", "./x.mp4", "-m", model, "-o", "out")
    assert said.code == 0
    assert names(here / "out") == ["x.mkv.events.json", "x.mp4.events.json", "y.events.json"]
    assert json.loads((here / "out" / "x.mkv.events.json").read_text())["file"] == "x.mkv"


def test_result_names_are_never_the_same() -> None:
    paths = [Path(p) for p in ("a/x.mp4", "b/x.mp4", "x.mp4.1.mkv", "x.mkv", "c/x.mp4.mp4", "y.wav")]
    found = result_names(paths)
    assert list(found) == paths
    assert len(set(found.values())) == len(paths)
    assert found[Path("y.wav")] == "y"
    assert found[Path("x.mp4.1.mkv")] == "x.mp4.1"


def test_files_of_one_name_are_not_numbered_from_the_first_on_for_each() -> None:
    few, many = ([Path(f"{camera}/video.mp4") for camera in range(count)] for count in (100, 400))
    assert lines_run(lambda: result_names(many)) < 5 * lines_run(lambda: result_names(few))
    assert len(set(result_names(many).values())) == len(many)


def test_what_is_done_is_skipped(avtext: Run, here: Path, made: Path, model: Path) -> None:
    words = ("detect", made / "a.mp4", made / "b.mp4", "-m", model, "-f", "json,csv", "--skip-existing")
    assert avtext(*words).code == 0
    (here / "b.events.csv").unlink()
    stamp = (here / "a.events.json").stat().st_mtime_ns
    said = avtext(*words)
    assert said.code == 0
    assert said.err.startswith("1 of 2 files skipped: the results are there\n")
    assert "a.mp4" not in said.out
    assert (here / "b.events.csv").exists()
    assert (here / "a.events.json").stat().st_mtime_ns == stamp
    third = avtext(*words[:4], "nowhere", *words[5:])  # no model is needed for nothing
    assert (third.code, third.out) == (0, "")


def test_the_results_of_another_file_are_neither_taken_for_done_nor_replaced(
    avtext: Run, here: Path, model: Path
) -> None:
    for folder in ("one", "two"):
        (here / folder).mkdir()
        write_video(here / folder / "x.mp4", 1.0)
    words = ("-m", model, "-o", "out", "--skip-existing")
    assert avtext("detect", "one", *words).code == 0
    before = (here / "out" / "x.events.json").read_bytes()
    for formats in ("json", "json,csv"):
        said = avtext("detect", "two", *words, "-f", formats)
        assert (said.code, said.out) == (2, "")
        assert "x.events.json: is of one/x.mp4, not of two/x.mp4: choose another --out" in said.err
    assert (here / "out" / "x.events.json").read_bytes() == before
    assert "1 of 1 file skipped: the results are there" in avtext("detect", here / "one" / "x.mp4", *words).err


def test_what_was_encoded_is_kept_and_not_encoded_again(
    avtext: Run, here: Path, made: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("detect", made / "a.mp4", "-m", model, "--json", "--cache", here / "kept")
    first = avtext(*words)
    assert (first.code, len(names(here / "kept"))) == (0, 1)
    monkeypatch.setattr("avtext.detection.finder.FileReading", None)
    again = avtext(*words, "-o", "again")
    assert (again.code, again.out) == (0, first.out)
    scores = sorted(event["score"] for event in json.loads(first.out)["events"])
    fewer = avtext(*words, "-o", "fewer", "--threshold", scores[-1])
    assert fewer.code == 0
    assert 1 <= len(json.loads(fewer.out)["events"]) < len(scores)


def test_files_that_are_encoded_together_give_what_each_gives_alone(
    avtext: Run, here: Path, made: Path, model: Path
) -> None:
    (here / "bad.mp4").write_bytes(b"\0" * 100)
    files = (made / "a.mp4", here / "bad.mp4", made / "b.mp4")
    for words in ([], ["--together", "20"], ["--jobs", "2"]):
        said = avtext("detect", *files, "-m", model, "-o", "-".join(words) or "alone", *words)
        assert (said.code, said.out.count("wrote ")) == (1, 2)
        assert "1 of 3 files failed:" in said.err
    for name in ("a.events.json", "b.events.json"):
        alone, *others = (read_events(here / folder / name).events for folder in ("alone", "--together-20", "--jobs-2"))
        assert others == [alone, alone]


def test_shards_are_all_files_once_under_their_names(avtext: Run, here: Path, made: Path, model: Path) -> None:
    write_video(here / "x.mp4", 1.0)
    write_video(here / "x.mkv", 1.0)
    for shard in ("1/2", "2/2"):
        assert avtext("detect", "x.mp4", "x.mkv", "-m", model, "-o", "out", "--shard", shard).code == 0
        assert len(names(here / "out")) == int(shard[0])
    assert names(here / "out") == [
        "x.mkv.events.json",
        "x.mp4.events.json",
    ]  # as without shards: no name is taken twice
    empty = avtext("detect", "x.mp4", "x.mkv", "-m", model, "-o", "out", "--shard", "3/3")
    assert (empty.code, empty.out, empty.err) == (0, "", "none of 2 files is in shard 3/3\n")


# -- bad input --------------------------------------------------------------------------------------------------------


def spoil(kind: str, folder: Path) -> str:
    path = folder / f"{kind}.mp4"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("I am no video\n" * 20)
    elif kind == "noise":
        path.write_bytes(bytes(range(256)) * 40)
    elif kind == "streamless":
        write_no_streams(path)
    elif kind == "badsubs":
        write_video(path, 1.0)
        path.with_suffix(".srt").write_bytes(b"\x89PNG\0\0 no words")
    elif kind == "long":
        return "x" * 300 + ".mp4"
    return path.name


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("missing", "no such file"),
        ("empty", "is empty (0 bytes)"),
        ("text", "is a text file"),
        ("noise", "noise.mp4: "),
        ("streamless", "no audio or video stream"),
        ("badsubs", "badsubs.srt: holds binary data, not subtitles"),
        ("long", "cannot be opened (File name too long)"),
    ],
)
def test_a_bad_file_is_one_line_and_exit_1_and_writes_nothing(
    avtext: Run, here: Path, model: Path, kind: str, hint: str
) -> None:
    name = spoil(kind, here)
    before = names(here)
    said = avtext("detect", name, "-m", model, "-o", "out")
    assert said.code == 1
    head, line = said.err.splitlines()
    assert head == "1 of 1 file failed:"
    assert hint in line
    assert said.out.count("\n") == 1
    assert hint in said.out
    assert names(here) == before  # not even the folder


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["empty-folder"], "empty-folder: no media file in this folder"),
        ([""], "an empty argument was given"),
        (["x.mp4", "--out="], "an empty argument was given"),
        (["@none.txt"], "@none.txt: the list cannot be read (No such file or directory): name a file of paths"),
        (["@empty-folder"], "@empty-folder: the list cannot be read (Is a directory): name a file of paths"),
        (["@blank.txt"], "@blank.txt: names no file"),
        (["@wide.txt"], "@wide.txt: the list holds zero bytes, perhaps as UTF-16: save it as UTF-8"),
        (["a.mp4", "-f", "docx"], "--format: 'docx' is not known; known: json, csv"),
        (["a.mp4", "-f", ","], "--format: ',' is not known"),
        (["a.mp4", "--classes", "dgo"], "'dgo' is not one of the model's labels; did you mean 'dog'?"),
        (["a.mp4", "--device", "gpu"], "device: must be auto, cpu or cuda[:n], got 'gpu'"),
        (["a.mp4", "--device", "meta"], "got 'meta'"),
        (["a.mp4", "--device", "cuda:99"], "cuda:99 was asked for but that GPU is not there"),
        (["a.mp4", "--start", "2", "--end", "2"], "--end: must be after --start, got 2.0 and 2.0"),
        (["a.mp4", "b.mp4", "--transcript", "a.srt"], "--transcript: goes with one video, got 2"),
        (["a.mp4", "--together", "20", "--jobs", "2"], "--together: does not go with --jobs"),
        (["a.mp4", "--shard", "0/2"], "--shard: must be i/n with 1 <= i <= n, such as 1/4, got '0/2'"),
        (["a.mp4", "--shard", "half"], "--shard: must be i/n"),
        (["a.mp4", "--shard", "1/" + "9" * 5000], "--shard: must be i/n"),
        (["a.mp4", "-o", "a.mp4"], "--out: a.mp4: cannot be written"),
        (["a.mp4", "-o", "a.mp4/deep/er"], "--out: a.mp4/deep/er: cannot be written"),
        (["a.mp4", "-m", "empty-folder/none"], "empty-folder/none: no such model folder"),
        (["a.mp4", "-m", "empty-folder"], "empty-folder: not a model folder: it has no config.json"),
        (["a.mp4", "-m", "a.mp4"], "a.mp4: no such model folder"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_2(
    avtext: Run, here: Path, made: Path, model: Path, words: list[str], hint: str
) -> None:
    shutil.copy(made / "a.mp4", here)
    (here / "empty-folder").mkdir()
    (here / "blank.txt").write_text("\n# nothing\n")
    (here / "wide.txt").write_text("a.mp4\n", encoding="utf-16")
    before = names(here)
    said = avtext("detect", *([] if "-m" in words else ["-m", model]), *words)
    assert (said.code, said.out) == (2, "")
    assert hint in said.err
    assert said.err.count("\n") == 1
    assert names(here) == before


def test_a_list_holds_names_as_the_disk_has_them(here: Path) -> None:
    names = [b"caf\xe9.mp4", "café.mp4".encode(), "a\u2028b.mp4".encode(), b"c\x0cd\x1c.mp4"]
    (here / "list.txt").write_bytes(b"\xef\xbb\xbf# of two systems\r\n" + b"\r\n".join(names))
    assert [os.fsencode(path) for path in expand(["@list.txt"])] == names


def test_a_list_that_names_itself_ends(here: Path) -> None:
    (here / "list.txt").write_text("@list.txt\na.mp4\n")
    assert expand(["@list.txt"]) == [Path("@list.txt"), Path("a.mp4")]
    with pytest.raises(ConfigError, match="names no file"):
        expand([])


def test_a_file_that_ends_before_start_fails_alone(avtext: Run, here: Path, made: Path, model: Path) -> None:
    said = avtext("detect", made / "b.mp4", made / "a.mp4", "--start", "3", "-m", model)
    assert said.code == 1
    assert "nothing to read from 3 s on" in said.err
    assert names(here) == ["a.events.json"]


def test_a_result_that_cannot_be_written_fails_alone(avtext: Run, here: Path, made: Path, model: Path) -> None:
    long = "y" * 244 + ".mp4"  # the name of the results is longer than a name may be
    shutil.copy(made / "b.mp4", here / long)
    (here / "a.events.json").mkdir()
    said = avtext("detect", made / "a.mp4", made / "b.mp4", long, "-m", model)
    assert said.code == 1
    head, first, second = said.err.splitlines()
    assert head == "2 of 3 files failed:"
    assert "a.events.json: cannot be written" in first
    assert "the name is too long" in second
    assert (here / "b.events.json").is_file()
    assert not [name for name in names(here) if name.endswith(".part")]


def test_control_characters_and_markup_in_a_name_are_inert(avtext: Run, here: Path, made: Path, model: Path) -> None:
    name = "[red]a[link=b]\x1b[31m\n\r.mp4"
    shutil.copy(made / "b.mp4", here / name)
    gone = "\x1b]0;gone\x07.mp4"
    for _ in range(2):  # the second replaces
        said = avtext("detect", name, gone, "-m", model, "-f", "json,csv")
        assert said.code == 1
        assert not [c for c in said.out + said.err if not c.isprintable() and c != "\n"]
        assert "[red]a[link=b]?[31m??.mp4: " in said.out
        assert "?]0;gone?.mp4: no such file" in said.err
    assert said.err.count("replaced") == 2


def test_debug_shows_where_and_goes_on(avtext: Run, here: Path, made: Path, model: Path) -> None:
    said = avtext("detect", "none.mp4", made / "b.mp4", "-m", model, "--debug")
    assert said.code == 1
    assert "Traceback" in said.err
    assert "MediaError: none.mp4: no such file" in said.err
    assert (here / "b.events.json").exists()


def test_a_given_transcript_is_used_instead_of_the_one_beside(avtext: Run, here: Path, made: Path, model: Path) -> None:
    (here / "silent.srt").write_text("")
    with_words = json.loads(avtext("detect", made / "a.mp4", "-m", model, "--json").out)
    without = json.loads(avtext("detect", made / "a.mp4", "--transcript", "silent.srt", "-m", model, "--json").out)
    assert with_words["modalities"] == ["audio", "video", "text"]
    assert without["modalities"] == ["audio", "video"]
    for wrong in ("none.srt", "words.txt"):
        said = avtext("detect", made / "a.mp4", "--transcript", wrong, "-m", model)
        assert said.code == 1
        assert wrong in said.err


def test_what_a_format_cannot_hold_is_said_where_no_json_holds_it(
    avtext: Run, here: Path, made: Path, model: Path
) -> None:
    words = ("detect", made / "a.mp4", "-m", model)
    assert "vtt cannot hold" in avtext(*words, "-f", "vtt", "-o", "alone").err
    assert avtext(*words, "-f", "json,vtt", "-o", "both").err == ""
