"""The published schema of ``avtext.events/1``: what :mod:`avtext.formats.json_events` writes, as types.

These types are the only place where the shape is said: the writer returns them, and the JSON Schema in
``docs/events.schema.json`` is made from them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

SCHEMA: Literal["avtext.events/1"] = "avtext.events/1"

Seconds = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class SharesRecord(TypedDict):
    """How much each modality spoke for an event; they sum to one."""

    audio: Share
    video: Share
    text: Share


class EventRecord(TypedDict):
    """Something that happens: seconds from the file's beginning as players show it, and how sure that is."""

    start: Seconds
    end: Seconds
    label: Annotated[str, Field(min_length=1)]
    score: Share
    shares: NotRequired[SharesRecord]


class ClockRecord(TypedDict):
    """From a stream's clock to the video's: from ``starts[i]`` on, video time = rates[i] * time + offsets[i]."""

    starts: list[float]
    offsets: list[float]
    rates: list[float]


class AlignmentRecord(TypedDict):
    """How a modality lies against the picture; ``breaks`` are pairs of a time and a jump in seconds."""

    offset: Seconds
    drift_ppm: float
    breaks: list[list[float]]
    confidence: Share
    abstained: bool
    clock: ClockRecord


class ErrorRecord(TypedDict):
    """Why a file has no events: a stable code, the step that failed, and words."""

    code: str
    stage: str
    message: str


class FileRecord(TypedDict):
    """One media file and its events; ``duration`` is null where it is not known."""

    schema: Literal["avtext.events/1"]
    file: Annotated[str, Field(min_length=1)]
    status: Literal["ok", "degraded", "failed"]
    start_time: Seconds
    duration: Seconds | None
    events: list[EventRecord]
    modalities: NotRequired[list[Literal["audio", "video", "text"]]]
    alignment: NotRequired[dict[Literal["audio", "video", "text"], AlignmentRecord]]
    quality: NotRequired[dict[str, Any]]
    error: NotRequired[ErrorRecord]


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a file in this format: one record, or a list of them.

    Example:
        >>> json_schema()["$defs"]["EventRecord"]["required"]
        ['start', 'end', 'label', 'score']
    """
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMA}
    return dialect | TypeAdapter(FileRecord | list[FileRecord]).json_schema()
