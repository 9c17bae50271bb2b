"""Every format: what is written is read back; formats are found by suffix and content; folders."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avtext.clip import Event
from avtext.errors import ConfigError, StorageError
from avtext.formats import FORMATS, EventSet, detect_format, read_events, write_events

SINGLE = {"vtt", "srt", "audacity", "eaf", "textgrid", "edl"}
SCORED = {"json", "csv", "activitynet", "labelstudio", "rttm", "edl"}
LABELS = [
    "dog",
    "two words",
    "Äpfel, 狗 🐶",
    'say "hi"',
    "it's; a | b",
    "a&b <c> ]]>",
    "back\\slash",
    "100% %20",
    "1.5",
    "=1+1",
    "-minus",
    "@home",
    "'=quoted",
    "'quoted'",
    "# hash",
    "WEBVTT",
    "* LOC: x",
]


def path_for(folder: Path, name: str) -> Path:
    return folder / f"clip{FORMATS[name].suffixes[0]}"


def rounded(events: EventSet) -> dict[str, list]:
    """Events to 10 ms, in order."""
    return {
        file: sorted((round(e.start, 2), round(e.end, 2), e.label, round(e.score, 6)) for e in values)
        for file, values in events.events.items()
    }


@pytest.mark.parametrize("name", FORMATS)
def test_labels_and_times_survive(tmp_path, name):
    events = [Event(0.25 + k, 0.75 + 1.37 * k, label) for k, label in enumerate(LABELS)]
    events += [Event(3.14, 3.14, "instant"), Event(1.0, 9.0, "dog"), Event(3700.12, 3701.98, "late")]
    path = path_for(tmp_path, name)
    assert write_events(path, {"clip": events}, name) == []
    back = read_events(path, name)
    expected = {"clip": sorted((round(e.start, 2), round(e.end, 2), e.label, 1.0) for e in events)}
    assert rounded(back) == expected
    assert back.notes == ()


@pytest.mark.parametrize("name", sorted(set(FORMATS) - SINGLE))
def test_several_files_and_silent_ones_survive(tmp_path, name):
    events = {"b c.wav": [Event(0, 1, "x")], "a.wav": [Event(2, 3, "y"), Event(2, 3, "y")], "silent.wav": []}
    lost = write_events(path_for(tmp_path, name), events, name)
    back = read_events(path_for(tmp_path, name), name)
    if name == "rttm":
        assert lost == ["rttm cannot hold files without events: silent.wav"]
        del events["silent.wav"]
    else:
        assert lost == []
    assert {file: list(values) for file, values in back.events.items()} == events
    assert back.named


@pytest.mark.parametrize("name", sorted(SINGLE))
def test_formats_of_one_file_refuse_two_and_hold_none(tmp_path, name):
    path = path_for(tmp_path, name)
    with pytest.raises(ConfigError, match="holds the events of one file, got 2"):
        write_events(path, {"a": [], "b": []}, name)
    assert not path.exists()
    assert write_events(path, {"clip": []}, name) == []
    back = read_events(path, name)
    assert dict(back.events) == {"clip": ()}
    assert not back.named


@pytest.mark.parametrize("name", FORMATS)
def test_scores_survive_or_are_said_to_be_lost(tmp_path, name):
    path = path_for(tmp_path, name)
    lost = write_events(path, {"clip": [Event(0, 1, "x", 0.123456), Event(1, 2, "y")]}, name)
    scores = [e.score for e in read_events(path, name).events["clip"]]
    if name in SCORED:
        assert (lost, scores) == ([], [0.123456, 1.0])
    else:
        assert lost == [f"{name} cannot hold scores below 1: 1 event"]
        assert scores == [1.0, 1.0]


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    label=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    start=st.integers(0, 10**6),
    length=st.integers(0, 10**5),
)
def test_any_label_survives_or_is_refused_in_words(tmp_path, name, label, start, length):
    event = Event(start / 100, (start + length) / 100, label)
    path = path_for(tmp_path, name)
    try:
        write_events(path, {"clip": [event]}, name)
    except ConfigError as error:
        refusal = str(error)
    else:
        refusal = ""
        (back,) = read_events(path, name).events["clip"]
        assert (round(back.start, 2), round(back.end, 2), back.label) == (event.start, event.end, label)
    assert not refusal or "cannot hold the label" in refusal


@pytest.mark.parametrize("name", sorted({"json", "csv", "tsv", "activitynet", "sed_eval", "rttm", "audacity"}))
def test_times_before_zero_survive_where_the_format_has_them(tmp_path, name):
    path = path_for(tmp_path, name)
    write_events(path, {"clip": [Event(-1.5, 2.0, "x")]}, name)
    assert read_events(path, name).events["clip"][0].start == -1.5


@pytest.mark.parametrize("name", ["vtt", "srt", "eaf", "textgrid", "edl"])
def test_times_before_zero_are_refused_elsewhere(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot hold times before 0"):
        write_events(path_for(tmp_path, name), {"clip": [Event(-1.5, 2.0, "x")]}, name)


@pytest.mark.parametrize("name", ["vtt", "srt", "eaf", "textgrid", "edl"])
def test_times_that_no_clock_counts_are_refused_in_words(tmp_path, name):
    with pytest.raises(ConfigError, match=r"cannot hold times of more than 1e\+12 seconds, got 'x' at 1.7e\+308"):
        write_events(path_for(tmp_path, name), {"clip": [Event(1.0, 1.7e308, "x")]}, name)


def test_what_is_lost_is_said(tmp_path):
    events = EventSet(
        {"a.wav": (Event(0, 1, "x", 0.5, (0.5, 0.5, 0.0)),), "b.wav": ()},
        {"a.wav": 10.0},
        {"a.wav": {"status": "degraded"}},
    )
    assert write_events(tmp_path / "a.json", events) == []
    back = read_events(tmp_path / "a.json")
    assert back.events["a.wav"][0].shares == (0.5, 0.5, 0.0)
    assert (back.durations["a.wav"], back.details["a.wav"]["status"]) == (10.0, "degraded")
    assert write_events(tmp_path / "a.csv", events) == [
        "csv cannot hold modality shares: 1 event",
        "csv cannot hold durations: 1 file",
        "csv cannot hold status and quality: 1 file",
    ]


def test_formats_by_suffix_and_content(put):
    assert detect_format("a.TSV") == "tsv"
    assert detect_format(put("a.json", '[{"schema": "avtext.events/1"}]')) == "json"
    assert detect_format(put("b.json", '{"database": {}}')) == "activitynet"
    assert detect_format(put("c.json", '{"results": {}}')) == "activitynet"
    assert detect_format(put("d.json", '[{"data": {}, "annotations": []}]')) == "labelstudio"
    assert detect_format(put("e.txt", "1.0\t2.0\tdog\n\\\t100\t200\n")) == "audacity"
    assert detect_format(put("f.txt", "1.0\t2.0\tdog\n")) == "sed_eval"
    assert detect_format(put("h.txt", "1.0\t2.0\ta&b&c&d\n")) == "sed_eval"
    for content in ('{"a": 1}', "3", '[{"data": {}}]'):
        with pytest.raises(ConfigError, match=r"JSON of a kind that is not known; .*: json \(schema\), activitynet \("):
            detect_format(put("g.json", content))
    with pytest.raises(
        ConfigError, match=r"no format of events has this suffix; name the format, or take one of \.ann, \.csv"
    ):
        detect_format("a.mp4")


def test_a_format_in_json_is_found_by_its_line_in_the_table(put, monkeypatch):
    path = put("a.json", '{"film": "a.mp4", "scenes": []}')
    with pytest.raises(ConfigError, match="kind that is not known"):
        detect_format(path)
    new = FORMATS["json"]._replace(marks=(frozenset({"film", "scenes"}),))
    monkeypatch.setitem(FORMATS, "new", new)
    assert detect_format(path) == "new"
    assert detect_format(put("b.json", '{"film": "a.mp4", "schema": 1}')) == "json"


def test_unknown_names_and_missing_files(tmp_path):
    with pytest.raises(ConfigError, match="format 'xml' is not known; known: json, csv"):
        read_events(__file__, "xml")
    with pytest.raises(ConfigError, match="there is no such file"):
        read_events(tmp_path / "none.csv")
    with pytest.raises(ConfigError, match="there is no such file"):
        read_events(tmp_path / f"{'a' * 300}.csv")  # no system has such a name
    with pytest.raises(ConfigError, match="no format of events has this suffix"):
        write_events(tmp_path / "a.mp4", {})
    with pytest.raises(ConfigError, match="lone surrogate"):
        write_events(tmp_path / "a.json", {"\ud800": [Event(0, 1, "dog")]})


def test_what_is_no_file_of_events_is_said(tmp_path):
    os.mkfifo(tmp_path / "a.json")  # opened, it would wait for ever
    with pytest.raises(ConfigError, match="is a pipe or a device, not a file"):
        read_events(tmp_path / "a.json")


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.vtt"
    write_events(path, {"a": [Event(0, 1, "x")]})
    before = path.read_bytes()
    with pytest.raises(ConfigError):
        write_events(path, {"a": [Event(0, 1, "x"), Event(0, 1, "\n\n")]})
    assert path.read_bytes() == before
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        write_events(blocked / "a.csv", {"a": []})


def test_a_folder_is_read_as_one(tmp_path):
    write_events(tmp_path / "a.csv", {"a.wav": [Event(0, 1, "x")]})
    write_events(tmp_path / "b.vtt", {"b": [Event(0, 1, "y")]})
    (tmp_path / "b.mp4").write_bytes(b"")
    assert set(read_events(tmp_path).events) == {"a.wav", "b"}
    write_events(tmp_path / "c.events.json", {"c.mp4": []}, durations={"c.mp4": 3.0})
    only = read_events(tmp_path)  # what a run of detection left
    assert (set(only.events), only.durations) == ({"c.mp4"}, {"c.mp4": 3.0})
    write_events(tmp_path / "c.events.csv", {"c.mp4": []})  # the same once more
    (tmp_path / "c.evidence.json").write_text("{}")
    assert read_events(tmp_path).notes == (f"{tmp_path}: *.events.json alone were read; left aside: a.csv, b.vtt",)
    write_events(tmp_path / "d.events.json", {"c.mp4": []})
    with pytest.raises(ConfigError, match=r"d\.events\.json: 'c\.mp4' has events in another file"):
        read_events(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no file of events in this folder"):
        read_events(tmp_path)


def test_real_files_are_read(data_dir):
    truth = read_events(data_dir / "desed" / "validation.tsv")
    assert (len(truth.events), sum(map(len, truth.events.values()))) == (1168, 4224)
    assert sum(not values for values in truth.events.values()) >= 15
    found = read_events(data_dir / "desed" / "teacher" / "predictions0.5.csv")
    assert len(found.labels) == 10
    # Subtitles are events whose label is their text.
    cues = read_events(data_dir / "media" / "torchcodec_nasa_13013.srt")
    assert all(e.end > e.start for e in next(iter(cues.events.values())))


def test_json_of_one_file_is_one_record(tmp_path):
    write_events(tmp_path / "a.json", {"a.mp4": [Event(0.5, 1.0, "dog", 0.9)]}, durations={"a.mp4": 2.0})
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "schema": "avtext.events/1",
        "file": "a.mp4",
        "status": "ok",
        "start_time": 0.0,
        "duration": 2.0,
        "events": [{"start": 0.5, "end": 1.0, "label": "dog", "score": 0.9}],
    }
