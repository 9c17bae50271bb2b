"""The numpy twins against the torch functions that models are trained with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from avtext.kernels import resampling
from avtext.layers.tcn import to_grid
from avtext.layers.warp import warp


def stream(length: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mask = rng.random(length) < 0.7
    values = rng.normal(size=(length, 5)).astype(np.float32)
    values[~mask] = np.nan
    return values, mask


@pytest.mark.parametrize("rate", [8.0, 25.0, 50.0, 12.5])
@pytest.mark.parametrize("start", [0.0, -0.31, 1.7])
@pytest.mark.parametrize("length", [0, 1, 90])
def test_to_grid_is_the_layers(rate: float, start: float, length: int) -> None:
    values, mask = stream(length)
    got, real = resampling.to_grid(values, mask, rate, start, 25.0, 60)
    starts = torch.tensor([start], dtype=torch.float64)
    want, want_real = to_grid(torch.tensor(values)[None], torch.tensor(mask)[None], rate, starts, 25.0, 60)
    np.testing.assert_array_equal(real, want_real[0].numpy())
    np.testing.assert_allclose(got, want[0].numpy(), atol=1e-6)


@pytest.mark.parametrize("length", [0, 1, 40])
def test_warp_is_the_layers(length: int) -> None:
    values, mask = stream(length, 1)
    position = np.concatenate([np.linspace(-3.0, 45.0, 77), [np.nan, 5.0, 5.5, 39.0, 39.5]])
    got, real = resampling.warp(values, mask, position)
    want, want_real = warp(torch.tensor(values)[None], torch.tensor(mask)[None], torch.tensor(position)[None])
    np.testing.assert_array_equal(real, want_real[0].numpy())
    assert real.any() == mask.any()
    assert not real.all()
    np.testing.assert_allclose(got, want[0].numpy(), atol=1e-6)
