"""The figures that the results of one file give, as files for papers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats.event_set import EventSet
from avtext.metrics.calibration import reliability, score_outcomes
from avtext.metrics.names import align_names
from avtext.report.content import Report
from avtext.report.plots import figure_style, plot_gates, plot_reliability, plot_timeline
from avtext.storage import publishing

_LOG = logging.getLogger(__name__)
ENDINGS = (".pdf", ".png")


def write_figures(folder: Path, report: Report, truth: EventSet | None = None) -> Iterator[Path]:
    """Publish each figure as PDF and PNG, and give their paths.

    ``timeline`` always; ``gates`` where the evidence has some; ``reliability`` where there is a truth.

    Raises:
        ConfigError: the truth has no events of this file.
        MissingExtra: matplotlib is not installed.
        StorageError: a figure cannot be written.
    """
    known = () if truth is None else _of_file(truth, report)
    evidence = report.evidence
    scores = evidence.scores if evidence else None
    figures = {"timeline": plot_timeline(report.events, known, duration=report.length, scores=scores)}
    if evidence is not None and any(one.any() for one in evidence.gates.high.values()):
        figures["gates"] = plot_gates(evidence.gates)
    if truth is not None:
        outcomes = score_outcomes({report.file: known}, {report.file: report.events})
        figures["reliability"] = plot_reliability(reliability(outcomes))
    for name, figure in figures.items():
        for ending in ENDINGS:
            yield _write(folder / f"{name}{ending}", figure)


def _of_file(truth: EventSet, report: Report) -> tuple[Event, ...]:
    """The true events of a report's file, which both may name differently."""
    matched = align_names(truth.events, {report.file: report.events})
    (name,) = matched.estimate
    if name not in truth.events:
        raise ConfigError(f"truth: has no events of {report.file}, but of {', '.join(list(truth.events)[:3])}")
    if len(truth.events) == 1:  # of several, it is no news that the others are of no use here
        for note in matched.notes:
            _LOG.warning("truth: %s", note)
    return tuple(truth.events[name])


def _write(path: Path, figure: Any) -> Path:
    metadata = {"CreationDate": None} if path.suffix == ".pdf" else None  # the same figure is the same file
    with figure_style(), publishing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], metadata=metadata)
    return path
