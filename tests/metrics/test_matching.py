"""Pairs against all pairs, and the matching against the known size of the largest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avtext.metrics.matching import (
    Spans,
    first_come,
    largest_matching,
    meeting_pairs,
    pairs_within,
    tiou,
)
from tests.counting import lines_run

TIMES = st.lists(st.integers(-20, 20).map(lambda k: k / 4), max_size=8).map(np.array)
SPANS = st.lists(st.tuples(st.integers(0, 2), st.integers(-5, 10), st.integers(0, 6)), max_size=8)


def spans_of(rows: list[tuple[int, int, int]]) -> Spans:
    table = np.array(rows, dtype=float).reshape(-1, 3)
    return Spans(table[:, 0].astype(int), table[:, 1], table[:, 1] + table[:, 2])


@given(reference=TIMES, estimate=TIMES, tolerance=st.sampled_from([0.0, 0.25, 1.1]))
def test_pairs_within_are_all_pairs_within(reference, estimate, tolerance):
    left, right = pairs_within(reference.astype(float), estimate.astype(float), tolerance)
    expected = [
        (r, e) for r in range(len(reference)) for e in range(len(estimate))
        if abs(reference[r] - estimate[e]) <= tolerance
    ]  # fmt: skip
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == expected


@given(one=SPANS, two=SPANS)
def test_meeting_pairs_are_all_that_meet(one, two):
    a, b = spans_of(one), spans_of(two)
    left, right = meeting_pairs(a, b)
    expected = [
        (i, j) for i in range(len(one)) for j in range(len(two))
        if a.files[i] == b.files[j] and min(a.ends[i], b.ends[j]) >= max(a.starts[i], b.starts[j])
    ]  # fmt: skip
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == expected


def test_meeting_pairs_hold_at_long_times_of_many_files():
    """Files are laid side by side; touching at a microsecond after hours must still be found."""
    files = np.arange(2000)
    one = Spans(files, np.full(2000, 40_000.0), np.full(2000, 40_000.000001))
    two = Spans(files, np.full(2000, 40_000.000001), np.full(2000, 50_000.0))
    left, right = meeting_pairs(one, two)
    assert left.tolist() == right.tolist() == files.tolist()


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20))
def test_matching_is_valid_and_as_large_as_augmenting_one_by_one_makes_it(edges):
    edges = sorted(set(edges))
    left, right = (np.array([edge[k] for edge in edges], dtype=int) for k in (0, 1))
    matching = largest_matching((left, right))
    assert len(set(matching.values())) == len(matching)
    assert set(matching.items()) <= set(edges)
    assert len(matching) == kuhn(edges)


def kuhn(edges: list[tuple[int, int]]) -> int:
    """Size of the largest matching by Kuhn's algorithm: another way to the same number."""
    owner: dict[int, int] = {}

    def place(ref: int, seen: set[int]) -> bool:
        for r, e in edges:
            if r == ref and e not in seen:
                seen.add(e)
                if e not in owner or place(owner[e], seen):
                    owner[e] = ref
                    return True
        return False

    return sum(place(ref, set()) for ref in sorted({r for r, _ in edges}))


def test_a_chain_as_long_as_a_file_needs_no_recursion():
    """Each estimate k fits references k and k + 1; all but the last shift by one to place the first."""
    count = 30_000
    left = np.concatenate([np.arange(count), np.arange(1, count)])
    right = np.concatenate([np.arange(count), np.arange(count - 1)])
    order = np.lexsort((-right, left))
    assert len(largest_matching((left[order], right[order]))) == count


def test_an_empty_side_has_no_pairs():
    nothing = np.zeros(0)
    assert [len(side) for side in pairs_within(nothing, np.ones(3), 1.0)] == [0, 0]
    assert largest_matching(pairs_within(nothing, nothing, 1.0)) == {}
    assert len(meeting_pairs(spans_of([]), spans_of([(0, 0, 1)]))[0]) == 0


def test_tiou_of_known_spans():
    one = spans_of([(0, 0, 4), (0, 5, 0), (0, 8, 2)])
    two = spans_of([(0, 2, 4), (0, 5, 0), (0, 10, 1)])
    pairs = (np.array([0, 1, 2, 1]), np.array([0, 1, 2, 0]))
    assert tiou(one, two, pairs).tolist() == pytest.approx([2 / 6, 1.0, 0.0, 0.0])


def test_first_come_serves_in_order():
    pairs = (np.array([1, 0, 1, 0]), np.array([0, 0, 1, 1]))
    assert first_come(pairs, 2, 3).tolist() == [1, 0, -1]


class Counted(np.ndarray):
    """An array, as is what comes of it, of which all elements that numpy goes through are counted."""

    touched = 0

    def __array_ufunc__(self, ufunc, method, *inputs, **named):
        return Counted.of(getattr(ufunc, method), inputs, named)

    def __array_function__(self, function, types, inputs, named):
        return Counted.of(function, inputs, named)

    @staticmethod
    def of(function, inputs, named):
        inputs = bare(inputs)
        found = function(*inputs, **named)
        parts = found if isinstance(found, tuple) else (found,)
        Counted.touched += elements((*inputs, *parts))
        counted = tuple(one.view(Counted) if isinstance(one, np.ndarray) else one for one in parts)
        return counted if isinstance(found, tuple) else counted[0]


def bare(value):
    if isinstance(value, list | tuple):
        return [bare(one) for one in value]
    return value.view(np.ndarray) if isinstance(value, Counted) else value


def elements(value):
    return sum(map(elements, value)) if isinstance(value, list | tuple) else np.size(value)


def work(count: int) -> int:
    """Elements of arrays and lines of Python to match ``count`` events in time, and to find which of them meet."""
    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(0, count / 5, count)).view(Counted)
    near = (times + rng.normal(0, 0.05, count)).view(Counted)
    spans = Spans(np.zeros(count, dtype=int).view(Counted), times, times + 0.3)
    Counted.touched = 0

    def match() -> None:
        assert len(largest_matching(pairs_within(times, near, 0.2))) > 0.98 * count
        assert len(meeting_pairs(spans, spans)[0]) < 20 * count

    return lines_run(match) + Counted.touched


def test_work_does_not_grow_with_the_square_of_the_events():
    assert work(2000) < 5 * work(500)
