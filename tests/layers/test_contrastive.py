from __future__ import annotations

import math

import pytest
import torch

from avtext.layers.contrastive import SPREAD, lag_info_nce, lag_scores


def test_scores_equal_their_definition() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(2, 9, 3), torch.randn(2, 9, 3)
    found = lag_scores(a, b, 4)
    for n in range(2):
        for column, lag in enumerate(range(-4, 5)):
            want = sum(float(a[n, t] @ b[n, t + lag]) for t in range(9) if 0 <= t + lag < 9)
            assert float(found[n, column]) == pytest.approx(want, abs=1e-4)


def test_it_equals_its_definition_on_one_pair() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(6, 4, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)
    real_a, real_b = torch.tensor([True] * 5 + [False]), torch.tensor([False] + [True] * 5)

    def centred(x: torch.Tensor, real: torch.Tensor) -> list[torch.Tensor]:
        mean = x[real].mean(0)
        rows = [x[t] - mean if real[t] else torch.zeros(4, dtype=x.dtype) for t in range(6)]
        length = math.sqrt(sum(float(row @ row) for row in rows))
        return [row / length for row in rows]

    x, y = centred(a, real_a), centred(b, real_b)
    lags = range(-3, 4)
    logits = [sum(float(x[t] @ y[t + k]) for t in range(6) if 0 <= t + k < 6) / 0.1 for k in lags]
    weights = [math.exp(-0.5 * (k / SPREAD) ** 2) for k in lags]
    total = math.log(sum(math.exp(v) for v in logits))
    want = sum(w * (total - v) for w, v in zip(weights, logits, strict=True)) / sum(weights)
    found = lag_info_nce(a[None].float(), b[None].float(), (real_a[None], real_b[None]), 3, temperature=0.1)
    assert float(found) == pytest.approx(want, rel=1e-3)


def test_no_real_step_no_loss_and_no_gradient_of_nan() -> None:
    x = torch.randn(2, 4, 3, requires_grad=True)
    nothing = torch.zeros(2, 4, dtype=torch.bool)
    loss = lag_info_nce(x, x, (nothing, nothing), 2)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert x.grad is not None
    assert bool((x.grad == 0).all())


def test_nan_in_the_padding_changes_nothing() -> None:
    torch.manual_seed(2)
    x, y = torch.randn(1, 20, 4), torch.randn(1, 20, 4)
    mask = torch.arange(20)[None] < 15
    clean = lag_info_nce(x, y, (mask, mask), 5)
    x[:, 15:] = float("nan")
    assert torch.equal(lag_info_nce(x, y, (mask, mask), 5), clean)


def test_a_constant_stream_tells_nothing() -> None:
    """Every lag is as good as any other, wherever the masks lie: their edges give nothing away."""
    there, part = torch.ones(1, 30, dtype=torch.bool), torch.arange(30)[None] >= 7
    flat = torch.full((1, 30, 4), 3.0)
    assert float(lag_info_nce(flat, flat, (there, part), 10)) == pytest.approx(math.log(21), abs=1e-3)


def test_a_shared_event_is_learnt_from_streams_that_are_cut_differently() -> None:
    """Gradient descent on two linear maps finds the one feature of ten that both streams share."""
    generator = torch.Generator().manual_seed(0)
    maps = [torch.randn(10, 2, generator=generator).mul_(0.1).requires_grad_() for _ in range(2)]
    optimizer = torch.optim.Adam(maps, lr=0.03)
    for _ in range(400):
        a, b = torch.randn(8, 60, 10, generator=generator), torch.randn(8, 60, 10, generator=generator)
        b[..., 3] = a[..., 7]
        there = torch.ones(8, 60, dtype=torch.bool)
        loss = lag_info_nce(a @ maps[0], b @ maps[1], (there, torch.arange(60)[None].expand(8, -1) > 9), 20)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    strength = [m.detach().square().sum(1) for m in maps]
    assert int(strength[0].argmax()) == 7
    assert int(strength[1].argmax()) == 3
