"""What a file of events holds: events by media file, and what else is known of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from avtext.clip import Event
from avtext.errors import ConfigError, InvalidInput, counted


@dataclass(frozen=True)
class EventSet:
    """Events of some media files.

    Args:
        events: media file name to its events; a file in which nothing happens has none.
        durations: seconds, of the files where they are known.
        details: per file what else was said of it (``status``, ``start_time``, ``alignment``, ``quality``); only
            JSON holds it.
        named: whether the names were in the file; false where a format holds the events of one file without
            saying which, and its own name stands in.
        notes: what reading had to assume or leave out, in words.

    Example:
        >>> EventSet({"a.wav": (Event(0.0, 1.0, "dog"),)}).labels
        ('dog',)
    """

    events: Mapping[str, tuple[Event, ...]]
    durations: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    details: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))
    named: bool = True
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label that occurs, sorted."""
        return tuple(sorted({event.label for events in self.events.values() for event in events}))

    @classmethod
    def of(
        cls, events: EventSet | Mapping[str, Sequence[Event]], durations: Mapping[str, float] | None = None
    ) -> EventSet:
        """An event set from one, or from a mapping of file names to events.

        Raises:
            InvalidInput: durations beside a set, which has its own.
        """
        if isinstance(events, EventSet):
            if durations is not None:
                raise InvalidInput(
                    "durations: are for a mapping of events, got an EventSet, which has its own: leave them out, or "
                    "put them into the set with dataclasses.replace"
                )
            return events
        return cls({name: tuple(values) for name, values in events.items()}, dict(durations or {}))


def single(path: Path, events: Iterable[Event], **more: Any) -> EventSet:
    """The set of a format that holds one file's events and no name: its own stem stands in.

    Example:
        >>> list(single(Path("out/clip.events.vtt"), []).events)
        ['clip']
    """
    return EventSet({name_of(path): tuple(events)}, named=False, **more)


def name_of(path: Path) -> str:
    """What stands in for the media file's name where a file of events does not say it.

    Example:
        >>> name_of(Path("out/clip.events.vtt"))
        'clip'
    """
    return path.stem.removesuffix(".events")


def only_file(name: str, path: Path, events: EventSet) -> tuple[Event, ...]:
    """The events of the one file that a format can hold.

    Raises:
        ConfigError: there are more files or none.
    """
    if len(events.events) != 1:
        raise ConfigError(
            f"{path}: {name} holds the events of one file, got {len(events.events)}; write one output "
            "per file, or choose json, csv, tsv, activitynet, rttm or labelstudio",
            stage="write",
        )
    return next(iter(events.events.values()))


def losses(name: str, events: EventSet, *, holds: Iterable[str] = ()) -> list[str]:
    """What a format cannot hold of a set, in words, one entry each.

    Args:
        name: of the format.
        events: to be written.
        holds: what it does hold, of ``scores``, ``shares``, ``durations``, ``details`` and ``silent`` (files
            without events).

    Example:
        >>> losses("srt", EventSet({"a.wav": (Event(0.0, 1.0, "dog", 0.5),)}))
        ['srt cannot hold scores below 1: 1 event']
    """
    every = [event for values in events.events.values() for event in values]
    unsure = sum(event.score != 1.0 for event in every)
    shared = sum(event.shares is not None for event in every)
    silent = [file for file, values in events.events.items() if not values]
    found = {
        "scores": f"scores below 1: {counted(unsure, 'event')}" if unsure else "",
        "shares": f"modality shares: {counted(shared, 'event')}" if shared else "",
        "durations": f"durations: {counted(len(events.durations), 'file')}" if events.durations else "",
        "details": f"status and quality: {counted(len(events.details), 'file')}" if events.details else "",
        "silent": f"files without events: {', '.join(silent)}" if silent else "",
    }
    kept = set(holds)
    return [f"{name} cannot hold {text}" for key, text in found.items() if text and key not in kept]
