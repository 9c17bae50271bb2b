"""The published schema and what is really written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from avtext.clip import Event
from avtext.formats import EventSet, write_events
from avtext.formats.schema import FileRecord, json_schema

RECORDS: TypeAdapter[Any] = TypeAdapter(FileRecord | list[FileRecord])


def test_the_published_schema_is_that_of_the_types(root: Path) -> None:
    assert json.loads((root / "docs" / "events.schema.json").read_text()) == json_schema()


@pytest.mark.parametrize("name", ["assets/demo.truth.json", "docs/results/demo.events.json"])
def test_committed_results_follow_the_schema(root: Path, name: str) -> None:
    RECORDS.validate_json((root / name).read_text(), strict=True)


def test_what_the_writer_writes_follows_the_schema(tmp_path: Path) -> None:
    events = EventSet(
        {"a.wav": (Event(0.0, 1.0, "x", 0.5, (0.2, 0.8, 0.0)),), "b.wav": ()},
        {"a.wav": 10.0},
        {"b.wav": {"status": "failed", "error": {"code": "CORRUPT", "stage": "decode", "message": "cut short"}}},
    )
    write_events(tmp_path / "both.json", events)
    first, second = RECORDS.validate_json((tmp_path / "both.json").read_text(), strict=True)
    assert first["events"][0]["shares"]["video"] == 0.8
    assert second["duration"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "avtext.events/2"},
        {"file": ""},
        {"status": "fine"},
        {"events": [{"start": 0.0, "end": 1.0, "label": "x"}]},
        {"events": [{"start": 0.0, "end": 1.0, "label": "x", "score": 1.5}]},
        {"modalities": ["smell"]},
    ],
)
def test_the_schema_refuses(root: Path, change: dict[str, object]) -> None:
    record = json.loads((root / "docs" / "results" / "demo.events.json").read_text())
    with pytest.raises(ValidationError):
        RECORDS.validate_json(json.dumps({**record, **change}), strict=True)
