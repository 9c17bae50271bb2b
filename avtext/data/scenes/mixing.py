"""The sound track: coloured background noise, and sounds laid over it at asked signal-to-noise ratios."""

from __future__ import annotations

import numpy as np

from avtext.clip import AUDIO_RATE
from avtext.data.scenes.chance import Random, between, happens, log_between

_SHAPE_POINTS = 24  # frequencies, evenly spaced in pitch, at which a response is drawn


def _fast_length(count: int) -> int:
    """The next length made of factors 2, 3 and 5, for which the FFT is quick."""
    best = 1 << max(1, (count - 1).bit_length())
    for fives in (1, 5, 25):
        for threes in (1, 3, 9):
            factor = fives * threes
            best = min(best, factor << max(0, (-(-count // factor) - 1).bit_length()))
    return best


def background(rng: Random, count: int, pad: int = 0) -> np.ndarray:
    """Noise of a random colour and level, sometimes with mains hum; float32 ``(pad + count + pad,)``.

    The power falls with frequency to a random power from -2 to 0.5, bends once, and swells slowly at random.

    Args:
        rng: where it comes from; as many numbers are drawn for any ``pad``.
        count: samples of the scene.
        pad: samples before and after it, over which the same noise goes on without a seam.
    """
    whole = pad + count + pad
    noise = rng.standard_normal(_fast_length(count), dtype=np.float32)
    size = _fast_length(whole)
    if pad:
        (beyond,) = rng.spawn(1)
        wide = beyond.standard_normal(size, dtype=np.float32)
        wide[pad : pad + count] = noise[:count]
        noise = wide
    spectrum = np.fft.rfft(noise)
    hertz = np.fft.rfftfreq(size, 1 / AUDIO_RATE)
    slope, bend = between(rng, -2.0, 0.5), log_between(rng, 500, 6000)
    gain = np.maximum(hertz, 40.0) ** (slope / 2)
    gain *= (1 + (hertz / bend) ** 2) ** (between(rng, -1.0, 0.3) / 2)
    out = np.fft.irfft(spectrum * gain, size)[:whole]
    scene = slice(pad, pad + count)
    knots = max(2, count // (2 * AUDIO_RATE))
    depth = between(rng, 0.0, 0.3)
    places = np.pad(np.linspace(0, knots, count), pad, mode="edge")
    swell = rng.standard_normal(knots + 1)
    out *= np.exp(depth * np.interp(places, np.arange(knots + 1), swell))
    level = 10 ** (between(rng, -60, -26) / 20)
    out *= level / (np.sqrt(np.mean(out[scene] ** 2)) + 1e-12)
    if happens(rng, 0.2):
        mains = 50.0 if rng.random() < 0.5 else 60.0
        phase = 2 * np.pi * mains * np.arange(-pad, count + pad) / AUDIO_RATE
        out += level * between(rng, 0.2, 1.0) * (np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.3 * np.sin(3 * phase))
    return out.astype(np.float32)


def _response(rng: Random, hertz: np.ndarray) -> np.ndarray:
    """Gains of a random microphone and channel: band limits, tilt and gentle bumps."""
    low_pass = between(rng, 3300, 4100) if happens(rng, 0.4) else between(rng, 4000, 8200)
    pitch = np.log2(np.maximum(hertz, 30.0) / 1000.0)
    bumps = np.interp(pitch, np.linspace(-5, 3, _SHAPE_POINTS), 2.5 * rng.standard_normal(_SHAPE_POINTS))
    decibels = bumps + between(rng, -3, 3) * pitch
    gain = 10 ** (decibels / 20) / np.sqrt(1 + (hertz / low_pass) ** 16)
    if happens(rng, 0.4):
        high_pass = between(rng, 50, 300)
        gain = gain / np.sqrt(1 + (high_pass / np.maximum(hertz, 1.0)) ** 4)
    return gain


def through_channel(rng: Random, wave: np.ndarray) -> np.ndarray:
    """The sound as some device recorded it: band limits, tilt, maybe a room, maybe 8-bit mu-law; peak 1.

    Speech and every other sound go the same way, so that no class is known by its channel.
    """
    room = happens(rng, 0.4)
    tail = int(between(rng, 0.08, 0.35) * AUDIO_RATE) if room else 0
    size = _fast_length(len(wave) + tail)
    spectrum = np.fft.rfft(wave, size) * _response(rng, np.fft.rfftfreq(size, 1 / AUDIO_RATE))
    if room:
        echo = rng.standard_normal(tail) * np.exp(-5.0 * np.arange(tail) / tail)
        echo *= 10 ** (between(rng, -18, -5) / 20) / (np.sqrt(np.sum(echo**2)) + 1e-12)
        echo[: AUDIO_RATE // 100] = 0.0
        echo[0] = 1.0
        spectrum = spectrum * np.fft.rfft(echo, size)
    out = np.fft.irfft(spectrum, size)[: len(wave) + tail]
    out /= np.abs(out).max() + 1e-9
    if happens(rng, 0.2):
        out = _mu_law(out)
    return out.astype(np.float32)


def _mu_law(wave: np.ndarray) -> np.ndarray:
    """Quantised to 256 steps as telephones do (G.711's curve)."""
    packed = np.sign(wave) * np.log1p(255 * np.abs(wave)) / np.log(256)
    coarse = np.round(packed * 127.5) / 127.5
    return np.sign(coarse) * (256 ** np.abs(coarse) - 1) / 255


def gain_for(sound: np.ndarray, bed: np.ndarray, snr_db: float) -> float:
    """The factor that brings ``sound`` to ``snr_db`` over ``bed``, by mean power.

    Example:
        >>> round(gain_for(np.full(100, 0.5), np.full(100, 0.1), 20.0), 3)
        2.0
    """
    loud, quiet = float(np.sqrt(np.mean(np.square(sound)))), float(np.sqrt(np.mean(np.square(bed))))
    return quiet * 10 ** (snr_db / 20) / max(loud, 1e-9)


def lay(track: np.ndarray, bed: np.ndarray, sound: np.ndarray, length: int, first: int, snr_db: float) -> np.ndarray:
    """Add a sound to the track in place, its level measured against the background over its own span.

    Args:
        track: what is heard so far, changed in place.
        bed: the background alone, as long as ``track``.
        sound: with an echo's tail after ``length`` samples.
        length: samples that count as the event.
        first: sample at which the sound begins.
        snr_db: of the event against the bed over the event's span.

    Returns:
        What was added, for its envelope.
    """
    span = slice(first, first + length)
    gain = gain_for(sound[:length], bed[span], snr_db)
    added = (sound * gain).astype(np.float32)[: len(track) - first]
    track[first : first + len(added)] += added
    return added


def finish(rng: Random, track: np.ndarray, part: slice = slice(None)) -> np.ndarray:
    """The track at a random level, as a recorder would leave it: peak of ``part`` from -20 to 0 dB, rarely clipped."""
    peak = np.abs(track[part]).max() + 1e-9
    level = 10 ** (between(rng, -20, 0) / 20)
    if happens(rng, 0.05):
        level = between(rng, 1.0, 2.0)
    return np.clip(track * (level / peak), -1.0, 1.0).astype(np.float32)


def envelope(sound: np.ndarray, rate: float, first: int = 0) -> np.ndarray:
    """How loud a sound is in every frame from its start, 0 to 1; float32.

    Args:
        sound: the waveform, starting at sample ``first`` of the track.
        rate: frames per second; frame boundaries are those of the track.
        first: so that a sound that begins late in a frame counts only for the part that is heard.
    """
    step = AUDIO_RATE / rate
    lead = int(first % step)
    count = int(np.ceil((lead + len(sound)) / step))
    power = np.zeros(round(count * step), np.float32)
    power[lead : lead + len(sound)] = np.square(sound[: len(power) - lead])
    level = np.sqrt(power.reshape(count, -1).mean(1)) if count else power
    return (level / (level.max() + 1e-9)) ** 0.6 if count else level
