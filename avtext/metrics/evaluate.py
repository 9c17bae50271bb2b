"""Every metric family over one pair of reference and estimate, by name: what ``avtext evaluate`` prints.

A class that occurs and is never found has an F1 of 0 in the macro averages: sed_eval's own rule, the default of
:func:`avtext.metrics.sound_events.event_based`, leaves it out, which flatters what finds few classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np

from avtext.errors import InvalidInput, counted
from avtext.metrics.bootstrap import Interval, interval_of_counts
from avtext.metrics.boundaries import boundary_errors, offset_tolerance
from avtext.metrics.calibration import reliability, score_outcomes
from avtext.metrics.columns import EventsByFile, check_events, file_names, labels_in
from avtext.metrics.detection import TIOU_GRIDS, average_recall, mean_average_precision
from avtext.metrics.mistakes import confusion, find_mistakes
from avtext.metrics.parsing import audio_visual_parsing, parsed_by_prefix
from avtext.metrics.psds import PSDS1, PSDS2, operating_points_of, psds
from avtext.metrics.queries import moment_retrieval
from avtext.metrics.rates import nan_mean, rates_from_counts
from avtext.metrics.segmentation import segmentation
from avtext.metrics.sound_events import averaged_labels, count_events, event_based
from avtext.metrics.sound_segments import segment_based


class Task(NamedTuple):
    """What a family is computed from.

    Args:
        reference: file name to true events.
        estimate: file name to estimated events.
        durations: seconds of files, where known.
    """

    reference: EventsByFile
    estimate: EventsByFile
    durations: Mapping[str, float]

    @property
    def all_durations(self) -> Mapping[str, float] | None:
        """The durations where every file has one, else None: then files end with their last event."""
        known = all(file in self.durations for file in file_names(self.reference, self.estimate))
        return self.durations if known else None


class Inapplicable(InvalidInput):
    """A family cannot be computed from these events; the message says why."""


@dataclass(frozen=True)
class Report:
    """The families that were computed, and why others were not.

    Args:
        families: name to its result, a value with named fields.
        skipped: name to the reason, of families that do not apply.
        num_files: files compared.
        unknown_labels: labels that only the estimate has.
        missing_labels: labels that only the reference has.
        files_without_estimate: files that only the reference has.
        files_without_reference: files that only the estimate has.
    """

    families: Mapping[str, Any]
    skipped: Mapping[str, str]
    num_files: int
    unknown_labels: tuple[str, ...]
    missing_labels: tuple[str, ...]
    files_without_estimate: tuple[str, ...]
    files_without_reference: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is not a number becomes None."""
        return {field.name: plain(getattr(self, field.name)) for field in fields(self)}

    def rows(self) -> list[tuple[str, str, float]]:
        """``(family, name, value)`` of every number that is not per class, label or bin, for a table."""
        return [
            (family, name, value)
            for family, result in self.families.items()
            if family != "confusion"
            for name, value in _numbers(plain(result))
        ]


def evaluate(
    reference: EventsByFile,
    estimate: EventsByFile,
    metrics: str | Sequence[str] = "all",
    *,
    durations: Mapping[str, float] | None = None,
) -> Report:
    """Compute metric families.

    Args:
        reference: file name to true events.
        estimate: file name to estimated events; a file that one side lacks is empty there and is listed.
        metrics: ``"all"`` that apply, also among others, or names of :data:`FAMILIES`.
        durations: seconds of files, where known.

    Raises:
        InvalidInput: an unknown family, or one that was asked for and does not apply.

    Example:
        >>> from avtext.clip import Event
        >>> truth = {"a.wav": [Event(1.0, 2.0, "dog")]}
        >>> evaluate(truth, truth, ["event_f1"]).families["event_f1"].micro.f1
        1.0
    """
    check_events("reference", reference)
    check_events("estimate", estimate)
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    every = "all" in names
    asked = list(FAMILIES) if every else names
    unknown = [name for name in asked if name not in FAMILIES]
    if unknown:
        raise InvalidInput(f"metrics: {', '.join(unknown)} not known; known: all, {', '.join(FAMILIES)}")
    task = Task(reference, estimate, durations or {})
    families, skipped = {}, {}
    for name in asked:
        try:
            families[name] = FAMILIES[name](task)
        except Inapplicable as error:
            if not every:
                raise
            skipped[name] = error.message
    ours, theirs = set(labels_in(estimate)), set(labels_in(reference))
    return Report(
        families=families,
        skipped=skipped,
        num_files=len(file_names(reference, estimate)),
        unknown_labels=tuple(sorted(ours - theirs)),
        missing_labels=tuple(sorted(theirs - ours)),
        files_without_estimate=tuple(file for file in reference if file not in estimate),
        files_without_reference=tuple(file for file in estimate if file not in reference),
    )


@dataclass(frozen=True)
class EventIntervals:
    """95 % intervals over files of the event-based F1."""

    micro_f1: Interval
    macro_f1: Interval


def _event_intervals(task: Task) -> EventIntervals:
    counts = count_events(task.reference, task.estimate)
    if not len(counts.events):
        raise Inapplicable("intervals: there are no files to resample")
    asked = averaged_labels(task.reference, counts.names, None)
    rows = [counts.names.index(name) for name in asked]
    return EventIntervals(
        micro_f1=interval_of_counts(counts.events, lambda total: _f1(*total.sum(axis=1).tolist())),
        macro_f1=interval_of_counts(
            counts.events[:, :, rows], lambda total: nan_mean(_f1(*row) for row in total.T.tolist())
        ),
    )


def _f1(reference: int, estimate: int, correct: int) -> float:
    return rates_from_counts(reference, estimate, correct, empty_precision=0.0).f1


def _psds(task: Task) -> dict[str, Any]:
    missing = [f for f in file_names(task.reference, task.estimate) if f not in task.durations]
    if missing:
        raise Inapplicable(
            f"psds: the durations of {counted(len(missing), 'file')} are not known, such as {missing[0]!r}; "
            "give them with the reference or the estimate"
        )
    if not any(task.durations[f] for f in file_names(task.reference, task.estimate)):
        raise Inapplicable("psds: all durations are 0: there is no hour to count false positives in")
    if not labels_in(task.reference):
        raise Inapplicable("psds: the reference has no events")
    points = operating_points_of(task.estimate)
    return {
        name: psds(task.reference, points, task.durations, settings)
        for name, settings in (("psds1", PSDS1), ("psds2", PSDS2))
    }


def _parsing(task: Task) -> Any:
    labels = labels_in(task.reference, task.estimate)
    if not labels or not all(label.startswith(("audio:", "video:")) for label in labels):
        raise Inapplicable("parsing: labels must begin with 'audio:' or 'video:' to say what is heard and seen")
    sides = parsed_by_prefix(task.reference), parsed_by_prefix(task.estimate)
    return audio_visual_parsing(*sides, durations=task.all_durations)


def _calibration(task: Task) -> Any:
    outcomes = score_outcomes(task.reference, task.estimate)
    if not len(outcomes.scores) or bool(np.all(outcomes.scores == 1.0)):
        raise Inapplicable("calibration: the estimate has no scores other than 1")
    return reliability(outcomes)


def _average_precision(task: Task) -> dict[str, Any]:
    return {name: mean_average_precision(task.reference, task.estimate, grid) for name, grid in TIOU_GRIDS.items()}


FAMILIES: dict[str, Callable[[Task], Any]] = {
    "event_f1": lambda task: event_based(task.reference, task.estimate, empty_precision=0.0),
    "onset_f1": lambda task: event_based(task.reference, task.estimate, offset_collar=None, empty_precision=0.0),
    "segment_f1": lambda task: segment_based(
        task.reference, task.estimate, durations=task.all_durations, empty_precision=0.0
    ),
    "intervals": _event_intervals,
    "psds": _psds,
    "map": _average_precision,
    "average_recall": lambda task: average_recall(task.reference, task.estimate),
    "queries": lambda task: moment_retrieval(task.reference, task.estimate),
    "segmentation": lambda task: segmentation(task.reference, task.estimate, durations=task.all_durations),
    "parsing": _parsing,
    "boundaries": lambda task: boundary_errors(task.reference, task.estimate),
    "offset_tolerance": lambda task: offset_tolerance(task.reference, task.estimate),
    "calibration": _calibration,
    "mistakes": lambda task: find_mistakes(task.reference, task.estimate),
    "confusion": lambda task: confusion(task.reference, task.estimate),
}


def plain(value: Any) -> Any:
    """Dataclasses, named tuples, mappings and arrays as dicts and lists; NaN and infinities as None.

    Example:
        >>> plain({0.5: (1.0, math.nan)})
        {'0.5': [1.0, None]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


_PER_ITEM = ("classes", "class_accuracy", "curve")  # a table of headlines does not list these


def _numbers(value: Any, prefix: str = "") -> list[tuple[str, float]]:
    if isinstance(value, dict):
        return [
            row
            for key, one in value.items()
            if key not in _PER_ITEM
            for row in _numbers(one, f"{prefix}.{key}" if prefix else key)
        ]
    if value is None:
        return [(prefix, math.nan)]
    return [(prefix, value)] if isinstance(value, int | float) else []
