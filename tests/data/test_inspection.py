from __future__ import annotations

import json
import shutil
from pathlib import Path

import av
import pytest

from avtext.data.inspection import Inspection, inspect
from avtext.data.overview import _figure_of, draw_overview
from avtext.errors import ConfigError
from avtext.media import probe
from tests.tiny import SRT, write_video, write_wav


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a.mp4 with subtitles, sound.wav without a picture, text.mp4 that is no video; 2 s each."""
    place = tmp_path_factory.mktemp("inspected")
    write_video(place / "a.mp4", 2.0)
    (place / "a.srt").write_text(SRT)
    write_video(place / "mute.mp4", 2.0, sound=False)
    write_wav(place / "sound.wav", 2.0)
    (place / "text.mp4").write_text("hello")
    shutil.copy(place / "a.mp4", place / "copy.mp4")
    return place


def event(start: float, end: float, label: str = "bell") -> dict[str, object]:
    return {"start": start, "end": end, "label": label}


def look(folder: Path, *lines: object, labels: list[str] | None = None) -> Inspection:
    (folder / "m.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return inspect([folder / "m.jsonl"], labels)[0]


def faults(folder: Path, *lines: object, labels: list[str] | None = None) -> list[str]:
    found = look(folder, *lines, labels=labels).faults
    return [fault.replace(f"{folder}/", "") for fault in found]


def test_nothing_is_wrong_with_what_is_right(folder: Path) -> None:
    one = look(folder, {"path": "a.mp4", "events": [event(0.0, 1.0), event(1.0, 2.05), event(0.5, 1.5, "dog")]})
    assert one.faults == []
    assert one.counts() == {"bell": (2, pytest.approx(2.05), 1), "dog": (1, 1.0, 1)}
    assert one.notes == ["fewer than 10 events, which is little to learn from: bell (2), dog (1)"]


def test_every_line_has_its_faults_not_only_the_first(folder: Path) -> None:
    assert faults(
        folder,
        {"path": "none.mp4", "events": []},
        {"path": "a.mp4"},
        {"path": "a.mp4", "events": [event(1.0, 1.5), event(1.2, 1.8), event(1.9, 5.0)]},
        {"path": "text.mp4", "events": []},
    ) == [
        "m.jsonl:1: path: none.mp4: no such file",
        'm.jsonl:2: has no "events": give a list (empty where nothing happens), an event file, or null where nobody labelled it; or "labels" where times are not known',
        "m.jsonl:3: two 'bell' overlap, 1-1.5 s and 1.2-1.8 s: make them one, or shorten the first",
        "m.jsonl:3: 'bell' at 1.9-5 s is out of range: the video ends at 2.00 s: times are seconds from its beginning",
        "m.jsonl:4: text.mp4: is a text file; video or audio is needed (subtitles are given as its transcript)",
    ]


def test_a_video_that_cannot_be_read_is_one_fault(folder: Path) -> None:
    found = faults(folder, {"path": "/proc/self/mem", "events": []}, {"path": "none.mp4", "events": []})
    assert found == [
        "m.jsonl:1: /proc/self/mem: cannot be read (Input/output error)",
        "m.jsonl:2: path: none.mp4: no such file",
    ]


def test_labels_that_would_be_read_as_the_transcript(folder: Path) -> None:
    mine = [event(1.0, 2.0), event(0.25, 0.5, "dog")]
    (folder / "said.srt").write_text(
        "1\n00:00:00,250 --> 00:00:00,500\ndog\n\n2\n00:00:01,000 --> 00:00:02,000\nbell\n"
    )
    read = {"path": "mute.mp4", "transcript": "said.srt"}
    words = (
        "m.jsonl:1: the transcript of mute.mp4 is its labels, which the model would learn to read: "
        "keep labels in another folder than videos"
    )
    assert faults(folder, {**read, "events": mine}) == [words]
    assert faults(folder, {**read, "events": [*mine, event(1.5, 2.0, "cat")]}) == []
    assert faults(folder, {**read, "events": []}) == []


def test_an_event_that_begins_after_its_video_is_a_fault_however_short_it_is(folder: Path) -> None:
    end = probe(folder / "a.mp4").duration
    assert end is not None
    (fault,) = faults(folder, {"path": "a.mp4", "events": [event(end + 0.01, end + 0.05)]})
    assert "is out of range: the video ends at 2.00 s" in fault  # training refuses it, too


def test_a_transcript_that_cannot_be_read_hides_no_other_fault(folder: Path) -> None:
    one = look(folder, {"path": "a.mp4", "transcript": "text.mp4", "events": [event(1.0, 5.0)]})
    assert ["out of range" in fault for fault in one.faults] == [False, True]
    assert one.entries[0][1] is not None
    assert not any("words" in note for note in one.notes)


def test_missing_streams_are_counted(folder: Path) -> None:
    one = look(folder, *({"path": name, "events": []} for name in ("a.mp4", "mute.mp4", "sound.wav")))
    assert one.notes == [
        "1 of 3 videos have no sound",
        "1 of 3 videos have no picture",
        "2 of 3 videos have no words",
        "3 of 3 videos have no events",
    ]


def test_unknown_and_absent_classes(folder: Path) -> None:
    line = {"path": "a.mp4", "events": [event(0.0, 1.0)]}
    assert faults(folder, line, labels=["dog"]) == ["m.jsonl:1: label 'bell' is not one of: dog"]
    assert "no event of: dog" in look(folder, line, labels=["dog", "bell"]).notes


def test_what_the_first_manifest_looked_for_is_allowed_in_others(folder: Path) -> None:
    bell, dog = event(0.0, 1.0), event(0.0, 1.0, "dog")
    for first in ({"events": [bell], "annotated": ["bell", "dog"]}, {"events": None}):
        (folder / "train.jsonl").write_text(json.dumps({"path": "a.mp4", **first}))
        (folder / "test.jsonl").write_text(json.dumps({"path": "mute.mp4", "events": [dog]}))
        train, test = inspect([folder / "train.jsonl", folder / "test.jsonl"])
        assert train.faults == test.faults == []
        assert ("no event of: dog" in train.notes) == ("annotated" in first)


def test_leaks_within_a_manifest_and_between_two(folder: Path) -> None:
    twice = faults(folder, {"path": "a.mp4", "events": []}, {"path": "copy.mp4", "events": []})
    assert twice == ["m.jsonl:2: copy.mp4 has the same content as m.jsonl:1: remove one of them"]
    (folder / "train.jsonl").write_text(json.dumps({"path": "a.mp4", "events": [event(0.0, 1.0)]}))
    (folder / "test.jsonl").write_text(json.dumps({"path": "copy.mp4", "events": [event(0.0, 1.0, "cat")]}))
    train, test = inspect([folder / "train.jsonl", folder / "test.jsonl"])
    assert train.faults == []
    assert [fault.replace(f"{folder}/", "") for fault in test.faults] == [
        "test.jsonl:1: label 'cat' is not one of: bell",
    ]
    (folder / "test.jsonl").write_text(json.dumps({"path": "copy.mp4", "events": [event(0.0, 1.0)]}))
    _, test = inspect([folder / "train.jsonl", folder / "test.jsonl"])
    assert "a leak: the same content as" in test.faults[0]


@pytest.mark.parametrize("name", ["moved.mkv", "moved.ts"])
def test_a_leak_in_another_container(folder: Path, name: str) -> None:
    with av.open(str(folder / "a.mp4")) as source, av.open(str(folder / name), "w") as target:
        streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    (fault,) = faults(folder, {"path": "a.mp4", "events": []}, {"path": name, "events": []})
    assert fault == f"m.jsonl:2: {name} has the same content as m.jsonl:1: remove one of them"
    write_video(folder / "longer.mkv", 2.2)
    others = [{"path": name, "events": []} for name in ("a.mp4", "mute.mp4", "sound.wav", "longer.mkv")]
    assert faults(folder, *others) == []


def test_the_picture_has_every_manifest(folder: Path) -> None:
    one = look(folder, {"path": "a.mp4", "events": [event(0.0, 1.0), event(0.5, 1.5, "dog")]})
    draw_overview([one, one], folder / "o.svg")
    drawn = (folder / "o.svg").read_text()
    assert drawn.count("<!-- a.mp4 -->") == 2
    assert "<!-- dog -->" in drawn
    with pytest.raises(ConfigError, match=r"o\.gif: a picture is written as"):
        draw_overview([one], folder / "o.gif")


def test_the_counts_in_the_picture_lie_within_their_axes(folder: Path) -> None:
    figure = _figure_of([look(folder, {"path": "a.mp4", "events": [event(0.0, 1.0)]})] * 4)
    counts = figure.axes[-1]
    assert [text.get_text().strip() for text in counts.texts] == ["1 + 1 + 1 + 1"]
    assert counts.texts[0].get_window_extent().x1 < counts.get_window_extent().x1


def test_names_in_the_picture_are_no_formulas(folder: Path) -> None:
    shutil.copy(folder / "mute.mp4", folder / "a$^$b.mp4")
    one = look(folder, {"path": "a$^$b.mp4", "events": [event(0.1, 0.5, "$x_{$")]})
    draw_overview([one], folder / "o.svg")
    drawn = (folder / "o.svg").read_text()
    assert all(f"<!-- {name} -->" in drawn for name in ("a$^$b.mp4", "$x_{$"))


def test_a_video_whose_labels_have_no_times_is_an_event_to_learn_from(folder: Path) -> None:
    often, seldom = {"path": "a.mp4", "labels": ["bell"]}, {"path": "a.mp4", "labels": ["bell", "dog"]}
    notes = look(folder, *[often] * 8, *[seldom] * 2).notes
    assert "fewer than 10 events, which is little to learn from: dog (2)" in notes


def test_what_is_not_known_of_videos_is_counted(folder: Path) -> None:
    one = look(
        folder,
        {"path": "a.mp4", "labels": ["bell"]},
        {"path": "mute.mp4", "events": [event(0.0, 1.0)], "annotated": ["bell"]},
        {"path": "sound.wav", "events": None},
    )
    assert one.faults == []
    assert one.counts() == {"bell": (1, 1.0, 2)}
    assert {
        "1 of 3 videos have labels without times",
        "1 of 3 videos have only some labels annotated",
        "1 of 3 videos have not been labelled",
    } <= set(one.notes)
    assert not [note for note in one.notes if "no events" in note]
