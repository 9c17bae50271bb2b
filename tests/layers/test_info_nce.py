from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from avtext.layers.matching import info_nce


@pytest.mark.parametrize("hardness", [0.0, 0.5])
def test_it_equals_its_definition(hardness: float) -> None:
    torch.manual_seed(0)
    a, b = F.normalize(torch.randn(4, 3), dim=-1), F.normalize(torch.randn(4, 3), dim=-1)
    known, tau = [True, True, False, True], 0.3

    def surprise(x: torch.Tensor, y: torch.Tensor, i: int) -> float:
        score = [float(x[i] @ y[j]) / tau for j in range(4)]
        others = [j for j in range(4) if j != i and known[j]]
        hard = [math.exp(hardness * score[j]) for j in others]
        mean = sum(hard) / len(hard)
        rest = sum(h / mean * math.exp(score[j]) for h, j in zip(hard, others, strict=True))
        return math.log(math.exp(score[i]) + rest) - score[i]

    want = sum(surprise(a, b, i) + surprise(b, a, i) for i in (0, 1, 3)) / 6
    assert info_nce(a, b, torch.tensor(known), tau, hardness).item() == pytest.approx(want, rel=1e-5)


def test_harder_negatives_count_more() -> None:
    a = torch.eye(3)
    b = F.normalize(torch.tensor([[1.0, 0.0, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]]), dim=-1)
    known = torch.ones(3, dtype=torch.bool)
    assert info_nce(a, b, known, 0.2, hardness=1.0) > info_nce(a, b, known, 0.2)


def test_without_a_negative_nothing_is_asked() -> None:
    x = torch.randn(2, 3, 4, requires_grad=True)
    alone = torch.tensor([[True, False, False], [False, False, False]])
    loss = info_nce(x, x, alone)
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(x.grad).all()


def test_what_takes_no_part_does_not_matter() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(1, 4, 3), torch.randn(1, 4, 3)
    known = torch.tensor([[True, True, True, False]])
    changed = torch.cat([y[:, :3], torch.full((1, 1, 3), 50.0)], 1)
    assert torch.equal(info_nce(x, y, known), info_nce(x, changed, known))


def test_nan_that_takes_no_part_spoils_no_gradient() -> None:
    first, second = F.normalize(torch.randn(2, 6, 8), dim=-1)
    there = torch.tensor([True, True, False, True, True, False])
    gradients = []
    for filler in (0.0, float("nan")):
        one, two = (x.masked_fill(~there[:, None], filler).requires_grad_() for x in (first, second))
        info_nce(one, two, there, hardness=1.0).backward()
        gradients.append((one.grad, two.grad))
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0, atol=0)


def test_scores_of_autocast_are_those_of_float32() -> None:
    torch.manual_seed(0)
    x, y = F.normalize(torch.randn(2, 6, 8), dim=-1), F.normalize(torch.randn(2, 6, 8), dim=-1)
    known = torch.ones(2, 6, dtype=torch.bool)
    with torch.autocast("cpu", torch.bfloat16):
        found = info_nce(x, y, known)
    assert torch.equal(found, info_nce(x, y, known))
