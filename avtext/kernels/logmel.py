"""The log-mel spectrogram of the light audio encoder: its constants, and the numpy twin of its torch front end."""

from __future__ import annotations

from functools import cache

import numpy as np

from avtext.errors import InvalidInput

RATE = 16_000  # Hz
HOP = 160  # samples: 100 spectra a second
FFT = 512  # samples
WINDOW = 400  # samples: 25 ms
STEP = 640  # samples per output step: 40 ms
LOWEST = 40.0  # Hz; the bands end at half the sample rate
FLOOR = 1e-6  # power under which a mel band counts as silent; -60 dB of full scale
CENTRE, SPREAD = -7.0, 4.0  # fixed, so that a window's features do not depend on the rest of the file


def log_mel(waveform: np.ndarray, mask: np.ndarray, num_mels: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Normalised log-mel spectra; silence is a constant, not noise.

    Args:
        waveform: ``(samples,)`` at 16 kHz; samples after the last whole step of 640 are left out.
        mask: boolean ``(samples,)``; what lies outside counts as silence.
        num_mels: mel bands.

    Returns:
        ``(spectra, num_mels)`` float32, 100 a second, and the mask ``(spectra,)``: a step of 40 ms is real if any of
        its samples is.

    Raises:
        InvalidInput: shapes that do not fit.

    Example:
        >>> spectra, real = log_mel(np.zeros(16000, np.float32), np.ones(16000, bool))
        >>> spectra.shape, real.all().item(), round(float(spectra.max()), 3)
        ((100, 64), True, -1.704)
    """
    if waveform.ndim != 1 or mask.shape != waveform.shape:
        raise InvalidInput(f"log_mel: needs samples and a mask of one length, got {waveform.shape} and {mask.shape}")
    samples = len(waveform) - len(waveform) % STEP
    mask = mask[:samples]
    if samples == 0:
        return np.zeros((0, num_mels), np.float32), mask
    sound = np.where(mask, waveform[:samples], 0.0).astype(np.float32)
    edge = FFT - HOP
    padded = np.pad(sound, (edge // 2, edge - edge // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP]
    power = np.square(np.abs(np.fft.rfft(frames * _window(), axis=1))).astype(np.float32)
    spectra = (np.log(power @ _filters(num_mels) + np.float32(FLOOR)) - np.float32(CENTRE)) / np.float32(SPREAD)
    return spectra, mask.reshape(-1, STEP).any(1).repeat(STEP // HOP)


@cache
def _window() -> np.ndarray:
    """A periodic Hann window in the middle of the FFT's samples."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    edge = FFT - WINDOW
    return np.pad(hann, (edge // 2, edge - edge // 2)).astype(np.float32)


@cache
def _filters(num_mels: int) -> np.ndarray:
    """Triangles on the HTK mel scale, ``(FFT // 2 + 1, num_mels)``."""
    low, high = (2595.0 * np.log10(1.0 + hertz / 700.0) for hertz in (LOWEST, RATE / 2))
    corners = 700.0 * (10.0 ** (np.linspace(low, high, num_mels + 2) / 2595.0) - 1.0)
    slopes = corners[None, :] - np.linspace(0.0, RATE / 2, FFT // 2 + 1)[:, None]
    widths = np.diff(corners)
    falling, rising = -slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]
    return np.maximum(0.0, np.minimum(falling, rising)).astype(np.float32)
