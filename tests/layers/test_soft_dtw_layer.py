"""Soft-DTW as a loss: gradients, both backends, padding, and the divergence's promises."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from avtext.errors import InvalidInput
from avtext.layers.dtw import soft_dtw, soft_dtw_divergence

BACKENDS = ["numba", "torch"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("gamma", [1.0, 0.1])
def test_gradcheck_with_ragged_lengths(backend, gamma: float):
    torch.manual_seed(0)
    cost = torch.rand(3, 4, 5, dtype=torch.float64, requires_grad=True)
    x_lengths, y_lengths = torch.tensor([4, 2, 0]), torch.tensor([5, 1, 3])
    assert torch.autograd.gradcheck(lambda c: soft_dtw(c, x_lengths, y_lengths, gamma=gamma, backend=backend), (cost,))


@pytest.mark.parametrize("gamma", [10.0, 1.0, 0.01])
def test_both_backends_agree_and_padding_is_inert(gamma: float):
    torch.manual_seed(1)
    cost = 5 * torch.rand(5, 9, 7)
    lengths = torch.tensor([9, 4, 1, 0, 9])
    cost[1, 4:] = float("nan")
    cost[3] = -float("inf")
    cost[4, 3, :] = float("inf")  # no path leads through
    results = []
    for backend in BACKENDS:
        leaf = cost.clone().requires_grad_()
        value = soft_dtw(leaf, lengths, gamma=gamma, backend=backend)
        value[:4].sum().backward()
        results.append((value.detach(), leaf.grad))
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-5)
    value, gradient = results[0]
    assert value[3] == 0
    assert value[4] == float("inf")
    assert gradient[1, 4:].abs().sum() == gradient[3:].abs().sum() == 0
    alone = soft_dtw(cost[1:2, :4], gamma=gamma)
    assert value[1] == alone[0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_empty_batches_and_axes(backend):
    for shape in ((0, 3, 4), (2, 0, 4), (2, 3, 0)):
        cost = torch.zeros(shape, requires_grad=True)
        value = soft_dtw(cost, backend=backend)
        value.sum().backward()
        assert value.tolist() == [0.0] * shape[0]
        assert cost.grad.shape == shape


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("bad", [float("nan"), -float("inf")])
def test_real_costs_are_checked(backend, bad: float):
    with pytest.raises(InvalidInput, match="NaN or -inf"):
        soft_dtw(torch.tensor([[[0.0, 1.0], [bad, 0.0]]]), backend=backend)


def test_half_precision_is_computed_wider():
    cost = (10 * torch.rand(2, 8, 8)).to(torch.bfloat16).requires_grad_()
    value = soft_dtw(cost)
    value.sum().backward()
    assert value.dtype == torch.float32
    assert cost.grad.dtype == torch.bfloat16
    torch.testing.assert_close(value.detach(), soft_dtw(cost.detach().float()))


@given(st.integers(1, 7), st.integers(1, 7), st.floats(0.05, 10), st.floats(0.01, 10), st.integers(0, 999))
@settings(max_examples=60, deadline=None)
def test_the_divergence_is_never_negative_and_zero_for_equals(N, M, gamma, scale, seed):
    torch.manual_seed(seed)
    x, y = scale * torch.randn(1, N, 3).double(), scale * torch.randn(1, M, 3).double()
    assert float(soft_dtw_divergence(x, y, gamma=gamma)) >= -1e-9 * max(1.0, scale**2) * (N + M)
    assert abs(float(soft_dtw_divergence(x, x, gamma=gamma))) < 1e-9


def test_the_divergence_ignores_padding_in_value_and_gradient():
    torch.manual_seed(2)
    x, y = torch.randn(2, 6, 3), torch.randn(2, 5, 3)
    x_mask = torch.arange(6) < torch.tensor([[4], [6]])
    y_mask = torch.arange(5) < torch.tensor([[5], [2]])
    filled = x.clone()
    filled[~x_mask] = float("nan")
    filled.requires_grad_()
    value = soft_dtw_divergence(filled, y, x_mask, y_mask)
    value.sum().backward()
    assert torch.isfinite(filled.grad).all()
    assert filled.grad[~x_mask].abs().sum() == 0
    torch.testing.assert_close(value[0], soft_dtw_divergence(x[:1, :4], y[:1])[0])
    torch.testing.assert_close(value[1], soft_dtw_divergence(x[1:], y[1:, :2])[0])


def test_descending_the_divergence_brings_a_sequence_to_the_other():
    torch.manual_seed(3)
    y = torch.randn(1, 6, 2)
    x = (y + 0.5 * torch.randn(1, 6, 2)).requires_grad_()
    optimiser = torch.optim.Adam([x], lr=0.05)
    first = float(soft_dtw_divergence(x, y, gamma=0.1).detach())
    for _ in range(120):
        optimiser.zero_grad()
        soft_dtw_divergence(x, y, gamma=0.1).sum().backward()
        optimiser.step()
    assert float(soft_dtw_divergence(x, y, gamma=0.1).detach()) < 0.05 * first


def test_bad_arguments():
    cost = torch.zeros(2, 3, 4)
    with pytest.raises(InvalidInput, match="floating point"):
        soft_dtw(cost.int())
    with pytest.raises(InvalidInput, match="floating point"):
        soft_dtw(cost[0])
    with pytest.raises(InvalidInput, match="gamma"):
        soft_dtw(cost, gamma=0.0)
    with pytest.raises(InvalidInput, match=r"x_lengths must lie in \[0, 3\]"):
        soft_dtw(cost, torch.tensor([3, 4]))
    with pytest.raises(InvalidInput, match=r"y_lengths must be integers of shape \(2,\), got torch.float32 of \(2,\)"):
        soft_dtw(cost, None, torch.tensor([1.0, 2.0]))
    with pytest.raises(InvalidInput, match="shapes"):
        soft_dtw_divergence(torch.zeros(1, 2, 3), torch.zeros(1, 2, 4))
    x = torch.zeros(1, 3, 2)
    with pytest.raises(InvalidInput, match="has a gap"):
        soft_dtw_divergence(x, x, torch.tensor([[True, False, True]]))
    with pytest.raises(InvalidInput, match="y_mask must be boolean"):
        soft_dtw_divergence(x, x, None, torch.ones(1, 3))


@pytest.mark.gpu
def test_cuda_equals_the_cpu():
    cost = torch.rand(3, 50, 40)
    here, there = cost.clone().requires_grad_(), cost.cuda().requires_grad_()
    values = soft_dtw(here), soft_dtw(there)
    values[0].sum().backward()
    values[1].sum().backward()
    torch.testing.assert_close(values[0], values[1].cpu())
    torch.testing.assert_close(here.grad, there.grad.cpu())


def test_an_unknown_backend_is_refused():
    with pytest.raises(InvalidInput, match="'numba' or 'torch'"):
        soft_dtw(torch.zeros(1, 2, 2), backend="cuda")


def test_the_divergence_depends_on_no_common_offset():
    torch.manual_seed(0)
    x, y = torch.randn(2, 12, 3), torch.randn(2, 9, 3)
    x_mask = torch.arange(12) < torch.tensor([[12], [7]])
    near = soft_dtw_divergence(x, y, x_mask)
    far = soft_dtw_divergence(x + 1e3, y + 1e3, x_mask)
    torch.testing.assert_close(far, near, rtol=1e-3, atol=0.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_divergence_is_of_float32_in_half_precision(dtype: torch.dtype):
    torch.manual_seed(0)
    x, y = torch.randn(2, 12, 3).to(dtype), torch.randn(2, 9, 3).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        found = soft_dtw_divergence(x, y)
    assert torch.equal(found, soft_dtw_divergence(x.float(), y.float()))


@pytest.mark.parametrize("kind", [torch.float16, torch.float32])
def test_the_divergence_of_two_types_is_in_the_wider(kind: torch.dtype):
    torch.manual_seed(5)
    x, y = torch.randn(2, 4, 3, dtype=kind, requires_grad=True), torch.randn(2, 5, 3, dtype=torch.float64)
    value = soft_dtw_divergence(x, y)
    assert value.dtype == torch.float64
    torch.testing.assert_close(value, soft_dtw_divergence(x.double(), y))
    value.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == kind


def test_the_divergence_has_the_gradient_of_what_it_is():
    torch.manual_seed(1)
    x, y = (torch.randn(1, 4, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(soft_dtw_divergence, (x, y))
