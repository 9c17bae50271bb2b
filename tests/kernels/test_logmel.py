"""Against torchaudio, which the encoder is trained with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from avtext.encoders.logmel import LogMelEncoder
from avtext.errors import InvalidInput
from avtext.kernels.logmel import log_mel


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
