from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from avtext import formats
from avtext.clip import Cue, Event
from avtext.data.manifest import Entry, read_manifest
from avtext.errors import ConfigError, MediaError
from avtext.formats import read_events
from tests.tiny import SRT

BELL = {"start": 1.0, "end": 2.5, "label": "bell"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files that a manifest can name; that they are videos is not looked at here."""
    (tmp_path / "videos").mkdir()
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / "videos" / name).write_bytes(b"\0")
    return tmp_path


def manifest(folder: Path, *lines: object) -> Path:
    path = folder / "m.jsonl"
    path.write_text("\n".join(x if isinstance(x, str) else json.dumps(x, ensure_ascii=False) for x in lines))
    return path


def entries(folder: Path, *lines: object, labels: list[str] | None = None) -> list[Entry]:
    return read_manifest(manifest(folder, *lines), labels)


def refusal(folder: Path, *lines: object, labels: list[str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        entries(folder, *lines, labels=labels)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(folder / "m.jsonl"))


def test_paths_are_relative_to_the_manifest_and_blank_lines_are_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    first, second = entries(
        folder,
        "\ufeff",
        {"path": "videos/a.mp4", "events": [BELL]},
        "  ",
        {"path": str(folder / "videos" / "b.mp4"), "events": []},
    )
    assert first.path == folder / "videos" / "a.mp4"
    assert first.events == (Event(1.0, 2.5, "bell"),)
    assert first.where == f"{folder / 'm.jsonl'}:2"
    assert second.events == ()
    assert second.where.endswith(":4")


def test_windows_line_ends_and_line_separators_inside_a_label(folder: Path) -> None:
    label = "bell\u2028\x85loud"  # characters at which str.splitlines would cut
    line = json.dumps({"path": "videos/a.mp4", "events": [{**BELL, "label": label}]}, ensure_ascii=False)
    (folder / "m.jsonl").write_bytes(f"{line}\r\n{line}\r\n".encode())
    found = read_manifest(folder / "m.jsonl")
    assert [entry.events[0].label for entry in found] == [label, label]


def test_whole_numbers_are_seconds_too(folder: Path) -> None:
    (entry,) = entries(folder, {"path": "videos/a.mp4", "events": [{"start": 0, "end": 2, "label": "bell"}]})
    assert entry.events == (Event(0.0, 2.0, "bell"),)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([{**BELL, "end": 1.0}], "event 1: needs 0 <= start < end in seconds, got start=1.0, end=1.0"),
        ([BELL, {**BELL, "end": 0.5}], "event 2: needs 0 <= start < end in seconds, got start=1.0, end=0.5"),
        ([{**BELL, "start": -1}], "needs 0 <= start < end in seconds, got start=-1"),
        ([{**BELL, "start": "1"}], "got start='1'"),
        ([{**BELL, "start": True}], "got start=True"),
        ([{**BELL, "start": None}], "got start=None"),
        ([{**BELL, "end": 10**400}], "needs 0 <= start < end in seconds"),
        ([{**BELL, "label": ""}], "label must be a text that is not empty, got ''"),
        ([{**BELL, "label": 3}], "label must be a text that is not empty, got 3"),
        ([{"start": 1, "label": "bell"}], 'must be {"start": seconds, "end": seconds, "label": text}'),
        ([3], 'must be {"start": seconds'),
        ({"bell": [1, 2]}, "events must be a list or a file name, got dict"),
        (3, "events must be a list or a file name, got int"),
        ("none.txt", "events: "),
    ],
)
def test_a_wrong_event_names_the_line_and_the_event(folder: Path, events: object, words: str) -> None:
    said = refusal(folder, {"path": "videos/a.mp4", "events": []}, {"path": "videos/a.mp4", "events": events})
    assert said.startswith(":2: ")
    assert words in said


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_refused(folder: Path, number: str) -> None:
    said = refusal(folder, f'{{"path": "videos/a.mp4", "events": [{{"start": 0, "end": {number}, "label": "bell"}}]}}')
    assert said.startswith(":1: event 1: needs 0 <= start < end")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "not JSON: "),
        ("[" * 100_000, "not JSON: "),
        ("3", 'must be an object with a "path"'),
        ({"events": []}, 'must be an object with a "path"'),
        ({"path": 3, "events": []}, 'must be an object with a "path"'),
        (
            {"path": "videos/a.mp4"},
            'has no "events": give a list (empty where nothing happens), an event file, or null where',
        ),
        (
            '{"path": "videos/a.mp4", "events": [], "events": null}',
            "the key 'events' is there twice in one object: keep one",
        ),
        ('{"path": "videos/a.mp4", "events": [{"start": 0, "start": 1, "end": 2, "label": "a"}]}', "key 'start' is"),
        ({"path": "videos/a.mp4", "evnets": []}, "unknown key 'evnets'; known: path, transcript, events"),
        ({"path": "videos/a.mp4", "events": [], "labels": []}, 'has "events" and "labels"'),
        ({"path": "videos/a.mp4", "labels": "bell"}, "labels must be a list of labels"),
        ({"path": "videos/a.mp4", "labels": None}, "labels must be a list of labels"),
        ({"path": "videos/a.mp4", "labels": [""]}, "labels must be a list of labels"),
        ({"path": "videos/a.mp4", "labels": [3]}, "got [3]"),
        ('{"path": "videos/a.mp4", "labels": ["\\ud800"]}', "labels: a label has a lone surrogate"),
        ({"path": "videos/a.mp4", "events": [], "annotated": {"bell": 1}}, "annotated must be a list of labels"),
        (
            {"path": "videos/a.mp4", "events": [BELL], "annotated": ["dog"]},
            "annotated: label 'bell' is not one of: dog",
        ),
        ({"path": "videos/a.mp4", "labels": ["bell"], "annotated": []}, "annotated: label 'bell' is not one of"),
        ({"path": "videos/c.mp4", "events": []}, "c.mp4: no such file"),
        ({"path": "videos", "events": []}, "videos: no such file"),
        ({"path": "", "events": []}, "no such file"),
        ({"path": "x" * 300, "events": []}, "no such file"),
        ({"path": "a\0b", "events": []}, "no such file"),
        ({"path": "videos/a.mp4", "events": [], "transcript": "a.srt"}, "transcript: "),
        ({"path": "videos/a.mp4", "events": [], "transcript": 3}, "transcript must be a file name, got 3"),
    ],
)
def test_a_wrong_line_is_named(folder: Path, line: object, words: str) -> None:
    said = refusal(folder, {"path": "videos/a.mp4", "events": []}, "", line)
    assert said.startswith(":3: ")
    assert words in said


def test_the_line_that_stage_1_shows_can_be_read(folder: Path, root: Path) -> None:
    shown = re.search(r'\{"path".*?\}', (root / "configs" / "stage1-self-supervised.yaml").read_text())
    assert shown is not None
    (folder / "a.mp4").touch()
    (entry,) = entries(folder, shown.group())
    assert entry.events is entry.present is None


def test_labels_must_be_the_models(folder: Path) -> None:
    line = {"path": "videos/a.mp4", "events": [BELL]}
    assert entries(folder, line, labels=["bell", "dog"])
    assert ":1: label 'bell' is not one of: dog, cat" in refusal(folder, line, labels=["dog", "cat"])


def test_a_manifest_without_entries_or_that_is_none(folder: Path) -> None:
    assert "has no entry: write one JSON object per line" in refusal(folder, "", " ")
    for path, words in (
        (folder / "none.jsonl", "no such manifest"),
        (folder / "videos", "cannot be read as UTF-8 text"),
    ):
        with pytest.raises(ConfigError, match=words):
            read_manifest(path)
    (folder / "latin.jsonl").write_bytes(b'{"path": "caf\xe9.mp4", "events": []}')
    with pytest.raises(ConfigError, match="cannot be read as UTF-8 text"):
        read_manifest(folder / "latin.jsonl")


def test_events_from_an_audacity_label_file(folder: Path) -> None:
    (folder / "labels.txt").write_text("1.0\t2.5\tbell\n3.0\t3.1\tdog\n")
    (entry,) = entries(folder, {"path": "videos/a.mp4", "events": "labels.txt"})
    assert entry.events == (Event(1.0, 2.5, "bell"), Event(3.0, 3.1, "dog"))


@pytest.mark.parametrize("times", ["3.0\t3.0", "-1.0\t2.0", "3.0\t2000000000.0"])
def test_event_files_may_say_no_more_than_a_list_of_events(folder: Path, times: str) -> None:
    (folder / "labels.txt").write_text(f"1.0\t2.5\tbell\n{times}\tdog\n")
    said = refusal(folder, {"path": "videos/a.mp4", "events": "labels.txt"})
    assert said.startswith(":1: ")
    assert "labels.txt: event 2 (dog): needs 0 <= start < end in seconds, got start=" in said


def test_events_from_a_table_of_many_videos(folder: Path) -> None:
    (folder / "all.csv").write_text("file,start,end,label\nvideos/a.mp4,1,2,bell\nb.wav,3,4,dog\n")
    a, b = entries(folder, {"path": "videos/a.mp4", "events": "all.csv"}, {"path": "videos/b.mp4", "events": "all.csv"})
    assert [e.label for e in a.events] == ["bell"]
    assert [e.label for e in b.events] == ["dog"]  # by its stem
    (folder / "all.csv").write_text("file,start,end,label\nx.mp4,1,2,bell\ny.mp4,3,4,dog\n")
    said = refusal(folder, {"path": "videos/a.mp4", "events": "all.csv"})
    assert "has no events of a.mp4; it has those of: x.mp4, y.mp4" in said
    (folder / "all.csv").write_text("file,start,end,label\nb.mp4,1,2,bell\n")  # of one video, but of another
    assert "has no events of a.mp4; it has those of: b.mp4" in refusal(
        folder, {"path": "videos/b.mp4", "events": "all.csv"}, {"path": "videos/a.mp4", "events": "all.csv"}
    )
    (folder / "all.csv").write_text("start,end,label\n1,2,bell\n")  # of whatever video points at it
    (a,) = entries(folder, {"path": "videos/a.mp4", "events": "all.csv"})
    assert a.events == (Event(1.0, 2.0, "bell"),)
    (folder / "all.csv").write_text("file,start,end,label\na.mp4,2,1,bell\n")
    said = refusal(folder, {"path": "videos/a.mp4", "events": "all.csv"})
    assert said.startswith(":1: ")
    assert "all.csv: line 2: " in said


def test_a_video_gets_the_events_of_its_own_name_in_a_table(folder: Path) -> None:
    table, line = folder / "all.csv", {"path": "videos/a.mp4", "events": "all.csv"}

    def label_of(*names: str) -> str:
        rows = "".join(f"{name},{k},{k + 1},{name}\n" for k, name in enumerate(names))
        table.write_text(f"file,start,end,label\n{rows}")
        (entry,) = entries(folder, line)
        assert entry.events is not None
        return entry.events[0].label

    assert label_of("a.wav", "a.mp4") == "a.mp4"
    assert label_of("others/a.mp4", "videos/a.mp4") == "videos/a.mp4"
    assert label_of("others\\a.mp4", "videos\\a.mp4") == "videos\\a.mp4"
    for names in (("x/a.mp4", "y/a.mp4"), ("a.wav", "a.mkv")):
        with pytest.raises(ConfigError, match=f"a.mp4 may be {names[0]} or {names[1]}: give files names of their own"):
            label_of(*names)


def test_a_name_without_an_ending_may_have_a_dot(folder: Path) -> None:
    rows = ("talk,1,2,bell", "talk.01,3,4,dog", "talk.02.wav,5,6,cut")
    (folder / "all.csv").write_text("\n".join(("file,start,end,label", *rows)))
    names = ("talk.mp4", "talk.01.mp4", "talk.02.mp4")
    for name in names:
        (folder / name).touch()
    found = entries(folder, *({"path": name, "events": "all.csv"} for name in names))
    assert [[event.label for event in entry.events or ()] for entry in found] == [["bell"], ["dog"], ["cut"]]


def test_a_table_of_many_videos_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{k}.mp4" for k in range(40)]
    read: list[Path] = []
    monkeypatch.setattr(formats, "read_events", lambda path: (read.append(path), read_events(path))[1])
    for name in names:
        (folder / name).touch()
    rows = (f"{name},{k},{k + 1},bell\n" for name in names for k in range(5))
    (folder / "all.csv").write_text("file,start,end,label\n" + "".join(rows))
    found = entries(folder, *({"path": name, "events": "all.csv"} for name in names))
    assert len(read) == 1
    assert [len(entry.events or ()) for entry in found] == [5] * len(names)


def test_cues_are_those_named_else_those_beside_else_none(folder: Path) -> None:
    (folder / "said.srt").write_text(SRT)
    (folder / "videos" / "b.srt").write_text(SRT.replace("hello", "beside"))
    named, beside, none = entries(
        folder,
        {"path": "videos/b.mp4", "events": [], "transcript": "said.srt"},
        {"path": "videos/b.mp4", "events": []},
        {"path": "videos/a.mp4", "events": []},
    )
    assert named.cues() == (Cue(1.0, 2.0, "[dog barks]"), Cue(2.5, 3.5, "hello"))
    assert [cue.text for cue in beside.cues() or ()] == ["[dog barks]", "beside"]
    assert none.cues() is None
    (folder / "said.srt").write_bytes(b"\x89PNG\0\0 no words")
    with pytest.raises(MediaError, match="binary data"):
        named.cues()


def test_labels_without_times_and_some_labels_only(folder: Path) -> None:
    weak, partly, none = entries(
        folder,
        {"path": "videos/a.mp4", "labels": ["bell", "dog", "bell"], "annotated": ["dog", "bell", "cat"]},
        {"path": "videos/a.mp4", "events": [BELL], "annotated": ["bell"]},
        {"path": "videos/b.mp4", "labels": []},
        labels=["bell", "dog", "cat"],
    )
    assert (weak.events, weak.present, weak.annotated) == (None, ("bell", "dog"), ("dog", "bell", "cat"))
    assert (partly.events, partly.present, partly.annotated) == ((Event(1.0, 2.5, "bell"),), None, ("bell",))
    assert (none.events, none.present, none.annotated) == (None, (), None)
    for line in ({"labels": ["bell"]}, {"events": [], "annotated": ["bell"]}):
        said = refusal(folder, {"path": "videos/a.mp4", **line}, labels=["dog"])
        assert said == ":1: label 'bell' is not one of: dog"
