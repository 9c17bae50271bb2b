"""Sounds made from formulas, every parameter drawn anew; float32 at 16 kHz, without silence before them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from avtext.clip import AUDIO_RATE
from avtext.data.scenes.chance import Random, between, happens, log_between


def _times(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * AUDIO_RATE)) / AUDIO_RATE


def _noise(rng: Random, count: int) -> np.ndarray:
    return rng.standard_normal(count, dtype=np.float32)


def _band(noise: np.ndarray, low: float, high: float) -> np.ndarray:
    """Noise between two frequencies in Hz, unit root mean square."""
    spectrum = np.fft.rfft(noise)
    hertz = np.fft.rfftfreq(len(noise), 1 / AUDIO_RATE)
    shaped = np.fft.irfft(spectrum * ((hertz >= low) & (hertz < high)), len(noise))
    return shaped / (np.sqrt(np.mean(shaped**2)) + 1e-9)


def _phase(hertz: np.ndarray) -> np.ndarray:
    """Radians of a tone whose frequency changes."""
    return 2 * np.pi * np.cumsum(hertz) / AUDIO_RATE


def _fade(wave: np.ndarray, rise: float = 0.005, fall: float = 0.03) -> np.ndarray:
    up, down = max(1, int(rise * AUDIO_RATE)), max(1, int(fall * AUDIO_RATE))
    out = wave.astype(np.float32)
    up, down = min(up, len(out)), min(down, len(out))
    out[:up] *= np.linspace(0, 1, up, dtype=np.float32)
    out[len(out) - down :] *= np.linspace(1, 0, down, dtype=np.float32)
    return out


def bell(rng: Random) -> np.ndarray:
    """One to three strikes of inharmonic partials that ring out."""
    base, ring = log_between(rng, 350, 2200), between(rng, 0.25, 0.9)
    strikes, pause = int(rng.integers(1, 4)), between(rng, 0.3, 0.8)
    ratios = np.array([0.5, 1.0, 1.19, 1.5, 2.0, 2.74, 3.0, 4.07, 5.43]) * (1 + 0.03 * rng.standard_normal(9))
    gains = rng.random(9) / (1 + 0.4 * np.arange(9))
    t = _times(min(2.5 * ring, 1.8))
    strike = sum(
        g * np.sin(2 * np.pi * base * r * t) * np.exp(-t * (1 + 0.5 * r) / ring)
        for r, g in zip(ratios, gains, strict=True)
        if base * r < 7500
    )
    out = np.zeros(len(t) + int(pause * (strikes - 1) * AUDIO_RATE) + 1)
    for k in range(strikes):
        first = int(k * pause * AUDIO_RATE)
        out[first : first + len(t)] += strike * between(rng, 0.6, 1.0)
    return _fade(out, 0.002, 0.1)


def siren(rng: Random) -> np.ndarray:
    """A tone that wails, yelps or alternates between two notes."""
    t = _times(between(rng, 1.5, 4.5))
    low = log_between(rng, 350, 1100)
    high = low * between(rng, 1.25, 2.2)
    cycle = (t * log_between(rng, 0.35, 5.0) + rng.random()) % 1.0
    shape = int(rng.integers(4))
    position = [
        0.5 - 0.5 * np.cos(2 * np.pi * cycle),
        1 - np.abs(2 * cycle - 1),
        (cycle < 0.5).astype(float),
        cycle,
    ][shape]
    tone = np.sin(_phase(low + (high - low) * position))
    return _fade(np.tanh(tone * log_between(rng, 0.3, 6.0)), 0.01, 0.05)


def beep(rng: Random) -> np.ndarray:
    """One to six equal pulses of a steady tone."""
    hertz, on, off = log_between(rng, 500, 3800), between(rng, 0.06, 0.35), between(rng, 0.05, 0.25)
    t = _times(on)
    pulse = np.sin(2 * np.pi * hertz * t)
    if happens(rng, 0.4):
        pulse = np.tanh(4 * pulse)
    pulse = _fade(pulse, 0.004, 0.008)
    count = int(rng.integers(1, 7))
    gap = np.zeros(int(off * AUDIO_RATE), np.float32)
    return np.concatenate([pulse] + [np.concatenate([gap, pulse])] * (count - 1))


def knock(rng: Random) -> np.ndarray:
    """Two to five dull raps on wood."""
    count, pause = int(rng.integers(2, 6)), between(rng, 0.13, 0.35)
    modes = [(log_between(rng, 160, 1100), between(rng, 0.01, 0.05), rng.random()) for _ in range(4)]
    t = _times(0.15)
    out = np.zeros(int((pause * 1.1 * (count - 1) + 0.16) * AUDIO_RATE) + 1)
    for k in range(count):
        rap = sum(g * np.sin(2 * np.pi * f * t) * np.exp(-t / d) for f, d, g in modes)
        rap = rap + 0.4 * _noise(rng, len(t)) * np.exp(-t / 0.004)
        first = int(k * pause * between(rng, 0.95, 1.05) * AUDIO_RATE)
        out[first : first + len(t)] += rap * between(rng, 0.6, 1.0)
    return _fade(out, 0.001, 0.02)


def engine(rng: Random) -> np.ndarray:
    """A pulse train of 25-110 Hz at first with its rough harmonics, idling or revving."""
    t = _times(between(rng, 1.5, 4.5))
    base, swell = log_between(rng, 25, 110), between(rng, -0.3, 0.6)
    wander = np.interp(t, np.linspace(0, t[-1], 9), rng.standard_normal(9)) * 0.03
    phase = _phase(base * (1 + swell * t / t[-1] + wander))
    count = int(rng.integers(6, 18))
    gains = rng.random(count) * np.arange(1, count + 1) ** -between(rng, 0.2, 1.0)
    offsets = rng.random(count) * 2 * np.pi
    tone = sum(g * np.sin((k + 1) * phase + o) for k, (g, o) in enumerate(zip(gains, offsets, strict=True)))
    rough = _band(_noise(rng, len(t)), 80, log_between(rng, 600, 3000)) * (1 + np.sin(phase))
    return _fade(tone + between(rng, 0.1, 0.6) * rough, 0.04, 0.08)


def whoosh(rng: Random) -> np.ndarray:
    """Noise whose band sweeps up and down while it swells and dies."""
    t = _times(between(rng, 0.45, 1.3))
    noise = _noise(rng, len(t))
    peak, width = between(rng, 0.3, 0.7) * t[-1], between(rng, 0.12, 0.25) * t[-1]
    swell = np.exp(-0.5 * ((t - peak) / width) ** 2)
    edges = np.geomspace(log_between(rng, 150, 500), log_between(rng, 2500, 7500), 5)
    out = np.zeros(len(t))
    for k in range(4):
        centre = k / 3.0
        out += _band(noise, edges[k], edges[k + 1]) * np.exp(-2 * (swell - centre) ** 2) / (1 + 0.4 * k)
    heard = np.flatnonzero(swell > 0.05)  # it starts when it can be heard
    return _fade((out * swell)[heard[0] : heard[-1] + 1], 0.01, 0.03)


def thud(rng: Random) -> np.ndarray:
    """Something heavy hits: a falling low tone and a crack; the sound of the joint event ``impact``."""
    t = _times(between(rng, 0.25, 0.5))
    hertz = log_between(rng, 55, 170) * (1 + between(rng, 0.5, 2.0) * np.exp(-t / 0.02))
    tone = np.sin(_phase(hertz)) * np.exp(-t / between(rng, 0.05, 0.14))
    crack = _band(_noise(rng, len(t)), 200, log_between(rng, 2000, 7000)) * np.exp(-t / log_between(rng, 0.008, 0.06))
    return _fade(tone + between(rng, 0.2, 0.8) * crack, 0.001, 0.03)


def music(rng: Random) -> np.ndarray:
    """Chords and a tune on some instrument, 2-10 s; carries no label."""
    beat, count = between(rng, 0.18, 0.5), int(rng.integers(10, 22))
    root, decay = log_between(rng, 80, 330), between(rng, 0.3, 2.5)
    harmonics = rng.random(6) ** 2 / np.arange(1, 7)
    scale = np.array([0, 2, 4, 5, 7, 9, 11]) if happens(rng, 0.5) else np.array([0, 2, 3, 5, 7, 8, 10])
    out = np.zeros(int((beat * count + decay) * AUDIO_RATE) + 1)
    t = _times(decay)
    fall = np.exp(-3 * t / decay) * np.minimum(1, t / between(rng, 0.003, 0.08))
    for k in range(count):
        steps = rng.integers(0, 14, size=3 if k % 4 == 0 else 1)
        first = int(k * beat * AUDIO_RATE)
        for step in steps:
            hertz = root * 2 ** ((scale[step % 7] + 12 * (step // 7)) / 12)
            tones = (g * np.sin(2 * np.pi * hertz * (h + 1) * t) for h, g in enumerate(harmonics))
            out[first : first + len(t)] += sum(tones) * fall
    return _fade(out[: 10 * AUDIO_RATE], 0.01, 0.1)


SYNTHESISERS: dict[str, Callable[[Random], np.ndarray]] = {
    "bell": bell,
    "siren": siren,
    "beep": beep,
    "knock": knock,
    "engine": engine,
    "whoosh": whoosh,
    "thud": thud,
    "music": music,
}
