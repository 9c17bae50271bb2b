"""Streams that do not run together: the clocks of sound and cues beside the video's, and what is absent."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from avtext.clip import AUDIO_RATE, MODALITIES, Cue
from avtext.data.scenes.chance import Random, between, generator, happens
from avtext.data.scenes.recipe import FRAME_RATE, SceneRecipe
from avtext.timeline import ClockMap


class Clocks(NamedTuple):
    """Maps from the clocks of sound and cues to the video's, and how far past the scene the sound must go."""

    audio: ClockMap
    text: ClockMap
    margin: float


class Absent(NamedTuple):
    """A modality that is missing (empty when none is), and spans that drop out, per modality."""

    missing: str
    dropouts: dict[str, tuple[float, float]]


def plan_clocks(seed: int, recipe: SceneRecipe, duration: float) -> Clocks:
    """Offset, drift and break of the sound, and an offset of the cues of its own; often none."""
    rng = generator(seed, recipe.split, "clocks")
    draws = rng.random(4)
    shift, own = -between(rng, *recipe.offset), -between(rng, *recipe.offset)
    rate, at = 1 + between(rng, *recipe.drift_ppm) * 1e-6, between(rng, 0.25, 0.75) * duration
    lost = between(rng, *recipe.break_seconds)
    shift = round(shift * AUDIO_RATE) / AUDIO_RATE if draws[0] < recipe.offset_chance else 0.0
    own = round(own, 3) if draws[3] < recipe.offset_chance else 0.0
    rate = rate if draws[1] < recipe.drift_chance else 1.0
    audio = ClockMap.shift(shift, rate)
    if draws[2] < recipe.break_chance:
        at, lost = round(at * AUDIO_RATE) / AUDIO_RATE, round(lost * AUDIO_RATE) / AUDIO_RATE
        audio = ClockMap((0.0, at), (shift, shift + lost), (rate, rate))
    ends = audio.to_video(np.array([0.0, duration]))
    margin = 0.0 if audio.is_identity else max(0.0, -float(ends[0]), float(ends[1]) - duration) + 0.1
    return Clocks(audio, ClockMap.shift(own), margin)


def played(wave: np.ndarray, clock: ClockMap, duration: float, margin: float) -> np.ndarray:
    """The track as its own clock plays it.

    Args:
        wave: on the video's clock from ``-margin`` to ``duration + margin`` seconds, 16 kHz.
        clock: from the stream's clock to the video's.
        duration: seconds.
        margin: seconds.

    Returns:
        float32 ``(samples,)`` of ``duration`` seconds.
    """
    count = round(duration * AUDIO_RATE)
    if clock.is_identity:
        return wave[:count]
    places = (clock.to_video(np.arange(count) / AUDIO_RATE) + margin) * AUDIO_RATE
    if all(rate == 1.0 for rate in clock.rates):
        return wave[np.clip(np.round(places).astype(np.int64), 0, len(wave) - 1)]
    return np.interp(places, np.arange(len(wave)), wave).astype(np.float32)


def heard_part(clock: ClockMap, start: float, end: float, duration: float) -> float:
    """How much of a span on the video's clock is in the stream at all, 0 to 1.

    Example:
        >>> heard_part(ClockMap.shift(-2.0), 17.0, 19.0, 20.0)  # the sound comes 2 s late: half is cut off
        0.5
    """
    times = start + (np.arange(100) + 0.5) / 100 * (end - start)
    stream = clock.to_stream(times)
    return float(np.mean((stream >= 0) & (stream < duration)))


def shifted_cues(cues: list[Cue], clock: ClockMap, duration: float) -> tuple[Cue, ...]:
    """Cues on their own clock, cut to the scene; those outside are gone."""
    out = []
    for cue in cues:
        start = max(0.0, round(float(clock.to_stream(cue.start)), 3))
        end = min(duration, round(float(clock.to_stream(cue.end)), 3))
        if end - start > 0.1:
            out.append(Cue(start, end, cue.text))
    return tuple(sorted(out))


def plan_absence(seed: int, recipe: SceneRecipe, duration: float) -> Absent:
    """Which stream is missing, and which drop out for one to four seconds."""
    rng = generator(seed, recipe.split, "absence")
    missing = MODALITIES[int(rng.integers(3))] if happens(rng, recipe.missing_chance) else ""
    return Absent(
        missing,
        {name: _dropout(rng, duration) for name in MODALITIES[:2] if happens(rng, recipe.dropout_chance)},
    )


def _dropout(rng: Random, duration: float) -> tuple[float, float]:
    length = min(between(rng, 1.0, 4.0), duration / 2)
    start = round(between(rng, 0.0, duration - length) * FRAME_RATE) / FRAME_RATE
    return start, start + round(length * FRAME_RATE) / FRAME_RATE
