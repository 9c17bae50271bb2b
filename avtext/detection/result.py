"""What is found in one file, and what is said when nothing could be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from avtext.clip import MODALITIES, Cue, Event, Stream
from avtext.errors import AvtextError, MissingExtra
from avtext.formats import write_events
from avtext.formats.json_events import file_record
from avtext.formats.schema import AlignmentRecord, FileRecord
from avtext.report import Evidence, Report, write_evidence, write_report
from avtext.storage import publish_json


@dataclass(frozen=True)
class Result:
    """Events of one file and how they came about.

    It is iterated over and counted as its events are, and true also where there are none.

    Args:
        file: as it was given.
        status: ``"ok"`` or ``"degraded"``.
        start_time: the container's start time in seconds; events count from it, as players do.
        duration: seconds, last presentation end minus ``start_time``.
        events: ordered by start.
        labels: the columns of ``scores``.
        scores: posterior probability of each label at each grid step, ``(steps, labels)``.
        gates: how much audio, video and text count at each step, ``(steps, 3)``.
        cues: the timed text that was read, on its own clock.
        alignment: per modality, the map to the video's clock, its confidence and whether it abstained.
        quality: what was found in the file and what was done about the rest.
        modalities: those that the events were found from.

    Example:
        >>> result = Result("a.mp4", events=(Event(1.0, 2.0, "bell", 0.9),), duration=3.0)
        >>> [event.label for event in result], result.to_dict()["events"][0]["start"]
        (['bell'], 1.0)
    """

    file: str
    status: str = "ok"
    start_time: float = 0.0
    duration: float = 0.0
    events: tuple[Event, ...] = ()
    labels: tuple[str, ...] = ()
    scores: Stream = field(default_factory=lambda: Stream(np.zeros((0, 0), np.float32), 25.0), repr=False)
    gates: Stream = field(default_factory=lambda: Stream(np.zeros((0, 3), np.float32), 25.0), repr=False)
    cues: tuple[Cue, ...] = field(default=(), repr=False)
    alignment: Mapping[str, AlignmentRecord] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)
    modalities: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    def __bool__(self) -> bool:
        return True  # also without events, so that results of quiet files are not taken for none

    def to_dict(self) -> FileRecord:
        """Plain values of the published schema ``avtext.events/1``; times to a millisecond, scores to 4 digits."""
        events = [_rounded(event) for event in self.events]
        return file_record(self.file, events, duration=round(self.duration, 3), details=self._details())

    def _details(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "start_time": round(self.start_time, 3),
            "modalities": list(self.modalities),
            "alignment": {name: dict(value) for name, value in self.alignment.items()},
            "quality": dict(self.quality),
        }

    def to_json(self, path: str | Path) -> None:
        """Publish :meth:`to_dict` as a JSON file."""
        publish_json(path, self.to_dict())

    def write(self, path: str | Path, format: str | None = None) -> list[str]:
        """Write the events in any format of :mod:`avtext.formats`; returns what the format cannot hold."""
        return write_events(path, {self.file: self.events}, format, durations={self.file: self.duration})

    def to_csv(self, path: str | Path) -> None:
        """Publish the events as CSV with the columns file, start, end, label, score."""
        self.write(path, "csv")

    def to_webvtt(self, path: str | Path) -> None:
        """Publish the events as WebVTT, which players show as subtitles."""
        self.write(path, "vtt")

    @property
    def evidence(self) -> Evidence:
        """Score curves, gates and cues, small enough for a page or a file."""
        return Evidence.of(self.scores, self.labels, self.gates, self.cues)

    def to_evidence(self, path: str | Path) -> None:
        """Publish :attr:`evidence`; as ``NAME.evidence.json`` beside ``NAME.events.json``, reports find it."""
        write_evidence(path, self.evidence)

    def to_html(self, path: str | Path, *, media: Path | None = None, embed: bool = False) -> None:
        """Publish a page with the video, the events on a timeline and the reasons for them.

        Args:
            path: of the page.
            media: the video; by default :attr:`file`.
            embed: whether the video goes into the page, instead of the page referring to where it lies.
        """
        report = Report(self.file, tuple(map(_rounded, self.events)), self.duration, self._details(), self.evidence)
        write_report(path, report, media=media, embed=embed)

    def to_dataframe(self) -> Any:
        """The events as a pandas DataFrame.

        Raises:
            MissingExtra: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise MissingExtra("pandas is not installed: pip install pandas") from None
        rows = [(e.start, e.end, e.label, e.score, *(e.shares or (None, None, None))) for e in self.events]
        return pandas.DataFrame(rows, columns=["start", "end", "label", "score", *MODALITIES])


def _rounded(event: Event) -> Event:
    """Times to a millisecond, score to 4 digits, shares to 3."""
    shares = None if event.shares is None else tuple(round(share, 3) for share in event.shares)
    return Event(round(event.start, 3), round(event.end, 3), event.label, round(event.score, 4), shares)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Failure:
    """Why a file has no result.

    Example:
        >>> from avtext.errors import Code, MediaError
        >>> Failure.of("a.mp4", MediaError("a.mp4: empty file", code=Code.NOT_MEDIA, stage="open")).code
        'NOT_MEDIA'
    """

    file: str
    code: str
    stage: str
    message: str

    @classmethod
    def of(cls, file: str, error: AvtextError) -> Failure:
        """The failure that ``error`` means for ``file``."""
        return cls(file, str(error.code), error.stage, error.message)

    def to_dict(self) -> FileRecord:
        """Plain values of the published schema, with status ``failed`` and no events."""
        error = {"code": self.code, "stage": self.stage, "message": self.message}
        return file_record(self.file, [], details={"status": "failed", "error": error})
