"""JSON of the ActivityNet challenge: truth under ``database``, detections under ``results``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from avtext.clip import Event
from avtext.errors import counted
from avtext.formats.event_set import EventSet, losses
from avtext.formats.json_events import load_json
from avtext.formats.lines import event, fail, seconds
from avtext.storage import publish_json


def read_activitynet(path: Path) -> EventSet:
    """Events of either kind of file; only ``database`` knows durations.

    A video without annotations whose subset is for testing, or that has no list of them, is not labelled: nobody said
    that nothing happens in it. It is left aside and noted.

    Raises:
        ConfigError: not JSON, neither kind, or a malformed entry; names the video and entry (from 1).
    """
    value = load_json(path)
    if isinstance(value, dict) and isinstance(value.get("results"), dict):
        return EventSet({str(v): _entries(path, str(v), rows) for v, rows in value["results"].items()})
    if not isinstance(value, dict) or not isinstance(value.get("database"), dict):
        raise fail(path, None, "must have an object under 'database' (truth) or 'results' (detections)")
    events, durations = {}, {}
    for video, record in value["database"].items():
        if not isinstance(record, dict):
            raise fail(path, video, f"must be an object, got {type(record).__name__}")
        length = None if record.get("duration") is None else seconds(path, video, "duration", record["duration"])
        found = _entries(path, video, record.get("annotations", []))
        if not found and _is_unlabelled(record):
            continue
        events[video] = found
        if length is not None:
            durations[video] = length
    unlabelled = len(value["database"]) - len(events)
    note = f"{path}: left aside: {counted(unlabelled, 'video')} that nobody has labelled, or for testing without labels"
    return EventSet(events, durations, notes=(note,) if unlabelled else ())


def _is_unlabelled(record: dict[str, Any]) -> bool:
    """Whether a record without events says nothing of its video; ActivityNet keeps what it tests on to itself."""
    return "annotations" not in record or str(record.get("subset", "")).lower().startswith("test")


def _entries(path: Path, video: str, rows: Any) -> tuple[Event, ...]:
    if not isinstance(rows, list):
        raise fail(path, video, f"must have a list of entries, got {type(rows).__name__}")
    return tuple(_entry(path, f"{video}, entry {k}", row) for k, row in enumerate(rows, start=1))


def _entry(path: Path, where: str, row: Any) -> Event:
    segment = row.get("segment") if isinstance(row, dict) else None
    if not isinstance(segment, list) or len(segment) != 2:
        raise fail(path, where, f"needs a segment of two times and a label, got {row!r}")
    return event(path, where, segment[0], segment[1], row.get("label"), row.get("score"))


def write_activitynet(path: Path, events: EventSet) -> list[str]:
    """Publish ``results`` where any score is below 1, else ``database``; returns what that cannot hold."""
    scored = any(one.score != 1.0 for values in events.events.values() for one in values)
    if scored:
        results = {
            file: [{"label": one.label, "score": one.score, "segment": [one.start, one.end]} for one in values]
            for file, values in events.events.items()
        }
        publish_json(path, {"version": "VERSION 1.3", "results": results, "external_data": {}})
        return losses("activitynet results", events, holds=["scores", "silent"])
    database = {file: _record(file, events) for file in events.events}
    publish_json(path, {"version": "VERSION 1.3", "database": database})
    return losses("activitynet", events, holds=["scores", "silent", "durations"])


def _record(file: str, events: EventSet) -> dict[str, Any]:
    notes = [{"segment": [one.start, one.end], "label": one.label} for one in events.events[file]]
    known = {"duration": events.durations[file]} if file in events.durations else {}
    return {**known, "annotations": notes}
