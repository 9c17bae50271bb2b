"""Which estimated events may stand for which reference events, and the largest one-to-one choice of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

Pairs = tuple[np.ndarray, np.ndarray]  # positions in the reference and in the estimate, one entry per pair
SLACK = 1e-9  # an overlap that meets a threshold exactly must not miss it by a rounding error


def pairs_within(reference: np.ndarray, estimate: np.ndarray, tolerance: float) -> Pairs:
    """All pairs whose times differ by at most ``tolerance`` seconds, by reference, then by estimate position.

    Found by binary search: time and memory grow with the events and the pairs found, not with their product.

    Example:
        >>> [side.tolist() for side in pairs_within(np.array([1.0, 5.0]), np.array([5.1, 1.1, 0.9]), 0.2)]
        [[0, 0, 1], [1, 2, 0]]
    """
    order = np.argsort(estimate, kind="stable")
    in_order = estimate[order]
    slack = tolerance + 1e-6  # the exact test below decides, the window may be a little wide
    first = np.searchsorted(in_order, reference - slack, side="left")
    last = np.searchsorted(in_order, reference + slack, side="right")
    left, right = _expand(first, last, order)
    near = np.abs(reference[left] - estimate[right]) <= tolerance
    return _sorted_pairs(left[near], right[near])


class Spans(NamedTuple):
    """Spans of time of many files at once.

    Args:
        files: which file each span is of, int64 ``(spans,)``.
        starts: seconds, float64 ``(spans,)``.
        ends: seconds, float64 ``(spans,)``.
    """

    files: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def meeting_pairs(one: Spans, two: Spans) -> Pairs:
    """All pairs of spans of the same file that share at least a point, by first, then by second position.

    Time and memory grow with the spans and the pairs found, not with their product.

    Example:
        >>> one = Spans(np.array([0, 0]), np.array([0.0, 4.0]), np.array([2.0, 6.0]))
        >>> two = Spans(np.array([0, 1]), np.array([1.0, 1.0]), np.array([5.0, 5.0]))
        >>> left, right = meeting_pairs(one, two)
        >>> left.tolist(), right.tolist()
        ([0, 1], [0, 0])
    """
    if not len(one.starts) or not len(two.starts):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    # Files are laid one after the other on one axis; the window is a little wide there and exact below.
    latest = max(one.ends.max(), two.ends.max())
    room = latest - min(one.starts.min(), two.starts.min()) + 1.0
    slack = 1e-6 + 1e-12 * room * (1 + max(one.files.max(), two.files.max()))
    starts_a, starts_b = one.files * room + one.starts, two.files * room + two.starts
    # Either b begins inside a, or a inside b; a pair that begins together is found twice and kept once.
    a_first = _begin_inside(starts_a, one.files * room + one.ends, starts_b, slack)
    b_first = _begin_inside(starts_b, two.files * room + two.ends, starts_a, slack)
    left, right = np.concatenate([a_first[0], b_first[1]]), np.concatenate([a_first[1], b_first[0]])
    same = one.files[left] == two.files[right]
    meets = np.minimum(one.ends[left], two.ends[right]) >= np.maximum(one.starts[left], two.starts[right])
    width = len(two.starts)
    return np.divmod(np.unique(left[same & meets] * width + right[same & meets]), width)


def intersections(one: Spans, two: Spans, pairs: Pairs) -> np.ndarray:
    """Seconds that the spans of each pair share, float64; negative where they lie apart, by what is between them."""
    left, right = pairs
    return np.minimum(one.ends[left], two.ends[right]) - np.maximum(one.starts[left], two.starts[right])


def tiou(one: Spans, two: Spans, pairs: Pairs) -> np.ndarray:
    """Temporal intersection over union of each pair, float64; 1 where both are the same instant.

    Example:
        >>> one = Spans(np.array([0]), np.array([0.0]), np.array([4.0]))
        >>> two = Spans(np.array([0]), np.array([2.0]), np.array([6.0]))
        >>> tiou(one, two, meeting_pairs(one, two)).round(3).tolist()
        [0.333]
    """
    left, right = pairs
    shared = intersections(one, two, pairs)
    union = np.maximum(one.ends[left], two.ends[right]) - np.minimum(one.starts[left], two.starts[right])
    point = union <= 0
    return np.where(point, 1.0, np.maximum(shared, 0.0) / np.where(point, 1.0, union))


def first_come(pairs: Pairs, num_reference: int, num_estimate: int) -> np.ndarray:
    """The reference that each estimate gets where pairs are served in order, -1 for none.

    Each reference is given away once. ``pairs`` come in the order in which they are to be served: surest
    estimate first for detection scores, best overlap first for boundaries.

    Example:
        >>> first_come((np.array([0, 0, 1]), np.array([0, 1, 1])), 2, 2).tolist()
        [0, 1]
    """
    got = [-1] * num_estimate
    free = [True] * num_reference
    for ref, est in zip(pairs[0].tolist(), pairs[1].tolist(), strict=True):
        if free[ref] and got[est] < 0:
            free[ref] = False
            got[est] = ref
    return np.array(got, dtype=np.int64)


def _begin_inside(starts: np.ndarray, ends: np.ndarray, others: np.ndarray, slack: float) -> Pairs:
    order = np.argsort(others, kind="stable")
    in_order = others[order]
    first = np.searchsorted(in_order, starts - slack, side="left")
    return _expand(first, np.searchsorted(in_order, ends + slack, side="right"), order)


def _expand(first: np.ndarray, last: np.ndarray, order: np.ndarray) -> Pairs:
    """Pairs ``(k, order[j])`` for every ``j`` in ``[first[k], last[k])``."""
    counts = last - first
    left = np.repeat(np.arange(len(first)), counts)
    inside = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return left, order[np.repeat(first, counts) + inside]


def _sorted_pairs(left: np.ndarray, right: np.ndarray) -> Pairs:
    order = np.lexsort((right, left))
    return left[order], right[order]


def largest_matching(pairs: Pairs) -> dict[int, int]:
    """The largest one-to-one choice among ``pairs``: reference position to estimate position.

    Hopcroft and Karp (1973). Ties fall as in sed_eval and mir_eval, whose order of search this keeps, so that
    what is left unmatched is the same as theirs. No recursion: a chain of events may be as long as the file.

    Example:
        >>> largest_matching((np.array([0, 0, 1]), np.array([0, 1, 0])))
        {0: 1, 1: 0}
    """
    neighbours: dict[int, list[int]] = {}
    for ref, est in zip(pairs[0].tolist(), pairs[1].tolist(), strict=True):
        neighbours.setdefault(est, []).append(ref)
    matching: dict[int, int] = {}
    for est, refs in neighbours.items():
        free = next((ref for ref in refs if ref not in matching), None)
        if free is not None:
            matching[free] = est
    while _augment(neighbours, matching):
        pass
    return matching


def _augment(neighbours: dict[int, list[int]], matching: dict[int, int]) -> bool:
    """One phase: lengthen the matching along disjoint shortest paths; false when there is none."""
    taken = set(matching.values())
    came_from: dict[int, int | None] = {est: None for est in neighbours if est not in taken}
    reached: dict[int, list[int]] = {}  # reference -> estimates of the layer before
    ends: list[int] = []  # free references of the last layer
    layer: list[int] = list(came_from)
    while layer and not ends:
        found: dict[int, list[int]] = {}
        for est in layer:
            for ref in neighbours[est]:
                if ref not in reached:
                    found.setdefault(ref, []).append(est)
        reached.update(found)
        ends = [ref for ref in found if ref not in matching]
        layer = [matching[ref] for ref in found if ref in matching]
        came_from.update((matching[ref], ref) for ref in found if ref in matching)
    for ref in ends:
        for end, est in _path_back(ref, reached, came_from):
            matching[end] = est
    return bool(ends)


def _path_back(end: int, reached: dict[int, list[int]], came_from: dict[int, int | None]) -> Iterable[tuple[int, int]]:
    """``(reference, estimate)`` along a path from ``end`` to a free estimate; uses up what it visits."""
    path: list[tuple[int, int]] = []
    stack: list[tuple[int, Iterator[int]]] = [(end, iter(reached.pop(end, ())))]
    while stack:
        ref, options = stack[-1]
        est = next((est for est in options if est in came_from), None)
        if est is None:
            stack.pop()
            if path:
                path.pop()
            continue
        path.append((ref, est))
        before = came_from.pop(est)
        if before is None:
            return path
        stack.append((before, iter(reached.pop(before, ()))))
    return ()
