"""Temporal action detection: mean average precision at temporal overlaps, and recall of the best N estimates.

As the evaluation of ActivityNet (Caba Heilbron et al. 2015) that THUMOS and UnAV-100 papers use too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from avtext.errors import InvalidInput
from avtext.metrics.columns import EventsByFile, Table, asked_labels, check_events, file_names, labels_in, table_of
from avtext.metrics.matching import SLACK, Pairs, first_come, meeting_pairs, tiou
from avtext.metrics.rates import nan_mean

TIOU_GRIDS: dict[str, tuple[float, ...]] = {
    "thumos": (0.3, 0.4, 0.5, 0.6, 0.7),
    "activitynet": (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95),
    "unav": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
}


@dataclass(frozen=True)
class DetectionScores:
    """Average precision over classes and overlaps.

    Args:
        mean_ap: mean over the thresholds of ``by_threshold``; NaN where the reference is empty.
        by_threshold: temporal overlap to the mean average precision over classes.
        classes: per label, average precision at each threshold, in their order; NaN for a label that the
            reference does not have.
        unknown: labels of the estimate that are not among the classes; they do not count here.
    """

    mean_ap: float
    by_threshold: Mapping[float, float]
    classes: Mapping[str, tuple[float, ...]]
    unknown: tuple[str, ...]


def mean_average_precision(
    reference: EventsByFile,
    estimate: EventsByFile,
    thresholds: Sequence[float] = TIOU_GRIDS["activitynet"],
    *,
    labels: Sequence[str] | None = None,
) -> DetectionScores:
    """Mean average precision at temporal intersections over union.

    Estimates of a class are served surest first over all files; each takes the reference event of its file
    that it overlaps best among those still free, and is false where none overlaps by the threshold. Precision
    is interpolated (its largest value at any higher recall).

    Args:
        reference: file name to true events.
        estimate: file name to scored events; a file that one side lacks is empty there.
        thresholds: temporal overlaps in (0, 1]; see :data:`TIOU_GRIDS`.
        labels: classes to average over; by default those of the reference.

    Raises:
        InvalidInput: no threshold or one out of range, a text as ``labels``, or events that are not a mapping.

    Example:
        >>> from avtext.clip import Event
        >>> truth = {"a.mp4": [Event(0, 10, "jump"), Event(20, 30, "jump")]}
        >>> found = {"a.mp4": [Event(0, 8, "jump", 0.9), Event(50, 60, "jump", 0.5)]}
        >>> mean_average_precision(truth, found, [0.5]).mean_ap
        0.5
    """
    check_events("reference", reference)
    check_events("estimate", estimate)
    thresholds = checked_thresholds(thresholds)
    names = asked_labels(labels, labels_in(reference))
    files = sorted(file_names(reference, estimate))  # equal scores must not hang on the order given
    truth, guess = (table_of(side, files, names) for side in (reference, estimate))
    guess = surest_first(guess)
    table = average_precisions(truth, guess, truth.labels, guess.labels, len(names), thresholds)
    by_threshold = {threshold: nan_mean(column) for threshold, column in zip(thresholds, table.T.tolist(), strict=True)}
    return DetectionScores(
        mean_ap=nan_mean(by_threshold.values()),
        by_threshold=by_threshold,
        classes={name: tuple(row) for name, row in zip(names, table.tolist(), strict=True)},
        unknown=tuple(name for name in labels_in(estimate) if name not in set(names)),
    )


def checked_thresholds(thresholds: Sequence[float]) -> tuple[float, ...]:
    """Temporal overlaps, of an array too, as plain floats.

    Raises:
        InvalidInput: there is none, or one outside (0, 1].
    """
    plain = tuple(map(float, thresholds))
    if not plain or not all(0 < threshold <= 1 for threshold in plain):
        raise InvalidInput(f"thresholds: must be overlaps in (0, 1], at least one, got {list(plain)}")
    return plain


def surest_first(guess: Table) -> Table:
    """Estimates by falling score; equal scores by file and time, so that the order given does not matter."""
    return guess.only(np.lexsort((guess.ends, guess.starts, guess.files, -guess.scores)))


def average_precisions(
    truth: Table,
    guess: Table,
    truth_class: np.ndarray,
    guess_class: np.ndarray,
    num_classes: int,
    thresholds: Sequence[float],
) -> np.ndarray:
    """Average precision of every class at every threshold, float64 ``(classes, thresholds)``.

    Args:
        truth: reference events.
        guess: estimates, surest first.
        truth_class: what must agree for a pair to count, int64 ``(reference events,)``.
        guess_class: the same, int64 ``(estimates,)``.
        num_classes: how many classes there are.
        thresholds: temporal overlaps.
    """
    pairs, overlap = served(truth, guess, truth_class, guess_class)
    totals = np.bincount(truth_class, minlength=num_classes)
    order = np.argsort(guess_class, kind="stable")
    borders = np.searchsorted(guess_class[order], np.arange(num_classes + 1))
    out = np.full((num_classes, len(thresholds)), math.nan)
    for column, threshold in enumerate(thresholds):
        enough = overlap >= threshold - SLACK
        got = first_come((pairs[0][enough], pairs[1][enough]), len(truth.starts), len(guess.starts))
        hits = (got >= 0)[order]
        for k in np.flatnonzero(totals):
            out[k, column] = interpolated_precision(hits[borders[k] : borders[k + 1]], int(totals[k]))
    return out


def served(truth: Table, guess: Table, truth_class: np.ndarray, guess_class: np.ndarray) -> tuple[Pairs, np.ndarray]:
    """Pairs of one class in the order in which they are served, and their overlaps.

    Estimates, which come surest first, one after the other; of each the true events by their overlap, then by time.
    """
    left, right = meeting_pairs(truth.spans, guess.spans)
    same = truth_class[left] == guess_class[right]
    left, right = left[same], right[same]
    overlap = tiou(truth.spans, guess.spans, (left, right))
    order = np.lexsort((truth.ends[left], truth.starts[left], -overlap, right))
    return (left[order], right[order]), overlap[order]


def interpolated_precision(hits: np.ndarray, total: int) -> float:
    """Area under the interpolated precision-recall curve of estimates that come surest first.

    Args:
        hits: boolean ``(estimates,)``.
        total: reference events, positive.

    Example:
        >>> interpolated_precision(np.array([True, False, True]), 2)
        0.8333333333333333
    """
    if not len(hits):
        return 0.0
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best_from_here[hits].sum() / total)


def average_recall(
    reference: EventsByFile,
    estimate: EventsByFile,
    counts: Sequence[int] = (1, 5, 10, 100),
    thresholds: Sequence[float] = TIOU_GRIDS["activitynet"],
) -> dict[int, float]:
    """AR@N: share of true events that one of the N surest estimates of their file overlaps enough.

    Labels do not matter, as for action proposals; the mean over ``thresholds`` is taken. NaN where the
    reference is empty.

    Args:
        reference: file name to true events.
        estimate: file name to scored events.
        counts: the N, positive.
        thresholds: temporal overlaps in (0, 1].

    Raises:
        InvalidInput: a count that is not positive, or a threshold out of range.

    Example:
        >>> from avtext.clip import Event
        >>> truth = {"a.mp4": [Event(0, 10, "jump"), Event(20, 30, "run")]}
        >>> average_recall(truth, {"a.mp4": [Event(0, 10, "run", 0.9)]}, counts=(1,))
        {1: 0.5}
    """
    check_events("reference", reference)
    check_events("estimate", estimate)
    thresholds = checked_thresholds(thresholds)
    if not all(count > 0 for count in counts):
        raise InvalidInput(f"counts: must be positive, got {list(counts)}")
    files, names = sorted(file_names(reference, estimate)), labels_in(reference, estimate)
    truth = table_of(reference, files, names)
    guess = surest_first(table_of(estimate, files, names))
    rank = rank_within(guess.files)
    pairs = meeting_pairs(truth.spans, guess.spans)
    overlap = tiou(truth.spans, guess.spans, pairs)
    out = {}
    for count in counts:
        kept = rank[pairs[1]] < count
        best = np.zeros(len(truth.starts))
        np.maximum.at(best, pairs[0][kept], overlap[kept])
        found = [float(np.mean(best >= low - SLACK)) if len(best) else math.nan for low in thresholds]
        out[count] = nan_mean(found)
    return out


def rank_within(groups: np.ndarray) -> np.ndarray:
    """How many of the same group come before each.

    Example:
        >>> rank_within(np.array([7, 3, 7, 7])).tolist()
        [0, 0, 1, 2]
    """
    order = np.argsort(groups, kind="stable")
    in_order = groups[order]
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - np.searchsorted(in_order, in_order, side="left")
    return rank
