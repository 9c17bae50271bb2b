"""Label files of any tool to a manifest that training reads."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from avtext.clip import Event
from avtext.data.labels import events_of, write_manifest, write_weak_manifest
from avtext.data.manifest import read_manifest
from avtext.errors import ConfigError
from avtext.formats import FORMATS, EventSet, read_events, write_events

EVENTS = (Event(0.5, 1.0, "bell"), Event(1.0, 2.0, "dog bark"))


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Two files with the endings of videos, one of them deeper down."""
    folder = tmp_path / "videos"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.mp4").write_bytes(b"\0")
    (folder / "deep" / "v_b.mkv").write_bytes(b"\1")
    return folder


def manifest_of(events: EventSet, videos: Path) -> tuple[dict[str, tuple[Event, ...]], list[str]]:
    target = videos.parent / "deeper" / "m.jsonl"
    notes = write_manifest(target, events, videos)
    found = {entry.path.resolve().relative_to(videos).as_posix(): entry.events for entry in read_manifest(target)}
    return found, [note.replace(f"{videos}/", "") for note in notes]


@pytest.mark.parametrize("name", FORMATS)
def test_labels_of_every_format_become_a_manifest(tmp_path: Path, videos: Path, name: str) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    path = folder / f"a{FORMATS[name].suffixes[0]}"
    write_events(path, {"a.mp4": EVENTS}, name)
    found, notes = manifest_of(read_events(path, name), videos)
    assert found == {"a.mp4": EVENTS}
    assert notes == ["deep/v_b.mkv: has no labels: left out"]


def test_a_folder_of_audacity_labels(tmp_path: Path, videos: Path) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    (folder / "a.txt").write_text("0.5\t1.0\tbell\n")
    (folder / "v_b.txt").write_text("1.0\t2.0\tdog\n")
    found, notes = manifest_of(read_events(folder), videos)
    assert found == {"a.mp4": (Event(0.5, 1.0, "bell"),), "deep/v_b.mkv": (Event(1.0, 2.0, "dog"),)}
    assert notes == []


def test_an_umlaut_is_one_however_many_characters_write_it(tmp_path: Path, videos: Path) -> None:
    """As names are in archives that a Mac has packed, and labels that were written elsewhere."""
    (videos / "mo\u0308w.mp4").write_bytes(b"\2")
    (videos / "deep" / "mo\u0308w.mp4").write_bytes(b"\3")
    (tmp_path / "t.tsv").write_text(
        "filename\tonset\toffset\tevent_label\na.wav\t1\t2\tdog\ndeep/m\u00f6w.mp4\t1\t2\tgull\n"
    )
    found, notes = manifest_of(read_events(tmp_path / "t.tsv"), videos)
    assert found == {"a.mp4": (Event(1.0, 2.0, "dog"),), "deep/mo\u0308w.mp4": (Event(1.0, 2.0, "gull"),)}
    assert notes == ["deep/v_b.mkv: has no labels: left out", "mo\u0308w.mp4: has no labels: left out"]
    line = {"path": "videos/deep/mo\u0308w.mp4", "events": "t.tsv"}
    (tmp_path / "m.jsonl").write_text(json.dumps(line))
    assert read_manifest(tmp_path / "m.jsonl")[0].events == (Event(1.0, 2.0, "gull"),)


def test_names_as_activitynet_and_avvp_write_them(tmp_path: Path, videos: Path) -> None:
    (tmp_path / "anet.json").write_text('{"database": {"b": {"annotations": [{"segment": [1, 2], "label": "dog"}]}}}')
    assert manifest_of(read_events(tmp_path / "anet.json"), videos)[0] == {"deep/v_b.mkv": (Event(1.0, 2.0, "dog"),)}
    (tmp_path / "AVVP_eval_audio.csv").write_text("filename\tonset\toffset\tevent_labels\na\t0\t8\tSpeech\n")
    found, _ = manifest_of(read_events(tmp_path / "AVVP_eval_audio.csv"), videos)
    assert found == {"a.mp4": (Event(0.0, 8.0, "Speech"),)}


def test_only_labels_without_a_name_are_those_of_whatever_video_is_given(tmp_path: Path, videos: Path) -> None:
    video, target, other = videos / "a.mp4", tmp_path / "m.jsonl", {"other": EVENTS}
    write_manifest(target, EventSet(other, named=False), video)
    assert read_manifest(target)[0].events == EVENTS
    with pytest.raises(
        ConfigError, match=r"other: no such video in .*a\.mp4: left out: name the labels' files as the videos"
    ):
        write_manifest(target, EventSet(other), video)


def test_a_label_file_loses_its_ending_once(tmp_path: Path, videos: Path) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    (folder / "v_b.txt").write_text("1.0\t2.0\tdog\n")
    (folder / "a.b.txt").write_text("0.5\t1.0\tbell\n")
    found, notes = manifest_of(read_events(folder), videos)
    assert found == {"deep/v_b.mkv": (Event(1.0, 2.0, "dog"),)}
    assert notes == [f"a.b: no such video in {videos}: left out", "a.mp4: has no labels: left out"]
    (folder / "a.b.txt").rename(folder / "a.wav.txt")  # as tools name what they were given
    assert manifest_of(read_events(folder), videos)[0]["a.mp4"] == (Event(0.5, 1.0, "bell"),)


@pytest.mark.parametrize("names", [("x/a.mp4", "y/a.mp4"), ("a.1", "a.2"), ("a.wav", "a.mp4")])
def test_a_video_has_the_labels_of_one_name(videos: Path, names: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match=rf"{names[0]} and {names[1]} would both be .*/a\.mp4: give labels the"):
        manifest_of(EventSet(dict.fromkeys(names, EVENTS)), videos)


def test_a_path_tells_videos_of_one_name_apart(videos: Path) -> None:
    (videos / "deep" / "a.mp4").write_bytes(b"\2")
    labels = EventSet({"deep\\a.mp4": EVENTS[:1], "videos/a.mp4": EVENTS[1:]})
    assert manifest_of(labels, videos)[0] == {"a.mp4": EVENTS[1:], "deep/a.mp4": EVENTS[:1]}
    with pytest.raises(ConfigError, match=r"a\.mp4: may be .*a\.mp4 or .*a\.mp4: give files names of their own"):
        manifest_of(EventSet({"others/a.mp4": EVENTS}), videos)


def test_what_is_left_out_is_said(videos: Path) -> None:
    found, notes = manifest_of(EventSet({"a.mp4": (Event(0, 1, "x", 0.5),), "gone.mp4": ()}), videos)
    assert found == {"a.mp4": (Event(0, 1, "x"),)}
    assert notes == [
        "a manifest cannot hold scores below 1: 1 event",
        f"gone.mp4: no such video in {videos}: left out",
        "deep/v_b.mkv: has no labels: left out",
    ]


def test_what_cannot_be_a_manifest(tmp_path: Path, videos: Path) -> None:
    with pytest.raises(ConfigError, match=r"c\.mp4: no such video in .*: name the labels' files as the videos"):
        manifest_of(EventSet({"c.mp4": EVENTS, "d.mp4": ()}), videos)
    with pytest.raises(ConfigError, match=r"m\.jsonl: there is no label for any video"):
        manifest_of(EventSet({}), videos)
    (videos / "deep" / "a.mp4").write_bytes(b"\2")
    with pytest.raises(ConfigError, match=r"a\.mp4: may be .* or .*: give files names of their own"):
        manifest_of(EventSet({"a.mp4": EVENTS}), videos)
    assert not (tmp_path / "deeper").exists()


@pytest.mark.parametrize("times", [(1.0, 1.0), (1.0000001, 1.0000002), (-1.0, 1.0), (1.0, 2e9), (0.0, 1e300)])
def test_events_that_cannot_be_learnt_leave_what_is_there(
    tmp_path: Path, videos: Path, times: tuple[float, float]
) -> None:
    target = tmp_path / "m.jsonl"
    target.write_text("good")
    with pytest.raises(
        ConfigError, match=r"a\.mp4: 'click': needs 0 <= start < end in seconds, got start=.*no time over"
    ):
        write_manifest(target, EventSet({"a.mp4": (Event(*times, "click"),)}), videos)
    assert target.read_text() == "good"


def test_a_manifest_in_a_folder_that_is_a_link(tmp_path: Path, videos: Path) -> None:
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "link").symlink_to("far/away")
    write_manifest(tmp_path / "link" / "m.jsonl", EventSet({"a": EVENTS}), videos)
    for folder in ("link", "far/away"):
        (entry,) = read_manifest(tmp_path / folder / "m.jsonl")
        assert entry.path.samefile(videos / "a.mp4")


def test_a_path_that_no_manifest_can_hold(tmp_path: Path, videos: Path) -> None:
    video = videos / os.fsdecode(b"q\xff.mp4")
    video.write_bytes(b"\0")
    with pytest.raises(ConfigError, match=r"^'videos/q\\udcff\.mp4': the path is not UTF-8.*rename the video$"):
        write_manifest(tmp_path / "m.jsonl", EventSet({"q": EVENTS}, named=False), video)
    assert not (tmp_path / "m.jsonl").exists()


def test_a_manifest_is_read_as_events_too(videos: Path) -> None:
    target = videos / "m.jsonl"
    write_manifest(target, EventSet({"a": EVENTS}), videos)
    assert dict(events_of(target).events) == {str(videos / "a.mp4"): EVENTS}
    target.write_text(target.read_text() * 2)
    with pytest.raises(ConfigError, match=r"m\.jsonl:2: .*a\.mp4 has a line already"):
        events_of(target)


def test_a_manifest_that_does_not_know_all_events_is_no_truth(videos: Path) -> None:
    for line in ({"events": None}, {"labels": ["bell"]}, {"events": [], "annotated": ["bell"]}):
        (videos / "m.jsonl").write_text(json.dumps({"path": "a.mp4", **line}))
        with pytest.raises(
            ConfigError, match=r"m\.jsonl:1: is not labelled, has labels without times, or not all labels annotated"
        ):
            events_of(videos / "m.jsonl")


def test_labels_without_times(videos: Path) -> None:
    target = videos.parent / "weak.jsonl"
    notes = write_weak_manifest(target, {"b": ("dog", "bell"), "a.mp4": (), "c": ("dog",)}, videos)
    found = {entry.path.resolve().name: (entry.events, entry.present) for entry in read_manifest(target)}
    assert found == {"a.mp4": (None, ()), "v_b.mkv": (None, ("dog", "bell"))}
    assert notes == [f"c: no such video in {videos}: left out"]
    with pytest.raises(ConfigError, match="there is no label for any video"):
        write_weak_manifest(target, {}, videos)
