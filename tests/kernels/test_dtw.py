"""Exact DTW against the enumeration of every path."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from avtext.errors import InvalidInput
from avtext.kernels.dtw import Band, Warp, dtw, dtw_from_cost, full_band, sakoe_chiba
from avtext.kernels.pairwise import CostRows

STEPS = ((1, 1), (1, 0), (0, 1))  # in the order in which ties prefer them


@cache
def every_path(start: tuple[int, int], end: tuple[int, int]) -> list[list[tuple[int, int]]]:
    if start == end:
        return [[end]]
    found = []
    for di, dj in STEPS:
        before = (end[0] - di, end[1] - dj)
        if before[0] >= start[0] and before[1] >= start[1]:
            found += [[*path, end] for path in every_path(start, before)]
    return found


def oracle(
    cost: np.ndarray, band: Band | None = None, open_begin: bool = False, open_end: bool = False
) -> tuple[float, list[tuple[int, int]]] | None:
    """The best path by enumeration, ties by the stated rule read from the end; None where there is none."""
    N, M = cost.shape
    low, high = band or full_band(N, M)
    best = None
    for begin in range(M) if open_begin else [0]:
        for end in range(begin, M) if open_end else [M - 1]:
            for path in every_path((0, begin), (N - 1, end)) if end >= begin else []:
                total = sum(float(cost[i, j]) for i, j in path)
                if not np.isfinite(total) or any(not low[i] <= j < high[i] for i, j in path):
                    continue
                moves = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(path)]
                # where nothing came before, the way in counts as a diagonal
                order = [STEPS.index(move) for move in reversed(moves)] + [0]
                key = (total, end, order)
                if best is None or key < best[0]:
                    best = (key, path)
    return None if best is None else (best[0][0], best[1])


def check(cost: np.ndarray, warp: Warp, **options) -> None:
    want = oracle(cost, **options)
    assert want is not None
    assert warp.cost == want[0]
    assert [tuple(pair) for pair in warp.path.tolist()] == want[1]


@pytest.mark.parametrize("open_begin", [False, True])
@pytest.mark.parametrize("open_end", [False, True])
def test_integer_costs_with_ties_equal_the_enumeration(open_begin: bool, open_end: bool):
    rng = np.random.default_rng(0)
    for _ in range(150):
        N, M = rng.integers(1, 6, size=2)
        cost = rng.integers(-1, 3, size=(N, M)).astype(rng.choice([np.float32, np.float64, np.int64]))
        warp = dtw_from_cost(cost, open_begin=open_begin, open_end=open_end)
        check(cost, warp, open_begin=open_begin, open_end=open_end)


def test_all_ties_take_the_stated_way():
    path = dtw_from_cost(np.zeros((3, 5))).path.tolist()
    assert path == [[0, 0], [0, 1], [0, 2], [1, 3], [2, 4]]  # diagonals from the end as long as there are any


@given(
    arrays(np.int64, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.integers(0, 3)),
    st.integers(0, 4),
    st.data(),
)
@settings(max_examples=120, deadline=None)
def test_any_band_equals_the_enumeration_within_it(cost, radius, data):
    N, M = cost.shape
    centre = data.draw(st.none() | arrays(np.float64, N, elements=st.floats(-1, M)))
    band = sakoe_chiba(N, M, radius, centre)
    options = {"open_begin": data.draw(st.booleans()), "open_end": data.draw(st.booleans())}
    if oracle(cost, band, **options) is None:
        with pytest.raises(InvalidInput, match="no path leads through the band"):
            dtw_from_cost(cost, band=band, **options)
    else:
        check(cost, dtw_from_cost(cost, band=band, **options), band=band, **options)


def test_infinite_costs_forbid_cells():
    rng = np.random.default_rng(1)
    blocked = 0
    for _ in range(150):
        cost = rng.integers(0, 3, size=(4, 4)).astype(np.float64)
        cost[rng.random((4, 4)) < 0.35] = np.inf
        if oracle(cost) is None:
            blocked += 1
            with pytest.raises(InvalidInput, match="no path"):
                dtw_from_cost(cost)
        else:
            check(cost, dtw_from_cost(cost))
    assert 10 < blocked < 140


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_costs_that_cannot_be_added_are_refused_inside_the_band_only(bad: float):
    cost = np.ones((6, 6))
    cost[0, 5] = bad
    assert dtw_from_cost(cost, band=sakoe_chiba(6, 6, 1)).cost == 6.0
    with pytest.raises(InvalidInput, match="NaN or -inf"):
        dtw_from_cost(cost)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_to_match_is_an_empty_path_of_cost_zero(shape: tuple[int, int]):
    for warp in (dtw_from_cost(np.zeros(shape)), dtw(np.ones((shape[0], 2)), np.ones((shape[1], 2)))):
        assert warp.cost == 0.0
        assert warp.path.shape == (0, 2)


def test_length_one():
    assert dtw_from_cost(np.array([[3.0]])).path.tolist() == [[0, 0]]
    assert dtw_from_cost(np.ones((1, 3))).path.tolist() == [[0, 0], [0, 1], [0, 2]]
    assert dtw_from_cost(np.ones((3, 1))).path.tolist() == [[0, 0], [1, 0], [2, 0]]
    assert dtw_from_cost(np.array([[5.0, 1.0, 4.0]]), open_begin=True, open_end=True).path.tolist() == [[0, 1]]


def test_long_sequences_go_through_many_blocks_as_a_plain_recurrence_does():
    rng = np.random.default_rng(2)
    cost = rng.integers(0, 50, size=(700, 613)).astype(np.float32)
    sums = np.full((701, 614), np.inf)
    sums[0, 0] = 0.0
    for i in range(700):
        for j in range(613):
            sums[i + 1, j + 1] = cost[i, j] + min(sums[i, j], sums[i, j + 1], sums[i + 1, j])
    warp = dtw_from_cost(cost)
    assert warp.cost == sums[-1, -1]
    assert cost[tuple(warp.path.T)].sum() == warp.cost
    assert {tuple(step) for step in np.diff(warp.path, axis=0).tolist()} <= set(STEPS)


def plain(cost: np.ndarray, band: Band) -> tuple[float, list[list[int]]]:
    """The recurrence a cell at a time, and its path by the stated rule for ties."""
    N, M = cost.shape
    sums = np.full((N + 1, M + 1), np.inf)
    sums[0, 0] = 0.0
    for i in range(N):
        for j in range(band.low[i], band.high[i]):
            sums[i + 1, j + 1] = cost[i, j] + min(sums[i, j], sums[i, j + 1], sums[i + 1, j])
    i, j, path = N - 1, M - 1, []
    while i >= 0 and j >= 0:
        path.append([i, j])
        ways = [sums[i + 1 - di, j + 1 - dj] for di, dj in STEPS]
        di, dj = STEPS[int(np.argmin(ways))]
        i, j = i - di, j - dj
    return sums[-1, -1], path[::-1]


@pytest.mark.parametrize("rows", [333, 334, 335, 336])
@pytest.mark.parametrize("radius", [35, 90, 400])
def test_a_band_that_wanders_back_and_forth_through_many_blocks(rows: int, radius: int):
    rng = np.random.default_rng(rows + radius)
    cost = rng.integers(0, 3, size=(rows, 300)).astype(np.float64)
    centre = np.linspace(0, 299, rows) + 30 * np.sin(np.arange(rows) / 9)
    band = sakoe_chiba(rows, 300, radius, centre)
    inside = (np.arange(300) >= band.low[:, None]) & (np.arange(300) < band.high[:, None])
    warp = dtw_from_cost(np.where(inside, cost, np.nan), band=band)
    want = plain(cost, band)
    assert warp.cost == want[0]
    assert warp.path.tolist() == want[1]


def test_a_wide_band_is_no_band_and_a_narrow_one_stays_within():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(300, 5)), rng.normal(size=(410, 5))
    free = dtw(x, y)
    wide = dtw(x, y, band=sakoe_chiba(300, 410, 410))
    assert wide.cost == free.cost
    assert np.array_equal(wide.path, free.path)
    narrow = dtw(x, y, band=sakoe_chiba(300, 410, 10))
    line = narrow.path[:, 0] * 409 / 299
    assert np.abs(narrow.path[:, 1] - line).max() <= 10
    assert narrow.cost > free.cost


def test_a_band_around_a_centre_finds_the_planted_shift():
    rng = np.random.default_rng(4)
    y = rng.normal(size=(500, 8))
    x = y[60:360]
    centre = np.arange(300) + 55.0
    warp = dtw(x, y, band=sakoe_chiba(300, 500, 10, centre), open_begin=True, open_end=True)
    assert warp.cost == 0.0
    assert (warp.path[:, 1] - warp.path[:, 0] == 60).all()


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean", "cosine"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_costs_equal_their_definition(metric: str, kind: type):
    rng = np.random.default_rng(5)
    x, y = (rng.normal(size=(size, 7)).astype(kind) for size in (40, 30))
    y[3] = x[5] * (2 if metric == "cosine" else 1)
    difference = np.linalg.norm(x[:, None].astype(np.float64) - y[None], axis=-1)
    want = {
        "euclidean": difference,
        "sqeuclidean": difference**2,
        "cosine": 1 - (x @ y.T) / np.linalg.norm(x, axis=1)[:, None] / np.linalg.norm(y, axis=1),
    }[metric]
    got = CostRows(x, y, metric).block(0, 40, 0, 30)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    part = CostRows(x, y, metric).block(7, 20, 3, 9)
    np.testing.assert_allclose(part, got[7:20, 3:9], rtol=1e-5, atol=1e-6)
    room = np.full((13, 10), -1.0, np.float32)
    assert CostRows(x, y, metric).block(7, 20, 3, 9, room, margin=2) is room
    assert np.array_equal(room[:, 2:-2], part)
    assert (room[:, [0, 1, -2, -1]] == -1.0).all()


@pytest.mark.parametrize("size", [1e-30, 1e20, 1e30])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_cosines_do_not_depend_on_the_size_of_features(size: float, kind: type):
    rows = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    want = CostRows(rows, rows, "cosine").block(0, 3, 0, 3)
    got = CostRows((size * rows).astype(kind), (size * rows).astype(kind), "cosine").block(0, 3, 0, 3)
    np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean", "cosine"])
def test_features_whose_distances_no_type_holds_are_refused(metric: str):
    size = 1e200 if metric == "cosine" else 1.3e19
    rows = np.array([[size], [-size]])
    with pytest.raises(InvalidInput, match="features must be finite"):
        CostRows(rows, rows, metric)


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean", "cosine"])
def test_near_identical_rows_do_not_cancel(metric: str):
    rng = np.random.default_rng(6)
    x = rng.normal(size=(50, 16)) + 1000.0 * rng.normal(size=16)
    y = x + 1e-4 * rng.normal(size=x.shape)
    got = CostRows(x, y, metric).block(0, 50, 0, 50).astype(np.float64)
    exact = np.linalg.norm(x[:, None] - y[None], axis=-1)
    if metric == "sqeuclidean":
        exact = exact**2
    if metric == "cosine":
        unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (x, y)]
        exact = 0.5 * ((unit[0][:, None] - unit[1][None]) ** 2).sum(-1)
    np.testing.assert_allclose(got, exact, rtol=2e-4)
    warp = dtw(x, y, metric=metric)
    assert np.array_equal(warp.path[:, 0], warp.path[:, 1])  # a float32 product alone loses the diagonal


def test_bad_arguments_are_refused_with_what_is_allowed():
    ones = np.ones((3, 2))
    with pytest.raises(InvalidInput, match="metric must be one of"):
        dtw(ones, ones, metric="manhattan")
    with pytest.raises(InvalidInput, match="shapes must be"):
        dtw(ones, np.ones((3, 4)))
    with pytest.raises(InvalidInput, match="finite"):
        dtw(ones, np.full((3, 2), np.nan))
    with pytest.raises(InvalidInput, match="shape"):
        dtw_from_cost(np.ones(3))
    with pytest.raises(InvalidInput, match="radius"):
        sakoe_chiba(3, 3, -1)
    with pytest.raises(InvalidInput, match="centre"):
        sakoe_chiba(3, 3, 1, np.zeros(2))
    with pytest.raises(InvalidInput, match="band has 4 rows"):
        dtw_from_cost(ones, band=full_band(4, 2))
    with pytest.raises(InvalidInput, match="columns"):
        dtw_from_cost(ones, band=full_band(3, 5))
