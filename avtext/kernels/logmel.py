"""The log-mel spectrogram of the light audio encoder: its constants, and the numpy twin of its torch front end."""

from __future__ import annotations

from functools import cache

import numpy as np

from avtext.errors import InvalidInput
from avtext.kernels.blas import one_blas_thread

RATE = 16_000  # Hz
HOP = 160  # samples: 100 spectra a second
FFT = 512  # samples
WINDOW = 400  # samples: 25 ms
STEP = 640  # samples per output step: 40 ms
LOWEST = 40.0  # Hz; the bands end at half the sample rate
FLOOR = 1e-6  # power under which a mel band counts as silent; -60 dB of full scale
BLOCK = 128  # frames worked on at once: what is made of them stays near the processor
CENTRE, SPREAD = -7.0, 4.0  # fixed, so that a window's features do not depend on the rest of the file
_EDGE = (WINDOW - HOP) // 2  # frames lie around the middle of their steps


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
    sound = np.pad(sound, (_EDGE, _EDGE + 1))
    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW + 1)[::HOP]
    backward = np.lib.stride_tricks.sliding_window_view(sound[::-1].copy(), WINDOW + 1)[::-HOP]  # each from its end
    blocks = [slice(first, first + BLOCK) for first in range(0, len(frames), BLOCK)]
    with one_blas_thread():
        power = np.concatenate([mel_power(frames[block], backward[block], num_mels) for block in blocks])
    spectra = (np.log(power + np.float32(FLOOR)) - np.float32(CENTRE)) / np.float32(SPREAD)
    return spectra, mask.reshape(-1, STEP).any(1).repeat(STEP // HOP)


def mel_power(frames: np.ndarray, backward: np.ndarray, num_mels: int) -> np.ndarray:
    """Power of frames in mel bands, with a Fourier transform of four small matrix products.

    Cosines are even and sines odd about the frame's middle, and both repeat about a quarter of the FFT but for a sign
    that alternates from bin to bin; so samples that share a factor are added first, and a third of the products is
    left: less time than ``numpy.fft.rfft`` takes for so short frames.

    Args:
        frames: ``(count, WINDOW + 1)`` float32; the last sample makes them symmetric and does not count.
        backward: the same frames, each from its last sample to its first.
        num_mels: mel bands.

    Returns:
        ``(count, num_mels)`` float32.
    """
    after, before = frames * _window(), backward * _window()
    near, far = slice(WINDOW // 2, WINDOW // 2 + FFT // 4 + 1), slice(WINDOW // 2 - FFT // 4 + 1)
    even = after[:, near] + before[:, near], before[:, far] + after[:, far]
    odd = after[:, near] - before[:, near], before[:, far] - after[:, far]
    total = np.zeros((), np.float32)
    for add, other, (cosines, sines), filters in zip(
        (np.add, np.subtract), (np.subtract, np.add), _sinusoids(), _filters(num_mels), strict=True
    ):
        real, imaginary = _folded(*even, add) @ cosines, _folded(*odd, other) @ sines
        total = total + (np.square(real, out=real) + np.square(imaginary, out=imaginary)) @ filters
    return total


def _folded(near: np.ndarray, far: np.ndarray, join: np.ufunc) -> np.ndarray:
    """Places 0 to a quarter of the FFT, joined with what lies as far beyond the quarter; the quarter with itself."""
    folded = near.copy()
    last = folded[:, -far.shape[1] :]
    join(last, far, out=last)
    return folded


@cache
def _sinusoids() -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Cosines and sines ``(FFT // 4 + 1, bins)`` of the even bins, then of the odd ones; what folding counts twice
    counts half."""
    place, count = np.arange(FFT // 4 + 1)[:, None], np.ones((FFT // 4 + 1, 1))
    count[[0, -1]] = 0.5
    angles = 2.0 * np.pi * place * np.arange(FFT // 2 + 1) / FFT
    cosines, sines = count * np.cos(angles), count * np.sin(angles)
    return tuple((cosines[:, p::2].astype(np.float32), sines[:, p::2].astype(np.float32)) for p in (0, 1))


@cache
def _window() -> np.ndarray:
    """A periodic Hann window and the zero that follows it."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW + 1) / WINDOW)
    hann[-1] = 0.0
    return hann.astype(np.float32)


@cache
def _filters(num_mels: int) -> tuple[np.ndarray, np.ndarray]:
    """Triangles on the HTK mel scale, ``(bins, num_mels)``: of the even bins and of the odd ones."""
    low, high = (2595.0 * np.log10(1.0 + hertz / 700.0) for hertz in (LOWEST, RATE / 2))
    corners = 700.0 * (10.0 ** (np.linspace(low, high, num_mels + 2) / 2595.0) - 1.0)
    slopes = corners[None, :] - np.linspace(0.0, RATE / 2, FFT // 2 + 1)[:, None]
    widths = np.diff(corners)
    falling, rising = -slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]
    triangles = np.maximum(0.0, np.minimum(falling, rising)).astype(np.float32)
    return triangles[::2].copy(), triangles[1::2].copy()
