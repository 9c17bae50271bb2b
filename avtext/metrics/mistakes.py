"""Kinds of mistakes: missed, spurious, split, merged, wrong label; and which labels are confused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avtext.errors import InvalidInput
from avtext.metrics.columns import EventsByFile, Table, check_events, file_names, labels_in, table_of
from avtext.metrics.matching import SLACK, Pairs, first_come, intersections, meeting_pairs

NONE = "(none)"  # the row of spurious and the column of missed events in a confusion table


@dataclass(frozen=True)
class Mistakes:
    """Every true event falls in one kind, and so does every estimate.

    Args:
        correct: true events with one estimate of their label, which has no other true event.
        split: true events that several estimates of their label share.
        merged: true events whose one estimate of their label holds others too.
        wrong_label: true events found only under another label.
        missed: true events that nothing stands for.
        split_parts: estimates that share one true event.
        merging: estimates that hold several true events of their label.
        mislabelled: estimates that stand only for true events of another label.
        spurious: estimates that stand for nothing.
        num_reference: true events.
        num_estimate: estimates.
    """

    correct: int
    split: int
    merged: int
    wrong_label: int
    missed: int
    split_parts: int
    merging: int
    mislabelled: int
    spurious: int
    num_reference: int
    num_estimate: int


def find_mistakes(reference: EventsByFile, estimate: EventsByFile, *, share: float = 0.5) -> Mistakes:
    """Count the kinds of mistakes.

    An estimate stands for a true event of its file where their intersection covers ``share`` of the shorter
    one.

    Args:
        reference: file name to true events.
        estimate: file name to estimated events.
        share: in (0, 1].

    Raises:
        InvalidInput: a share out of range, or events that are not a mapping.

    Example:
        >>> from avtext.clip import Event
        >>> halves = [Event(0, 4, "dog"), Event(5, 9, "dog")]
        >>> found = find_mistakes({"a.wav": [Event(0, 9, "dog")]}, {"a.wav": halves})
        >>> found.split, found.split_parts, found.correct
        (1, 2, 0)
    """
    truth, guess, _ = _tables(reference, estimate, share)
    left, right = _standing(truth, guess, share)
    same = truth.labels[left] == guess.labels[right]
    by_truth = np.bincount(left[same], minlength=len(truth.starts))  # estimates of the same label
    by_guess = np.bincount(right[same], minlength=len(guess.starts))
    shared = np.zeros(len(truth.starts), dtype=bool)  # has an estimate that holds several
    np.logical_or.at(shared, left[same], by_guess[right[same]] > 1)
    part = np.zeros(len(guess.starts), dtype=bool)  # stands for a true event that others share
    np.logical_or.at(part, right[same], by_truth[left[same]] > 1)
    seen = np.isin(np.arange(len(truth.starts)), left)
    stands = np.isin(np.arange(len(guess.starts)), right)
    counts = {
        "correct": (by_truth == 1) & ~shared,
        "split": by_truth > 1,
        "merged": (by_truth == 1) & shared,
        "wrong_label": (by_truth == 0) & seen,
        "missed": ~seen,
        "split_parts": part & (by_guess == 1),
        "merging": by_guess > 1,
        "mislabelled": (by_guess == 0) & stands,
        "spurious": ~stands,
    }
    totals = {"num_reference": len(truth.starts), "num_estimate": len(guess.starts)}
    return Mistakes(**{name: int(mask.sum()) for name, mask in counts.items()}, **totals)


def confusion(reference: EventsByFile, estimate: EventsByFile, *, share: float = 0.5) -> dict[str, dict[str, int]]:
    """How often each true label was given each estimated one; :data:`NONE` for missed and spurious events.

    Events are paired one to one where one stands for the other as in :func:`find_mistakes`: those of the same
    label first, then by their intersection.

    Args:
        reference: file name to true events.
        estimate: file name to estimated events.
        share: in (0, 1].

    Returns:
        True label to estimated label to count; only counts above zero.

    Raises:
        InvalidInput: a share out of range, or events that are not a mapping.

    Example:
        >>> from avtext.clip import Event
        >>> confusion({"a": [Event(0, 1, "dog")]}, {"a": [Event(0, 1, "cat"), Event(5, 6, "cat")]})
        {'dog': {'cat': 1}, '(none)': {'cat': 1}}
    """
    truth, guess, names = _tables(reference, estimate, share)
    left, right = _standing(truth, guess, share)
    same = truth.labels[left] == guess.labels[right]
    shared = intersections(truth.spans, guess.spans, (left, right))
    order = np.lexsort((guess.starts[right], truth.starts[left], -shared, ~same))
    got = first_come((left[order], right[order]), len(truth.starts), len(guess.starts))
    missed = ~np.isin(np.arange(len(truth.starts)), got)
    none = len(names)
    rows = np.concatenate([np.append(truth.labels, none)[got], truth.labels[missed]])
    columns = np.concatenate([guess.labels, np.full(int(missed.sum()), none)])
    return _nested([*names, NONE], rows, columns)


def _nested(names: list[str], rows: np.ndarray, columns: np.ndarray) -> dict[str, dict[str, int]]:
    keys, counts = np.unique(rows * len(names) + columns, return_counts=True)
    table: dict[str, dict[str, int]] = {}
    for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
        row, column = divmod(key, len(names))
        table.setdefault(names[row], {})[names[column]] = count
    return table


def _tables(reference: EventsByFile, estimate: EventsByFile, share: float) -> tuple[Table, Table, list[str]]:
    check_events("reference", reference)
    check_events("estimate", estimate)
    if not 0 < share <= 1:
        raise InvalidInput(f"share: must lie in (0, 1], got {share}")
    files, names = file_names(reference, estimate), labels_in(reference, estimate)
    return table_of(reference, files, names), table_of(estimate, files, names), names


def _standing(truth: Table, guess: Table, share: float) -> Pairs:
    """Pairs in which one may stand for the other."""
    left, right = meeting_pairs(truth.spans, guess.spans)
    shorter = np.minimum(truth.durations[left], guess.durations[right])
    shared = intersections(truth.spans, guess.spans, (left, right))
    instant = (truth.durations[left] == 0) & (guess.durations[right] == 0)
    keep = (shared >= share * shorter - SLACK) & ((shared > 0) | instant)
    return left[keep], right[keep]
