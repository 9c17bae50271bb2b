"""The rows of the page that lists a folder of results: per file its labels, and where something happens."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from avtext.report.content import Report

MOST_LABELS = 6  # that a row names


@dataclass(frozen=True)
class IndexRow:
    """One file in the list of a folder.

    Args:
        address: of its page, relative to the list.
        file: its name.
        duration: seconds; None where the results do not say it.
        status: as in the results.
        labels: ``(label, count)``, most frequent first.
        bars: ``(left, width)`` in percent of the file's length, where something happens.
    """

    address: str
    file: str
    duration: float | None
    status: str
    labels: tuple[tuple[str, int], ...]
    bars: tuple[tuple[float, float], ...]

    @property
    def count(self) -> int:
        """How many events."""
        return sum(count for _, count in self.labels)

    @classmethod
    def of(cls, report: Report, address: str) -> IndexRow:
        """The row of a report whose page lies at ``address``."""
        labels = Counter(event.label for event in report.events)
        bars = _merged([(event.start, event.end) for event in report.events], report.length)
        return cls(address, report.file, report.duration, report.status, tuple(labels.most_common()), bars)


def _merged(spans: list[tuple[float, float]], length: float) -> tuple[tuple[float, float], ...]:
    """Spans in order of start as ``(left, width)`` in percent, those a five-hundredth apart or less as one.

    Example:
        >>> _merged([(0.0, 1.0), (0.5, 2.0), (8.0, 9.0)], 10.0)
        ((0.0, 20.0), (80.0, 10.0))
    """
    out: list[list[float]] = []
    for start, end in ((100 * a / length, 100 * b / length) for a, b in spans):
        if out and start <= out[-1][1] + 0.2:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([start, end])
    return tuple((round(start, 2), round(max(end - start, 0.2), 2)) for start, end in out)
