"""Against torchaudio, which the encoder is trained with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from avtext.encoders.logmel import LogMelEncoder
from avtext.errors import InvalidInput
from avtext.kernels.logmel import FFT, WINDOW, _filters, log_mel, mel_power


@pytest.mark.parametrize("num_mels", [64, 40])
@pytest.mark.parametrize("samples", [0, 639, 640, 16_000, 16_123])
def test_log_mel_is_the_encoders(samples: int, num_mels: int) -> None:
    rng = np.random.default_rng(samples)
    waveform = (rng.normal(size=samples) * np.geomspace(1e-4, 1.0, samples)).astype(np.float32)
    mask = np.arange(samples) // 700 % 5 != 2
    waveform[~mask] = np.nan
    spectra, real = log_mel(waveform, mask, num_mels)
    if samples < 640:
        assert spectra.shape == (0, num_mels)
        return
    encoder = LogMelEncoder(8, (4,), num_mels)
    want, there = encoder.spectrogram(torch.tensor(waveform)[None], torch.tensor(mask)[None])
    np.testing.assert_array_equal(real, there[0].numpy())
    np.testing.assert_allclose(spectra, want[0].numpy(), atol=2e-4)


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(InvalidInput, match="samples and a mask of one length"):
        log_mel(np.zeros(640, np.float32), np.ones(600, bool))


def test_four_small_products_are_a_fourier_transform() -> None:
    rng = np.random.default_rng(3)
    frames = (rng.normal(size=(200, WINDOW + 1)) * np.geomspace(1e-3, 1.0, 200)[:, None]).astype(np.float32)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    power = np.abs(np.fft.rfft(frames[:, :WINDOW] * hann, FFT)) ** 2
    filters = np.zeros((FFT // 2 + 1, 64))
    filters[::2], filters[1::2] = _filters(64)
    np.testing.assert_allclose(mel_power(frames, frames[:, ::-1], 64), power @ filters, rtol=1e-4)
    frames[:, -1] = 1e3  # read to make a frame symmetric, and no part of it
    np.testing.assert_allclose(mel_power(frames, frames[:, ::-1], 64), power @ filters, rtol=1e-4)
