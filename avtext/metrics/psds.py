"""Polyphonic sound detection score: how a detector does over all its thresholds, in one number.

Bilen et al., "A framework for the robust evaluation of sound event detection", ICASSP 2020, with the
conventions of sed_scores_eval (Ebbers et al., ICASSP 2022): staircase curves and times compared at
microseconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from avtext.errors import InvalidInput, counted
from avtext.metrics.columns import (
    EventsByFile,
    Table,
    asked_labels,
    check_events,
    labels_in,
    scores_at_even_ranks,
    table_of,
)
from avtext.metrics.matching import Pairs, intersections, meeting_pairs

_DECIMALS = 6  # a share of a duration met exactly must not be missed by a rounding error
_HOUR = 3600.0


@dataclass(frozen=True)
class PsdsSettings:
    """What counts as a detection, and how errors weigh.

    Args:
        detection_share: share of a detection that true events of its class must cover (DTC).
        reference_share: share of a true event that such detections must cover (GTC).
        cross_share: share of a false detection that events of another class must cover to make it a cross
            trigger (CTTC).
        cross_weight: how much cross triggers add to the false positive rate (alpha CT).
        spread_weight: how much the standard deviation between classes takes off (alpha ST).
        max_rate: false positives per hour up to which the curve counts, positive.

    Raises:
        InvalidInput: a share outside [0, 1], a negative weight, or a rate that is not positive and finite.
    """

    detection_share: float
    reference_share: float
    cross_share: float = 0.3
    cross_weight: float = 0.0
    spread_weight: float = 1.0
    max_rate: float = 100.0

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        for name in ("detection_share", "reference_share", "cross_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidInput(f"PsdsSettings: {name} must lie in [0, 1], got {getattr(self, name)}")
        for name in ("cross_weight", "spread_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InvalidInput(f"PsdsSettings: {name} must not be negative, and finite, got {getattr(self, name)}")
        if not 0 < self.max_rate < math.inf:
            raise InvalidInput(f"PsdsSettings: max_rate must be positive and finite, got {self.max_rate}")


PSDS1 = PsdsSettings(0.7, 0.7)  # times matter (DCASE 2021-2024 task 4)
PSDS2 = PsdsSettings(0.1, 0.1, cross_weight=0.5)  # telling classes apart matters


class Curve(NamedTuple):
    """A staircase: from ``rates[k]`` on, ``ratios[k]`` of the true events are found.

    Args:
        rates: effective false positives per hour, ascending, from 0 to the largest that counts.
        ratios: share of true events found, in [0, 1].
    """

    rates: np.ndarray
    ratios: np.ndarray


@dataclass(frozen=True)
class PsdsScore:
    """The score and what it is made of.

    Args:
        value: area under the curve as a share of the largest possible, in [0, 1].
        classes: the same per label, without the penalty for spread.
        curve: the curve over all classes.
        unknown: labels that were detected and are not among the classes; they do not count here.
    """

    value: float
    classes: Mapping[str, float]
    curve: Curve
    unknown: tuple[str, ...]


def psds(
    reference: EventsByFile,
    operating_points: Sequence[EventsByFile],
    durations: Mapping[str, float],
    settings: PsdsSettings = PSDS1,
    *,
    labels: Sequence[str] | None = None,
) -> PsdsScore:
    """The polyphonic sound detection score of a detector known at some thresholds.

    Events without a duration have no intersection with anything and are left out.

    Args:
        reference: file name to true events.
        operating_points: file name to detections, once per threshold, in any order.
        durations: seconds of every file that occurs; they make the rate of false positives.
        settings: :data:`PSDS1`, :data:`PSDS2` or others.
        labels: classes to average over; by default those of the reference.

    Raises:
        InvalidInput: a file without a duration, no class to average over, a text as ``labels``, or events that
            are not a mapping.

    Example:
        >>> from avtext.clip import Event
        >>> truth = {"a.wav": [Event(1.0, 3.0, "dog")]}
        >>> psds(truth, [{"a.wav": [Event(1.1, 3.0, "dog")]}], {"a.wav": 10.0}).value
        1.0
    """
    check_events("reference", reference)
    for k, point in enumerate(operating_points):
        check_events(f"operating_points[{k}]", point)
    names = asked_labels(labels, labels_in(reference))
    if not names:
        raise InvalidInput("reference: no events, and no labels given: there is no class to score")
    files = list(dict.fromkeys([*reference, *(file for point in operating_points for file in point)]))
    hours = _hours(files, durations)
    truth = _with_duration(table_of(reference, files, names))
    found = [
        _count(truth, _with_duration(table_of(point, files, names)), len(names), settings) for point in operating_points
    ]
    curves = [_class_curve(k, found, truth, hours, settings) for k in range(len(names))]
    curve = _joint_curve(curves, settings)
    return PsdsScore(
        value=_area(curve) / settings.max_rate,
        classes={name: _area(one) / settings.max_rate for name, one in zip(names, curves, strict=True)},
        curve=curve,
        unknown=tuple(name for name in labels_in(*operating_points) if name not in set(names)),
    )


def operating_points_of(
    estimate: EventsByFile, thresholds: Sequence[float] | None = None, *, limit: int = 50
) -> list[EventsByFile]:
    """The detections that remain at each threshold on their scores.

    Args:
        estimate: file name to scored events.
        thresholds: an event stays where its score is at least this; by default every score that occurs, or
            ``limit`` of them at even ranks where there are more.
        limit: how many thresholds to choose at most.

    Example:
        >>> from avtext.clip import Event
        >>> scored = {"a.wav": [Event(0, 1, "dog", 0.4), Event(2, 3, "dog", 0.9)]}
        >>> [len(point["a.wav"]) for point in operating_points_of(scored)]
        [2, 1]
    """
    if thresholds is None:
        thresholds = scores_at_even_ranks(estimate, limit)
    return [
        {file: [event for event in events if event.score >= low] for file, events in estimate.items()}
        for low in thresholds
    ]


class _Counts(NamedTuple):
    """At one threshold, per class: true events found, false detections, and triggers ``(class, other)``."""

    found: np.ndarray
    false: np.ndarray
    crossed: np.ndarray


def _hours(files: Sequence[str], durations: Mapping[str, float]) -> float:
    missing = [file for file in files if file not in durations]
    if missing:
        raise InvalidInput(
            f"durations: not known of {counted(len(missing), 'file')}, such as {missing[0]!r}; the rate of false "
            "positives needs the seconds of every file"
        )
    total = math.fsum(durations[file] for file in files)
    if not 0 < total < math.inf:
        raise InvalidInput(f"durations: must add up to a positive number of seconds, got {total}")
    return total / _HOUR


def _with_duration(table: Table) -> Table:
    return table.only(table.ends > table.starts)


def _count(truth: Table, guess: Table, num_labels: int, settings: PsdsSettings) -> _Counts:
    pairs = meeting_pairs(guess.spans, truth.spans)
    left, right = pairs
    shared = intersections(guess.spans, truth.spans, pairs)
    same = guess.labels[left] == truth.labels[right]
    relevant = _covered(left[same], shared[same], guess.durations, settings.detection_share)
    useful = same & relevant[left]
    found = _covered(right[useful], shared[useful], truth.durations, settings.reference_share)
    return _Counts(
        found=np.bincount(truth.labels[found], minlength=num_labels),
        false=np.bincount(guess.labels[~relevant], minlength=num_labels),
        crossed=_cross_triggers(truth, guess, pairs, shared * ~(same | relevant[left]), num_labels, settings),
    )


def _covered(index: np.ndarray, shared: np.ndarray, durations: np.ndarray, share: float) -> np.ndarray:
    """Whether the intersections of each event add up to ``share`` of its duration, and to more than nothing."""
    total = np.bincount(index, weights=shared, minlength=len(durations))
    return (total > 0) & (np.round(total, _DECIMALS) >= np.round(share * durations, _DECIMALS))


def _cross_triggers(
    truth: Table, guess: Table, pairs: Pairs, shared: np.ndarray, num_labels: int, settings: PsdsSettings
) -> np.ndarray:
    """False detections of each class that events of each other class cover: int64 ``(class, other)``."""
    left, right = pairs[0][shared > 0], pairs[1][shared > 0]
    keys, of_key = np.unique(left * num_labels + truth.labels[right], return_inverse=True)
    detection, other = np.divmod(keys, num_labels)
    hit = _covered(of_key, shared[shared > 0], guess.durations[detection], settings.cross_share)
    crossed = np.zeros((num_labels, num_labels), dtype=np.int64)
    np.add.at(crossed, (guess.labels[detection[hit]], other[hit]), 1)
    return crossed


def _class_curve(label: int, counts: Sequence[_Counts], truth: Table, hours: float, settings: PsdsSettings) -> Curve:
    """The staircase of one class: at each rate the best ratio reached so far."""
    num_labels = len(counts[0].false) if counts else 0
    seconds = np.bincount(truth.labels, weights=truth.durations, minlength=num_labels)
    others = np.arange(num_labels) != label
    total = max(int((truth.labels == label).sum()), 1)
    points = [(0.0, 0.0)]  # a threshold that nothing reaches
    for point in counts:
        rate = point.false[label] / hours
        if settings.cross_weight and others.any():
            triggers = point.crossed[label, others] / np.maximum(seconds[others], 1e-12)
            rate += settings.cross_weight * triggers.mean() * _HOUR
        points.append((float(rate), point.found[label] / total))
    rates, ratios = np.array(sorted(points)).T
    return Curve(*_last_of_each(rates, np.maximum.accumulate(ratios), settings.max_rate))


def _last_of_each(rates: np.ndarray, ratios: np.ndarray, max_rate: float) -> tuple[np.ndarray, np.ndarray]:
    """One step per rate up to ``max_rate``, and a last one there."""
    last = np.append(rates[1:] > rates[:-1], True) & (rates <= max_rate)
    return np.append(rates[last], max_rate), np.append(ratios[last], ratios[last][-1])


def _joint_curve(curves: Sequence[Curve], settings: PsdsSettings) -> Curve:
    """Mean over classes less the weighted standard deviation, at every rate where a class steps."""
    rates = np.unique(np.concatenate([curve.rates for curve in curves]))
    steps = [c.ratios[np.searchsorted(c.rates, rates, side="right") - 1] for c in curves]
    ratios = np.mean(steps, axis=0) - settings.spread_weight * np.std(steps, axis=0)
    return Curve(rates, np.maximum(ratios, 0.0))


def _area(curve: Curve) -> float:
    return float(np.sum(curve.ratios[:-1] * np.diff(curve.rates)))
