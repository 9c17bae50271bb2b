"""Windows tile their row; moments and normalisation equal those taken directly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from avtext.encoders import waveform
from avtext.encoders.waveform import WaveformRow, plan_windows


@given(st.integers(0, 400), st.integers(1, 60), st.data())
def test_windows_tile_the_row(count: int, length: int, data: st.DataObject) -> None:
    halo = data.draw(st.integers(0, (length - 1) // 2))
    windows = list(plan_windows(3, count, length, halo))
    kept = [step for w in windows for step in range(w.keep_first, w.keep_last)]
    assert kept == list(range(count))
    for w in windows:
        assert w.row == 3
        assert 0 <= w.first <= w.keep_first < w.keep_last <= w.last <= count
        assert w.last - w.first == min(length, count)
        assert w.first == 0 or w.keep_first - w.first >= halo
        assert w.last == count or w.last - w.keep_last >= halo


@pytest.mark.parametrize("piece", [64, 1000, 1 << 20])
def test_normalisation_and_moments_equal_numpy(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    """Taken in pieces of any size, and with a gap and padding that hold what is not a number."""
    monkeypatch.setattr(waveform, "_PIECE", piece)
    rng = np.random.default_rng(0)
    values, mask = rng.standard_normal(1500).astype(np.float32) * 3 + 5, np.ones(1500, bool)
    mask[200:300] = mask[1200:] = False
    values[~mask] = np.nan
    row = WaveformRow.of(torch.from_numpy(values), torch.from_numpy(mask))
    expected = np.where(mask, (values - values[mask].mean()) / values[mask].std(), 0.0)
    assert len(row.values) == 1200
    np.testing.assert_allclose(row.normalised(0, 1500).numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(row.normalised(150, 310).numpy(), expected[150:310], atol=1e-5)
    frames = np.lib.stride_tricks.sliding_window_view(expected[:1200], 10)[::5]
    mean, covariance = row.frame_moments(10, 5, 1200)
    np.testing.assert_allclose(mean.numpy(), frames.mean(0), atol=1e-6)
    np.testing.assert_allclose(covariance.numpy(), np.cov(frames.T, bias=True), atol=1e-5)


def test_moments_of_a_row_that_is_padded() -> None:
    row = WaveformRow.of(torch.randn(7), torch.ones(7, dtype=torch.bool))
    padded = np.concatenate([row.normalised(0, 7).numpy(), np.zeros(13)])
    mean, covariance = row.frame_moments(10, 5, 20)
    frames = np.stack([padded[0:10], padded[5:15], padded[10:20]])
    np.testing.assert_allclose(mean.numpy(), frames.mean(0), atol=1e-6)
    np.testing.assert_allclose(covariance.numpy(), np.cov(frames.T, bias=True), atol=1e-6)


@pytest.mark.parametrize("level", [0.0, 1e-6])
def test_constant_is_silence(level: float) -> None:
    row = WaveformRow.of(torch.full((50,), level), torch.ones(50, dtype=torch.bool))
    assert row.normalised(0, 50).abs().max() < 1e-3


def test_no_real_sample() -> None:
    row = WaveformRow.of(torch.full((5,), torch.nan), torch.zeros(5, dtype=torch.bool))
    assert len(row.values) == 0
    assert row.normalised(0, 4).tolist() == [0.0] * 4


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ([1, 1, 1, 1], [True]),
        ([1], [True]),
        ([0, 0, 1], [False]),  # one of three
        ([0, 1], [True]),  # a half is enough
        ([1, 1, 1, 1, 0, 0, 0, 0, 1, 1], [True, True, False, True]),
    ],
)
def test_real_steps(mask: list[int], expected: list[bool]) -> None:
    real = torch.tensor(mask, dtype=torch.bool)
    assert WaveformRow.of(torch.zeros(len(mask)), real).real_steps(hop=2, field=4).tolist() == expected
