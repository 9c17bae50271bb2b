"""Action segmentation: frame accuracy, edit score and F1 at overlaps (Lea et al. 2017)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.metrics.columns import EventsByFile, check_events, file_names, labels_in, length_of
from avtext.metrics.detection import checked_thresholds
from avtext.metrics.matching import Spans, meeting_pairs, tiou
from avtext.metrics.rates import nan_mean
from avtext.timeline import GRID_RATE, num_steps, span_to_steps

BACKGROUND = -1  # the class of frames in which nothing happens


class Segments(NamedTuple):
    """Runs of equal frames that are not background, in order.

    Args:
        classes: int64 ``(segments,)``.
        starts: first frame of each.
        ends: the frame after its last.
    """

    classes: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


@dataclass(frozen=True)
class SegmentationScores:
    """How well a file is cut into labelled parts; all in [0, 1], NaN without any frame.

    Args:
        frame_accuracy: frames with the right label, background included, over all files.
        edit: mean over files of one less the normalised edit distance between the orders of labels.
        f1: overlap to the F1 of segments over all files.
        num_frames: frames compared.
    """

    frame_accuracy: float
    edit: float
    f1: Mapping[float, float]
    num_frames: int


def segmentation(
    reference: EventsByFile,
    estimate: EventsByFile,
    *,
    thresholds: Sequence[float] = (0.1, 0.25, 0.5),
    durations: Mapping[str, float] | None = None,
    rate: float = GRID_RATE,
) -> SegmentationScores:
    """Frame accuracy, edit score and F1@{10,25,50} of files that are cut into parts.

    A frame has one label: where events overlap, that of the surest, then of the one that began last. A file's
    last segment ends after its last frame (the script of MS-TCN loses that frame).

    Args:
        reference: file name to true events.
        estimate: file name to estimated events; a file that one side lacks is empty there.
        thresholds: overlaps of F1@k, in (0, 1].
        durations: seconds of every file; by default a file ends with its last event.
        rate: frames per second, positive.

    Raises:
        InvalidInput: a threshold or the rate out of range, or a file without a duration or of more than 31 days.

    Example:
        >>> truth = {"a.mp4": [Event(0, 4, "cut"), Event(4, 8, "stir")]}
        >>> scores = segmentation(truth, {"a.mp4": [Event(0, 5, "cut"), Event(5, 8, "stir")]})
        >>> scores.frame_accuracy, scores.edit, scores.f1[0.5]
        (0.875, 1.0, 1.0)
    """
    check_events("reference", reference)
    check_events("estimate", estimate)
    thresholds = checked_thresholds(thresholds)
    if not 0 < rate < math.inf:
        raise InvalidInput(f"rate: must be positive frames per second, got {rate}")
    position = {name: k for k, name in enumerate(labels_in(reference, estimate))}
    correct, num_frames, edits = 0, 0, []
    counts = np.zeros((len(thresholds), 3), dtype=np.int64)
    for file in file_names(reference, estimate):
        sides = reference.get(file, ()), estimate.get(file, ())
        last = max((event.end for side in sides for event in side), default=0.0)
        count = num_steps(length_of(file, last, durations), rate)
        truth, guess = (frames_of(side, position, count, rate) for side in sides)
        correct, num_frames = correct + int((truth == guess).sum()), num_frames + count
        one, two = segments_of(truth), segments_of(guess)
        edits.append(edit_score(one.classes.tolist(), two.classes.tolist()))
        counts += segment_counts(one, two, thresholds)
    return SegmentationScores(
        frame_accuracy=correct / num_frames if num_frames else math.nan,
        edit=nan_mean(edits),
        f1={low: _f1(*row) for low, row in zip(thresholds, counts.tolist(), strict=True)},
        num_frames=num_frames,
    )


def frames_of(events: Sequence[Event], position: Mapping[str, int], count: int, rate: float) -> np.ndarray:
    """One class per frame, int64 ``(count,)``, :data:`BACKGROUND` where nothing happens.

    Example:
        >>> frames_of([Event(1, 2, "cut")], {"cut": 0}, 3, 1.0).tolist()
        [-1, 0, -1]
    """
    frames = np.full(count, BACKGROUND, dtype=np.int64)
    for event in sorted(events, key=lambda e: (e.score, e.start, e.end, e.label)):
        first, last = span_to_steps(event.start, event.end, rate, count)
        frames[first:last] = position[event.label]
    return frames


def segments_of(frames: np.ndarray) -> Segments:
    """Runs of equal frames, without the background.

    Example:
        >>> segments_of(np.array([0, 0, -1, 1])).ends.tolist()
        [2, 4]
    """
    if not len(frames):
        return Segments(frames, frames, frames)
    borders = np.flatnonzero(np.diff(frames)) + 1
    starts, ends = np.append(0, borders), np.append(borders, len(frames))
    real = frames[starts] != BACKGROUND
    return Segments(frames[starts][real], starts[real], ends[real])


def edit_score(reference: Sequence[int], estimate: Sequence[int]) -> float:
    """One less the edit distance between two orders, as a share of the longer; NaN where both are empty.

    Example:
        >>> edit_score([1, 2, 3], [1, 3]), edit_score([], [1])
        (0.6666666666666667, 0.0)
    """
    longest = max(len(reference), len(estimate))
    return 1.0 - edit_distance(reference, estimate) / longest if longest else math.nan


def edit_distance(one: Sequence[int], two: Sequence[int]) -> int:
    """Fewest insertions, deletions and substitutions from one order to the other (Levenshtein).

    Whole columns at once, as the bits of one integer (Myers 1999; Hyyrö 2003): 100,000 items take seconds.

    Example:
        >>> edit_distance([1, 2, 3, 4], [2, 3, 5, 4])
        2
    """
    if not one or not two:
        return max(len(one), len(two))
    where: dict[int, int] = {}  # per item, the bits of the rows that hold it
    for k, item in enumerate(one):
        where[item] = where.get(item, 0) | (1 << k)
    rows, last = (1 << len(one)) - 1, 1 << (len(one) - 1)
    up, down, distance = rows, 0, len(one)  # rows where the column steps by +1 and by -1
    for item in two:
        same = where.get(item, 0)
        vertical = same | down
        horizontal = (((same & up) + up) ^ up) | same
        plus, minus = (down | ~(horizontal | up)) & rows, up & horizontal
        distance += bool(plus & last) - bool(minus & last)
        plus, minus = ((plus << 1) | 1) & rows, (minus << 1) & rows
        up, down = (minus | ~(vertical | plus)) & rows, plus & vertical
    return distance


def segment_counts(one: Segments, two: Segments, thresholds: Sequence[float]) -> np.ndarray:
    """True positives, false positives and false negatives at each overlap, int64 ``(thresholds, 3)``.

    Each estimated segment, in order, asks for the true one of its class that it overlaps best, and is false
    where that is taken or overlaps too little.
    """
    spans = [Spans(np.zeros_like(s.starts), s.starts.astype(float), s.ends.astype(float)) for s in (one, two)]
    left, right = meeting_pairs(spans[0], spans[1])
    same = one.classes[left] == two.classes[right]
    left, right = left[same], right[same]
    overlap = tiou(spans[0], spans[1], (left, right))
    order = np.lexsort((left, -overlap, right))
    best = order[np.unique(right[order], return_index=True)[1]]  # per estimate, its best pair
    out = []
    for low in thresholds:
        found = len(np.unique(left[best[overlap[best] >= low]]))
        out.append((found, len(two.classes) - found, len(one.classes) - found))
    return np.array(out, dtype=np.int64)


def _f1(hits: int, false: int, missed: int) -> float:
    total = 2 * hits + false + missed
    return 2 * hits / total if total else math.nan
