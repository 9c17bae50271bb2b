from __future__ import annotations

import torch

from avtext.layers.warp import warp


def test_whole_steps_are_copied_and_what_lies_outside_is_masked() -> None:
    values = torch.arange(5.0)[None, :, None].repeat(1, 1, 2)
    out, real = warp(values, torch.ones(1, 5, dtype=torch.bool), torch.tensor([[-1.0, 0.0, 3.0, 5.0]]))
    assert out[0, :, 0].tolist() == [0.0, 0.0, 3.0, 0.0]
    assert real[0].tolist() == [False, True, True, False]


def test_between_steps_it_is_linear_and_a_masked_neighbour_does_not_count() -> None:
    values = torch.tensor([[[0.0], [10.0], [float("nan")]]])
    mask = torch.tensor([[True, True, False]])
    out, real = warp(values, mask, torch.tensor([[0.25, 1.2, 1.8]]))
    assert out[0, :2, 0].tolist() == [2.5, 10.0]
    assert real[0].tolist() == [True, True, False]


def test_of_nothing_nothing_is_read() -> None:
    out, real = warp(torch.zeros(2, 0, 3), torch.zeros(2, 0, dtype=torch.bool), torch.zeros(2, 4))
    assert torch.equal(out, torch.zeros(2, 4, 3))
    assert real.shape == (2, 4)
    assert not real.any()


def test_the_identity_changes_nothing() -> None:
    values, mask = torch.randn(2, 7, 3), torch.rand(2, 7) > 0.5
    out, real = warp(values, mask, torch.arange(7.0).repeat(2, 1))
    assert torch.equal(real, mask)
    assert torch.equal(out, torch.where(mask[..., None], values, torch.zeros(())))
