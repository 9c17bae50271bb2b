from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from avtext.layers.contrastive import frame_info_nce


def test_it_equals_its_definition_on_one_pair() -> None:
    torch.manual_seed(0)
    a, b = (F.normalize(torch.randn(1, 6, 4), dim=-1) for _ in range(2))
    mask = torch.tensor([[True] * 5 + [False]])
    weight = torch.rand(1, 6)
    total = 0.0
    for x, y in ((a[0], b[0]), (b[0], a[0])):
        for t in range(5):
            logits = [float(x[t] @ y[s]) / 0.1 for s in range(5) if s == t or abs(s - t) > 1]
            positive = float(x[t] @ y[t]) / 0.1
            total += float(weight[0, t]) * (math.log(sum(math.exp(v) for v in logits)) - positive)
    want = 0.5 * total / max(1.0, float(weight[0, :5].sum()))
    assert abs(float(frame_info_nce(a, b, mask, weight, 0.1, exclusion=1)) - want) < 1e-4


def test_no_step_no_loss() -> None:
    x = torch.randn(2, 4, 3)
    assert float(frame_info_nce(x, x, torch.zeros(2, 4, dtype=torch.bool), torch.ones(2, 4))) == 0.0


def test_streams_in_step_cost_less_than_shifted_ones() -> None:
    torch.manual_seed(1)
    x = F.normalize(torch.randn(1, 50, 16), dim=-1)
    there = torch.ones(1, 50, dtype=torch.bool)
    assert frame_info_nce(x, x, there, there.float()) < frame_info_nce(x, x.roll(5, 1), there, there.float())
