"""What a report tells of one file, read from results on disk or made from a result in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from avtext.alignment import retime
from avtext.clip import Cue, Event
from avtext.errors import ConfigError
from avtext.formats import read_events
from avtext.report.clocks import StreamClock, stream_clocks
from avtext.report.evidence import Evidence, evidence_beside

# What a record may hold beside its events, and what kind of value each is.
_KINDS: dict[str, tuple[type, ...]] = {
    "status": (str,),
    "modalities": (list, tuple),
    "alignment": (Mapping,),
    "quality": (Mapping,),
}


@dataclass(frozen=True)
class Report:
    """Events of one file and what is known of how they came about.

    Args:
        file: its name, as the results have it.
        events: ordered by start.
        duration: seconds; None where the results do not say it.
        details: the other members of an ``avtext.events/1`` record, such as ``status``, ``alignment``, ``quality``.
        evidence: score curves, gates and cues, where there are any.

    Raises:
        ConfigError: details that are not of that schema.

    Example:
        >>> report = Report("a.mp4", (Event(1.0, 2.0, "bell", 0.9),))
        >>> report.length, report.status
        (2.0, 'ok')
    """

    file: str
    events: tuple[Event, ...]
    duration: float | None = None
    details: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    evidence: Evidence | None = None

    def __post_init__(self) -> None:
        for name, kinds in _KINDS.items():
            if name in self.details and not isinstance(self.details[name], kinds):
                raise ConfigError(f"{self.file}: {name} is not as avtext.events/1 has it, got {self.details[name]!r}")
        _ = self.clocks  # refuses an alignment that is not one

    @property
    def status(self) -> str:
        """``"ok"``, ``"degraded"`` or ``"failed"``."""
        return str(self.details.get("status", "ok"))

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those that the events were found from; none where the results do not say it."""
        return tuple(map(str, self.details.get("modalities", ())))

    @property
    def quality(self) -> Mapping[str, Any]:
        """What was found in the file and what was done about the rest."""
        return self.details.get("quality", {})

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the file is degraded, in sentences."""
        given = self.quality.get("reasons", ())
        return tuple(map(str, given)) if isinstance(given, list | tuple) else ()

    @property
    def clocks(self) -> tuple[StreamClock, ...]:
        """How sound and text lay against the picture."""
        return stream_clocks(self.details.get("alignment", {}))

    @property
    def length(self) -> float:
        """Seconds that a timeline shows, positive: the duration, else the end of the last cue; no event is cut off."""
        shown = max((cue.end for cue in self.cues), default=0.0) if self.duration is None else self.duration
        return max(shown, 0.001, *(event.end for event in self.events))

    @property
    def cues(self) -> tuple[Cue, ...]:
        """Timed text on the video's clock."""
        given = self.evidence.cues if self.evidence else ()
        moved = next((one.clock for one in self.clocks if one.name == "text" and one.is_moved), None)
        return given if moved is None else retime(given, moved)


def read_reports(path: str | Path) -> tuple[Report, ...]:
    """What a file of events tells of each media file in it, with the evidence beside it where it tells of one.

    Args:
        path: a file in any format that :func:`avtext.formats.read_events` reads.

    Raises:
        ConfigError: it cannot be read or is malformed; names the file.
    """
    found = read_events(path)
    evidence = evidence_beside(Path(path)) if len(found.events) == 1 else None
    return tuple(
        Report(file, tuple(sorted(events)), found.durations.get(file), found.details.get(file, {}), evidence)
        for file, events in found.events.items()
    )
