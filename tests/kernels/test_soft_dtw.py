"""Soft-DTW on the CPU against a plain log-domain recurrence and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avtext.errors import InvalidInput
from avtext.kernels.dtw import dtw_from_cost
from avtext.kernels.soft_dtw import PLAIN, soft_dtw_backward, soft_dtw_forward


def oracle(cost: np.ndarray, gamma: float) -> float:
    N, M = cost.shape
    logs = np.full((N + 1, M + 1), -np.inf)
    logs[0, 0] = 0.0
    for i in range(N):
        for j in range(M):
            before = np.array([logs[i, j], logs[i, j + 1], logs[i + 1, j]])
            logs[i + 1, j + 1] = np.logaddexp.reduce(before) - cost[i, j] / gamma
    return -gamma * logs[N, M]


@given(st.integers(1, 6), st.integers(1, 6), st.floats(1e-3, 50), st.floats(0.1, 2000), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_value_equals_the_log_domain_at_any_gamma_and_scale(N, M, gamma, scale, seed):
    cost = scale * (np.random.default_rng(seed).random((1, N, M)) - 0.3)
    value = soft_dtw_forward(cost, np.array([[N, M]]), gamma).value[0]
    assert value == pytest.approx(oracle(cost[0], gamma), rel=1e-9, abs=1e-9 * max(gamma, 1))


@pytest.mark.parametrize("gamma", [10.0, 1.0, 0.1])
def test_gradient_equals_finite_differences(gamma: float):
    cost = np.random.default_rng(0).random((3, 5, 6)) * 3
    lengths = np.array([[5, 6], [3, 2], [1, 1]])
    gradient = soft_dtw_backward(soft_dtw_forward(cost, lengths, gamma), lengths)
    eps = 1e-6
    for cell in np.ndindex(cost.shape):
        moved = [cost.copy(), cost.copy()]
        moved[0][cell] += eps
        moved[1][cell] -= eps
        high, low = (soft_dtw_forward(table, lengths, gamma).value[cell[0]] for table in moved)
        assert gradient[cell] == pytest.approx((high - low) / (2 * eps), abs=1e-6)


def test_small_gamma_is_exact_dtw_and_its_gradient_the_path():
    cost = np.random.default_rng(1).random((1, 60, 45)) * 100
    lengths = np.array([[60, 45]])
    state = soft_dtw_forward(cost, lengths, 1e-4)
    warp = dtw_from_cost(cost[0])
    assert state.value[0] == pytest.approx(warp.cost, rel=1e-6)
    path = np.zeros((60, 45))
    path[tuple(warp.path.T)] = 1.0
    np.testing.assert_allclose(soft_dtw_backward(state, lengths)[0], path, atol=1e-6)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_long_sequences_neither_overflow_nor_vanish(kind: type):
    cost = np.random.default_rng(2).random((1, 900, 700)).astype(kind)
    lengths = np.array([[900, 700]])
    for gamma in (0.01, 1.0):
        state = soft_dtw_forward(cost, lengths, gamma)
        assert state.value[0] == pytest.approx(oracle(cost[0].astype(np.float64), gamma), rel=1e-5)
        gradient = soft_dtw_backward(state, lengths)[0]
        assert np.isfinite(gradient).all()
        np.testing.assert_allclose(gradient[[0, -1], [0, -1]], 1.0, rtol=1e-4)
        assert gradient.sum(axis=1).min() > 0.999  # every row is visited


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("peak", [0.9 * PLAIN, 1.1 * PLAIN, 1.9 * PLAIN, 2.1 * PLAIN])
def test_large_costs_on_either_side_of_what_a_type_holds(peak: float, kind: type):
    cost = np.random.default_rng(5).random((70, 40, 30)).astype(kind)  # of more than a thread's part
    cost[:, 1::2] *= peak / cost.max()
    lengths = np.tile([[40, 30]], (70, 1))
    state = soft_dtw_forward(cost, lengths, 1.0)
    for one, value in zip(cost[::23], state.value[::23], strict=True):
        assert value == pytest.approx(oracle(one.astype(np.float64), 1.0), rel=1e-5)
    gradient = soft_dtw_backward(state, lengths)
    assert gradient.sum(axis=2).min() > 0.999
    alone = soft_dtw_forward(cost[-1:], lengths[-1:], 1.0)
    np.testing.assert_array_equal(soft_dtw_backward(alone, lengths[-1:])[0], gradient[-1])


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_padding_is_inert_and_real_values_are_checked(bad: float):
    cost = np.full((2, 4, 4), bad)
    cost[0, :2, :3] = [[0.5, 1.0, 2.0], [1.0, 0.5, 0.0]]
    lengths = np.array([[2, 3], [0, 4]])
    state = soft_dtw_forward(cost, lengths, 1.0)
    alone = soft_dtw_forward(cost[:1, :2, :3].copy(), lengths[:1], 1.0)
    assert state.value.tolist() == [alone.value[0], 0.0]
    gradient = soft_dtw_backward(state, lengths)
    np.testing.assert_array_equal(gradient[0, :2, :3], soft_dtw_backward(alone, lengths[:1])[0])
    assert gradient[0, 2:].sum() == gradient[0, :, 3:].sum() == gradient[1].sum() == 0.0
    for gamma in (1.0, 1e-3):
        with pytest.raises(InvalidInput, match="NaN or -inf"):
            soft_dtw_forward(cost, np.array([[2, 4], [0, 4]]), gamma)


def test_forbidden_cells():
    cost = np.array([[[1.0, np.inf], [np.inf, 2.0]], [[1.0, 1.0], [1.0, np.inf]]])
    lengths = np.array([[2, 2], [2, 2]])
    state = soft_dtw_forward(cost, lengths, 0.5)
    assert state.value.tolist() == [3.0, np.inf]
    assert soft_dtw_backward(state, lengths).tolist() == [[[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]]


def test_bad_arguments():
    with pytest.raises(InvalidInput, match="gamma"):
        soft_dtw_forward(np.zeros((1, 2, 2)), np.array([[2, 2]]), 0.0)
    with pytest.raises(InvalidInput, match="lengths"):
        soft_dtw_forward(np.zeros((1, 2, 2)), np.array([[2, 3]]), 1.0)
    with pytest.raises(InvalidInput, match="lengths"):
        soft_dtw_forward(np.zeros((1, 2, 2)), np.array([2, 2]), 1.0)


@pytest.mark.parametrize(("cost", "kind"), [(1e5, float), (-1e5, float), (1e30, np.float32), (-1e300, float)])
def test_a_cost_out_of_range_is_refused_where_it_is_real(cost: float, kind: type):
    costs = np.full((1, 2, 2), 1.0, kind)
    costs[0, 1, 1] = cost
    with pytest.raises(InvalidInput, match="larger gamma"):
        soft_dtw_forward(costs, np.array([[2, 2]]), 1e-10)
    near = soft_dtw_forward(costs, np.array([[1, 2]]), 1e-10)
    assert near.value == pytest.approx(2.0)


def test_a_long_path_of_the_largest_costs_keeps_its_sum():
    size = 40
    cost = np.full((1, size, size), 4e9)
    state = soft_dtw_forward(cost, np.array([[size, size]]), 1.0)
    assert state.value == pytest.approx(size * 4e9, rel=1e-6)
