"""The package's own JSON: what is refused, and with which words."""

from __future__ import annotations

import json

import pytest

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats.event_set import EventSet
from avtext.formats.json_events import SCHEMA, file_record, read_json, write_json

GOOD = {"schema": SCHEMA, "file": "a.wav", "events": [{"start": 0, "end": 1, "label": "x"}]}


def changed(**values) -> str:
    return json.dumps({**GOOD, **values})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{\n"a": 1,\n}', "line 3: is not JSON"),
        ("", "line 1: is not JSON"),
        ("[" * 200_000, "nested too deeply"),
        ("[3]", "record 1: must be an object, got int"),
        (changed(schema="avtext.events/2"), r"schema must be 'avtext\.events/1', got 'avtext\.events/2'"),
        (changed(file=""), "record 1: file must be a name"),
        (changed(events=None), "record 1: events must be a list"),
        (changed(events=[3]), "event 1: must be an object"),
        (changed(events=[{"start": 0}]), "record 1, event 1: end and label missing"),
        (changed(events=[{"start": 2, "end": 1, "label": "x"}]), "event 1: Event: end must not be before start"),
        (changed(events=[{"start": "soon", "end": 1, "label": "x"}]), "start must be a number, got 'soon'"),
        (changed(events=[{"start": 0, "end": 1, "label": 7}]), "a label that is not empty, got 7"),
        (changed(events=[{"start": 0, "end": 1, "label": "x", "score": 2}]), r"score must lie in \[0, 1\]"),
        (changed(events=[{"start": 0, "end": 1, "label": "x", "shares": [1]}]), "shares must have audio, video"),
        (changed(events=[{"start": 0, "end": 1, "label": "x", "shares": {"audio": 5, "video": -1, "text": 0}}]),
         r"record 1, event 1: share of audio must lie in \[0, 1\], got 5"),
        (changed(duration="long"), "record 1: duration must be a number"),
        (changed(duration=-5), "record 1: duration must not be negative, got -5"),
        (f"[{json.dumps(GOOD)}, {json.dumps(GOOD)}]", "record 2: the file 'a.wav' has a record already"),
    ],
)  # fmt: skip
def test_malformed_files_are_refused_in_words(put, content, message):
    path = put("a.json", content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_json(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_are_refused(put, number):
    events = f'[{{"start": 0, "end": 1, "label": "x", "score": {number}}}]'
    with pytest.raises(ConfigError, match="event 1: score must be finite"):
        read_json(put("a.json", f'{{"schema": "{SCHEMA}", "file": "a", "events": {events}}}'))


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_details_hold_finite_numbers(put, number):
    with pytest.raises(ConfigError, match="record 1: quality must hold finite numbers"):
        read_json(put("a.json", changed(quality={"gap": 7}).replace("7", number)))


@pytest.mark.parametrize("value", [float("nan"), "\ud800"])
def test_details_that_json_cannot_hold_are_refused(tmp_path, value):
    events = EventSet({"a.wav": ()}, details={"a.wav": {"quality": {"gap": value}}})
    with pytest.raises(ConfigError, match=r"a\.json: json cannot hold the details"):
        write_json(tmp_path / "a.json", events)
    assert list(tmp_path.iterdir()) == []


def test_fields_of_later_versions_are_left_aside(put):
    assert read_json(put("a.json", changed(more=1))).events == {"a.wav": (Event(0, 1, "x"),)}
    assert read_json(put("b.json", "[]")).events == {}


def test_record_keeps_details():
    record = file_record("a", [], details={"status": "failed", "error": {"code": "NOT_MEDIA"}})
    assert (record["status"], record["error"], record["start_time"]) == ("failed", {"code": "NOT_MEDIA"}, 0.0)
