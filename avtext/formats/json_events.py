"""The package's own JSON, ``avtext.events/1``: one record per media file; it holds everything."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from avtext.clip import MODALITIES, Event
from avtext.errors import ConfigError
from avtext.formats.event_set import EventSet
from avtext.formats.lines import event, fail, number, read_text, seconds
from avtext.formats.schema import SCHEMA, EventRecord, FileRecord
from avtext.storage import publish_json

_DETAILS = ("status", "start_time", "modalities", "alignment", "quality", "reasons", "error")


def file_record(
    file: str,
    events: Sequence[Event],
    *,
    duration: float | None = None,
    details: Mapping[str, Any] | None = None,
) -> FileRecord:
    """The record of one media file, of plain values for JSON.

    Args:
        file: its name.
        events: what happens in it.
        duration: seconds, where known.
        details: ``status``, ``start_time``, ``quality`` and the like, as they are to be written.

    Example:
        >>> file_record("a.wav", [Event(0.0, 1.0, "dog", 0.5)])["events"]
        [{'start': 0.0, 'end': 1.0, 'label': 'dog', 'score': 0.5}]
    """
    known = {"status": "ok", "start_time": 0.0, **(details or {})}
    record: FileRecord = {
        "schema": SCHEMA,
        "file": file,
        "status": known.pop("status"),
        "start_time": known.pop("start_time"),
        "duration": duration,
        "events": [_event_record(one) for one in events],
    }
    return cast(FileRecord, {**record, **known})


def _event_record(one: Event) -> EventRecord:
    record: EventRecord = {"start": one.start, "end": one.end, "label": one.label, "score": one.score}
    if one.shares is not None:
        audio, video, text = one.shares
        record["shares"] = {"audio": audio, "video": video, "text": text}
    return record


def without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, for ``object_pairs_hook``; of a key that is there twice Python would take the last in silence.

    Raises:
        ValueError: names the key.
    """
    value = dict(pairs)
    if len(value) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} is there twice in one object: keep one")
    return value


def load_json(path: Path) -> Any:
    """The value of a JSON file.

    Raises:
        ConfigError: it cannot be read, is not JSON (names the line), nested too deeply, or has a key twice.
    """
    try:
        return json.loads(read_text(path), object_pairs_hook=without_twins)
    except json.JSONDecodeError as error:
        raise fail(path, error.lineno, f"is not JSON: {error.msg}") from error
    except ValueError as error:  # a number of thousands of digits, or a key twice
        raise fail(path, None, f"is not usable JSON: {error}") from error
    except RecursionError as error:
        raise fail(path, None, "is nested too deeply to be a file of events") from error


def read_json(path: Path) -> EventSet:
    """Events, durations and details of one record or a list of them.

    Raises:
        ConfigError: not JSON, another schema, or a malformed record; names the record and event (from 1).
    """
    value = load_json(path)
    records = value if isinstance(value, list) else [value]
    events: dict[str, tuple[Event, ...]] = {}
    durations: dict[str, float] = {}
    details: dict[str, dict[str, Any]] = {}
    for k, record in enumerate(records, start=1):
        file = _check_record(path, k, record)
        if file in events:
            raise fail(path, f"record {k}", f"the file {file!r} has a record already")
        events[file] = tuple(_read_event(path, k, j, one) for j, one in enumerate(record["events"], start=1))
        if record.get("duration") is not None:
            durations[file] = seconds(path, f"record {k}", "duration", record["duration"])
        details[file] = _details(path, k, record)
    return EventSet(events, durations, details)


def _check_record(path: Path, k: int, record: object) -> str:
    if not isinstance(record, dict):
        raise fail(path, f"record {k}", f"must be an object, got {type(record).__name__}")
    if record.get("schema") != SCHEMA:
        raise fail(path, f"record {k}", f"schema must be {SCHEMA!r}, got {record.get('schema')!r}")
    if not isinstance(record.get("file"), str) or not record["file"]:
        raise fail(path, f"record {k}", f"file must be a name, got {record.get('file')!r}")
    if not isinstance(record.get("events"), list):
        raise fail(path, f"record {k}", f"events must be a list, got {record.get('events')!r}")
    return record["file"]


def _details(path: Path, k: int, record: dict[str, Any]) -> dict[str, Any]:
    kept = {key: record[key] for key in _DETAILS if key in record}
    for key, value in kept.items():
        try:
            json.dumps(value, allow_nan=False)
        except ValueError as error:
            raise fail(path, f"record {k}", f"{key} must hold finite numbers only: {error}") from error
    return kept


def _read_event(path: Path, k: int, j: int, record: object) -> Event:
    where = f"record {k}, event {j}"
    if not isinstance(record, dict):
        raise fail(path, where, f"must be an object, got {type(record).__name__}")
    missing = [key for key in ("start", "end", "label") if key not in record]
    if missing:
        raise fail(path, where, f"{' and '.join(missing)} missing")
    one = event(path, where, record["start"], record["end"], record["label"], record.get("score"))
    shares = record.get("shares")
    if shares is None:
        return one
    if not isinstance(shares, dict) or set(shares) != set(MODALITIES):
        raise fail(path, where, f"shares must have {', '.join(MODALITIES)}")
    audio, video, text = (_share(path, where, f"share of {m}", shares[m]) for m in MODALITIES)
    return Event(one.start, one.end, one.label, one.score, (audio, video, text))


def _share(path: Path, where: str, what: str, value: object) -> float:
    share = number(path, where, what, value)
    if not 0.0 <= share <= 1.0:
        raise fail(path, where, f"{what} must lie in [0, 1], got {value!r}")
    return share


def write_json(path: Path, events: EventSet) -> list[str]:
    """Publish one record, or a list where there are several files; nothing is lost.

    Raises:
        ConfigError: details with a number that is not finite, or with a lone surrogate.
    """
    records = [
        file_record(file, values, duration=events.durations.get(file), details=events.details.get(file))
        for file, values in events.events.items()
    ]
    try:
        publish_json(path, records[0] if len(records) == 1 else records)
    except ValueError as error:
        raise ConfigError(f"{path}: json cannot hold the details of these files: {error}", stage="write") from error
    return []
