"""What sounds when: choosing and placing sounds, and mixing them into one track on the video's clock."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from avtext.clip import AUDIO_RATE
from avtext.data.scenes.chance import Random, between, generator, happens
from avtext.data.scenes.mixing import background, envelope, finish, lay, through_channel
from avtext.data.scenes.recipe import FRAME_RATE, HEARD, RECORDED, SceneRecipe
from avtext.data.scenes.recordings import Spoken, at_speed, recorded_sound, spoken_digits
from avtext.data.scenes.sounds import SYNTHESISERS
from avtext.data.scenes.timing import Timeline, how_many
from avtext.data.scenes.voices import spoken_lines

SAME_LABEL_GAP = 0.3  # seconds between two events of one label
IMPACT_SECONDS = 0.4  # an impact is told as a span this long from the hit
SPEECH_WEIGHT = 2.5  # speech is that much more frequent than any other class


class Sound(NamedTuple):
    """A sound and its place.

    Args:
        label: its class, ``"thud"`` for the sound of a hit.
        start: seconds on the video's clock.
        length: samples that count as the event; an echo may follow.
        wave: float32 at 16 kHz.
        text: what is said, empty for other sounds than speech.
        snr_db: against the background over the event's span.
    """

    label: str
    start: float
    length: int
    wave: np.ndarray
    text: str
    snr_db: float

    @property
    def end(self) -> float:
        """Seconds at which it ends on the video's clock."""
        return self.start + self.length / AUDIO_RATE


class Track(NamedTuple):
    """The mixed track, the background alone, and how loud each sound is per picture frame from its start."""

    wave: np.ndarray
    bed: np.ndarray
    envelopes: tuple[np.ndarray, ...]


def _speech(rng: Random, recipe: SceneRecipe) -> Spoken:
    if recipe.speech_dir is None or (recipe.voices and happens(rng, recipe.voices)):
        return spoken_lines(rng, recipe.split)
    return spoken_digits(rng, recipe.speech_dir, recipe.split)


def make_sound(rng: Random, recipe: SceneRecipe, label: str) -> tuple[np.ndarray, int, str]:
    """A new sound of a class: waveform, samples that count as the event, and what is said."""
    text = ""
    if label == "speech":
        dry, text = _speech(rng, recipe)
        dry = at_speed(dry, between(rng, 0.82, 1.2))  # more voices than there are speakers
    elif label in RECORDED:
        assert recipe.sounds_dir is not None
        dry = recorded_sound(rng, recipe.sounds_dir, recipe.split, label)
        dry = at_speed(dry, between(rng, 0.9, 1.12))
    else:
        dry = SYNTHESISERS[label](rng)
    return through_channel(rng, dry), len(dry), text


def _choose(rng: Random, recipe: SceneRecipe, duration: float) -> list[str]:
    known = [label for label in recipe.available if label in HEARD]
    if not known:
        return []
    weights = np.array([SPEECH_WEIGHT if label == "speech" else 1.0 for label in known])
    count = how_many(rng, recipe.heard, duration)
    return [known[int(i)] for i in rng.choice(len(known), size=count, p=weights / weights.sum())]


def plan_sounds(seed: int, recipe: SceneRecipe, duration: float) -> list[Sound]:
    """The scene's sounds that have a label of their own, placed; two of one label keep their distance."""
    rng = generator(seed, recipe.split, "sounds")
    lines: dict[str, Timeline] = {}
    sounds = []
    for number, label in enumerate(_choose(rng, recipe, duration)):
        own = generator(seed, recipe.split, "sound", number)
        wave, length, text = make_sound(own, recipe, label)
        line = lines.setdefault(label, Timeline(duration, gap=SAME_LABEL_GAP))
        start = line.place(own, length / AUDIO_RATE)
        if start is not None:
            start = round(start * AUDIO_RATE) / AUDIO_RATE
            sounds.append(Sound(label, start, length, wave, text, between(own, *recipe.snr_db)))
    return sounds


def plan_music(seed: int, recipe: SceneRecipe, duration: float) -> list[Sound]:
    """Music now and then, which no label stands for."""
    rng = generator(seed, recipe.split, "music")
    if not happens(rng, recipe.music_chance):
        return []
    wave, length, _ = make_sound(rng, recipe, "music")
    length = min(length, round((duration - 0.5) * AUDIO_RATE))
    start = round(between(rng, 0.0, duration - length / AUDIO_RATE) * AUDIO_RATE) / AUDIO_RATE
    return [Sound("music", start, length, wave[:length], "", between(rng, *recipe.snr_db))]


def plan_beyond(seed: int, recipe: SceneRecipe, duration: float, margin: float) -> list[Sound]:
    """What sounds before the scene begins and after it ends, as often as in it; no event of the scene.

    A recorder that starts late or stops late hears the world go on: a stream that fell silent at the scene's borders
    would tell its offset without a look at the picture.

    Args:
        seed: of the scene.
        recipe: of the scene.
        duration: seconds of the scene.
        margin: seconds to either side in which something may sound.
    """
    sounds = []
    for side in ("before", "after"):
        rng = generator(seed, recipe.split, side)
        for label in _choose(rng, recipe, margin):
            wave, length, _ = make_sound(rng, recipe, label)
            if side == "after":
                start = duration + between(rng, 0.0, margin)
            else:  # it has died away when the scene begins, and may have begun before anything was recorded
                end = -between(rng, 0.0, margin)
                wave = wave[-max(1, round((margin + end) * AUDIO_RATE)) :]
                start, length = end - len(wave) / AUDIO_RATE, min(length, len(wave))
            first = max(round(start * AUDIO_RATE), -round(margin * AUDIO_RATE))
            sounds.append(Sound(label, first / AUDIO_RATE, length, wave, "", between(rng, *recipe.snr_db)))
    return sounds


class Hits(NamedTuple):
    """When something hits: frames of real impacts and of hits that are not heard, and all thuds."""

    impacts: tuple[int, ...]
    silent: tuple[int, ...]
    thuds: tuple[Sound, ...]


def plan_hits(seed: int, recipe: SceneRecipe, duration: float, line: Timeline) -> Hits:
    """Impacts (seen and heard), and hits only seen and thuds only heard as often as the recipe has decoys.

    Args:
        seed: of the scene.
        recipe: of the scene.
        duration: seconds.
        line: of the picture; hits take their places in it, so that no edit hides them.
    """
    rng = generator(seed, recipe.split, "hits")
    if "impact" not in recipe.available:
        return Hits((), (), ())
    frames: list[int] = []
    heard_alone = Timeline(duration, gap=0.8)
    wanted, silent = how_many(rng, recipe.impacts, duration), how_many(rng, recipe.decoys, duration)
    for _ in range(wanted + silent):
        start = line.place(rng, 1.3, grid=1 / FRAME_RATE)
        if start is not None:
            frames.append(round((start + 0.7) * FRAME_RATE))
            heard_alone.take(frames[-1] / FRAME_RATE, frames[-1] / FRAME_RATE)
    wanted = min(wanted, len(frames))
    starts = [frame / FRAME_RATE + between(rng, 0.0, 0.02) for frame in frames[:wanted]]
    for _ in range(how_many(rng, recipe.decoys, duration)):
        start = heard_alone.place(rng, 0.5)
        starts += [] if start is None else [start]
    thuds = []
    for number, start in enumerate(starts):
        own = generator(seed, recipe.split, "thud", number)
        wave, length, _ = make_sound(own, recipe, "thud")
        start = round(start * AUDIO_RATE) / AUDIO_RATE
        thuds.append(Sound("thud", start, length, wave, "", between(own, *recipe.snr_db)))
    return Hits(tuple(frames[:wanted]), tuple(frames[wanted:]), tuple(thuds))


def mix(seed: int, recipe: SceneRecipe, duration: float, sounds: list[Sound], margin: float = 0.0) -> Track:
    """Lay sounds over background noise.

    No sound is cut at the scene's borders, and the background goes on over them as one: both would tell where they are.

    Args:
        seed: of the scene.
        recipe: of the scene.
        duration: seconds.
        sounds: with their places.
        margin: seconds that the track has before and after the scene, for clocks that run beside it.
    """
    rng = generator(seed, recipe.split, "mix")
    count, pad = round(duration * AUDIO_RATE), round(margin * AUDIO_RATE)
    bed = background(rng, count, pad)
    track = bed.copy()
    envelopes = []
    for sound in sounds:
        first = round(sound.start * AUDIO_RATE)
        added = lay(track, bed, sound.wave, sound.length, first + pad, sound.snr_db)
        envelopes.append(envelope(added[: max(0, count - first)], FRAME_RATE, first))
    return Track(finish(rng, track, slice(pad, pad + count)), bed[pad : pad + count], tuple(envelopes))


def pulses(rng: Random, count: int) -> np.ndarray:
    """An envelope like a sound's, for objects that act unheard, ``(count,)``."""
    t = np.arange(count) / FRAME_RATE
    if happens(rng, 0.5):
        return (np.exp(-((t * between(rng, 1.0, 4.0)) % 1.0) / between(rng, 0.1, 0.5))).astype(np.float32)
    knots = rng.random(max(3, count // 5))
    return np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(knots)), knots).astype(np.float32)
