"""A scene: picture, sound, cues and their exact truth, all from a recipe and a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from avtext.clip import AUDIO_RATE, Clip, Cue, Event, Stream
from avtext.data.scenes.actors import actor, hit
from avtext.data.scenes.chance import Random, between, generator, happens
from avtext.data.scenes.clocks import (
    Absent,
    Clocks,
    heard_part,
    plan_absence,
    plan_clocks,
    played,
    shifted_cues,
)
from avtext.data.scenes.cues import CAPTIONS, caption, filler, timed
from avtext.data.scenes.edits import Edit, events_of, plan_edits
from avtext.data.scenes.objects import KIND_OF_SOUND
from avtext.data.scenes.picture import render
from avtext.data.scenes.recipe import FRAME_RATE, SEEN, SIZE, VIDEO_RATE, SceneRecipe
from avtext.data.scenes.relations import is_shown, on_screen, spans_of
from avtext.data.scenes.soundtrack import (
    IMPACT_SECONDS,
    Hits,
    Sound,
    Track,
    mix,
    plan_beyond,
    plan_hits,
    plan_music,
    plan_sounds,
    pulses,
)
from avtext.data.scenes.sprites import Sprite
from avtext.data.scenes.timing import Timeline, how_many
from avtext.errors import InvalidInput
from avtext.kernels.picture import frame_statistics, place_on_grid
from avtext.timeline import ClockMap, centres, num_steps

EDIT_GAP = 0.5  # seconds between things that happen to the whole picture


@dataclass(frozen=True)
class Scene:
    """A scene as drawn and mixed, before it becomes a clip or files.

    Args:
        name: such as ``scene-test-123``.
        duration: seconds.
        frames: ``(frames, height, width, 3)`` uint8 at 25 per second.
        waveform: ``(samples,)`` float32 at 16 kHz on the sound's own clock.
        cues: on their own clock.
        events: the truth on the video's clock, sorted.
        clocks: of sound and cues.
        absent: what is missing or drops out; frames and waveform are whole all the same.
    """

    name: str
    duration: float
    frames: np.ndarray
    waveform: np.ndarray
    cues: tuple[Cue, ...]
    events: tuple[Event, ...]
    clocks: Clocks
    absent: Absent


def _plan_picture(seed: int, recipe: SceneRecipe, duration: float) -> tuple[Hits, list[Edit]]:
    line = Timeline(duration, gap=EDIT_GAP)
    hits = plan_hits(seed, recipe, duration, line)
    rng = generator(seed, recipe.split, "edits")
    allowed = [label for label in recipe.available if label in SEEN]
    count = how_many(rng, recipe.seen, duration) if allowed else 0
    wanted = [allowed[int(rng.integers(len(allowed)))] for _ in range(count)]
    return hits, plan_edits(rng, wanted, recipe.available, line)


def _sprites(
    seed: int, recipe: SceneRecipe, sounds: list[Sound], hits: Hits, track: Track, frames: int
) -> list[Sprite]:
    sprites = []
    for number, (sound, loudness) in enumerate(zip(sounds, track.envelopes, strict=False)):
        rng = generator(seed, recipe.split, "actor", number)
        if is_shown(rng, recipe):
            sprites.append(actor(rng, sound.label, recipe.split, int(sound.start * FRAME_RATE), loudness))
    rng = generator(seed, recipe.split, "silent actors")
    for _ in range(how_many(rng, recipe.decoys, frames / FRAME_RATE)):
        label = sorted(KIND_OF_SOUND)[int(rng.integers(len(KIND_OF_SOUND)))]
        count = int(rng.integers(10, 70))
        first = int(rng.integers(0, max(1, frames - count)))
        sprites.append(actor(rng, label, recipe.split, first, pulses(rng, count)))
    for frame in (*hits.impacts, *hits.silent):
        sprites.append(hit(generator(seed, recipe.split, "hit", frame), recipe.split, frame))
    return sprites


class _Said(NamedTuple):
    """The scene's cues, and the sounds that a cue names where they are."""

    cues: list[Cue]
    captioned: list[Sound]


def _captioned(rng: Random, recipe: SceneRecipe, label: str) -> str:
    return "[speaking]" if label == "speech" else caption(rng, label, recipe.split)


def _plan_cues(seed: int, recipe: SceneRecipe, sounds: list[Sound], duration: float) -> _Said:
    rng = generator(seed, recipe.split, "cues")
    if happens(rng, recipe.no_cues_chance):
        return _Said([], [])
    cues: list[Cue | None] = []
    captioned = []
    for sound in sounds:
        if not happens(rng, recipe.cue_chance):
            continue
        label, start = ("impact" if sound.label == "thud" else sound.label), sound.start
        text = sound.text if sound.text and happens(rng, 0.85) else ""
        wrong = happens(rng, recipe.wrong_cue_chance)
        if wrong:  # another place, or another sound
            if happens(rng, 0.5):
                start = between(rng, 0.0, duration)
            else:
                label, text = sorted(CAPTIONS)[int(rng.integers(len(CAPTIONS)))], ""
        if not text:
            text = _captioned(rng, recipe, label)
        cues.append(timed(rng, start, start + sound.end - sound.start, text, duration))
        captioned += [sound] if cues[-1] is not None and not wrong else []
    for _ in range(how_many(rng, recipe.fillers, duration)):
        start = between(rng, 0.0, duration)
        cues.append(timed(rng, start, start, filler(rng), duration))
    return _Said([cue for cue in cues if cue is not None], captioned)


def _cues_beyond(seed: int, recipe: SceneRecipe, beyond: list[Sound], duration: float, clock: ClockMap) -> list[Cue]:
    """Cues of what sounds before and after the scene, and fillers there: cues that come late are not the first ones."""
    rng = generator(seed, recipe.split, "cues beyond")
    margin = abs(clock.offset)
    told = [(s.start, s.end, _captioned(rng, recipe, s.label)) for s in beyond]
    told = [one for one in told if happens(rng, recipe.cue_chance)]
    for first in (-margin, duration):
        starts = [between(rng, first, first + margin) for _ in range(how_many(rng, recipe.fillers, margin))]
        told += [(start, start, filler(rng)) for start in starts]
    wide = [timed(rng, start + margin, end + margin, text, duration + 2 * margin) for start, end, text in told]
    return [Cue(cue.start - margin, cue.end - margin, cue.text) for cue in wide if cue is not None]


def _truth(
    recipe: SceneRecipe, sounds: list[Sound], hits: Hits, edits: list[Edit], clocks: Clocks, duration: float
) -> list[Event]:
    heard = [Event(s.start, min(s.end, duration), s.label) for s in sounds]
    impacts = [Event(f / FRAME_RATE, min(f / FRAME_RATE + IMPACT_SECONDS, duration), "impact") for f in hits.impacts]
    kept = [e for e in heard + impacts if heard_part(clocks.audio, e.start, e.end, duration) >= 0.5]
    seen = [event for edit in edits for event in events_of(edit) if event.label in recipe.available]
    return kept + seen


def _related(
    seed: int, recipe: SceneRecipe, sounds: list[Sound], captioned: list[Sound], edits: list[Edit], clocks: Clocks,
    duration: float,
) -> list[Event]:  # fmt: skip
    """Events that take two modalities: sounds whose source is on screen, and sounds that a cue names."""

    def there(clock: ClockMap, sound: Sound) -> bool:
        return heard_part(clock, sound.start, sound.end, duration) >= 0.5

    until = on_screen(seed, recipe, sounds, edits, duration)
    named = [s for s in captioned if there(clocks.audio, s) and there(clocks.text, s)]
    spans = {
        "on_screen": [(sounds[n].start, end) for n, end in until.items() if there(clocks.audio, sounds[n])],
        "captioned": [(s.start, min(s.end, duration)) for s in named],
    }
    return [event for label in recipe.available if label in spans for event in spans_of(label, spans[label])]


def _duration(rng: Random, recipe: SceneRecipe) -> float:
    return round(between(rng, *recipe.duration) * FRAME_RATE) / FRAME_RATE


def make_scene_frames(recipe: SceneRecipe, seed: int, height: int = SIZE, width: int = SIZE) -> Scene:
    """Draw and mix a scene; the same recipe and seed give the same scene at any size.

    Args:
        recipe: what scenes are made of.
        seed: which one; 0 or more.
        height: pixels of the frames.
        width: pixels of the frames.

    Raises:
        InvalidInput: a seed or a size out of range.
        ConfigError: a folder of the recipe that lacks what it should have.

    Example:
        >>> scene = make_scene_frames(SceneRecipe(duration=(6.0, 6.0)), seed=1, height=32, width=48)
        >>> scene.frames.shape, scene.waveform.shape
        ((150, 32, 48, 3), (96000,))
    """
    if min(height, width) < 16:
        raise InvalidInput(f"height and width: must be 16 pixels or more, got {height} and {width}")
    duration = _duration(generator(seed, recipe.split, "duration"), recipe)
    count = round(duration * FRAME_RATE)
    clocks = plan_clocks(seed, recipe, duration)
    hits, edits = _plan_picture(seed, recipe, duration)
    sounds = plan_sounds(seed, recipe, duration)
    every = [*sounds, *hits.thuds]
    music = plan_music(seed, recipe, duration)
    beyond = plan_beyond(seed, recipe, duration, clocks.margin) if clocks.margin else []
    track = mix(seed, recipe, duration, [*every, *music, *beyond], clocks.margin)
    sprites = _sprites(seed, recipe, sounds, hits, track, count)
    frames = render(seed, recipe, edits, sprites, count, height, width)
    said = _plan_cues(seed, recipe, every, duration)
    cues = said.cues
    if cues and not clocks.text.is_identity:
        cues = cues + _cues_beyond(seed, recipe, beyond, duration, clocks.text)
    events = _truth(recipe, sounds, hits, edits, clocks, duration)
    return Scene(
        name=f"scene-{recipe.split}-{seed}",
        duration=duration,
        frames=frames,
        waveform=played(track.wave, clocks.audio, duration, clocks.margin),
        cues=shifted_cues(cues, clocks.text, duration),
        events=tuple(sorted(events + _related(seed, recipe, sounds, said.captioned, edits, clocks, duration))),
        clocks=clocks,
        absent=plan_absence(seed, recipe, duration),
    )


def _masked(stream: Stream, dropout: tuple[float, float] | None) -> Stream:
    """The stream with a span of it absent: zeros, and false in the mask."""
    if dropout is None:
        return stream
    times = centres(len(stream), stream.rate, stream.start)
    mask = stream.real & ~((times >= dropout[0]) & (times < dropout[1]))
    values = stream.values.copy()
    values[~mask] = 0
    return Stream(values, stream.rate, stream.start, mask)


def clip_of(scene: Scene) -> Clip:
    """The clip that reading the scene's files would give: sound, 8 frames a second, statistics, cues.

    Where the picture drops out it is absent; of a file, the frame before it stays on show, as players have it.

    Raises:
        InvalidInput: a height or a width that is no multiple of 8, of which there are no statistics.
    """
    count, height, width, _ = scene.frames.shape
    if height % 8 or width % 8:
        raise InvalidInput(
            f"scene: frames of a clip must be multiples of 8 in height and width, got {height} x {width}"
        )
    missing, dropouts = scene.absent
    audio = _masked(Stream(scene.waveform, AUDIO_RATE), dropouts.get("audio"))
    shown = (centres(num_steps(scene.duration, VIDEO_RATE), VIDEO_RATE) * FRAME_RATE).astype(int)
    video = Stream(scene.frames[np.minimum(shown, count - 1)], VIDEO_RATE)
    statistics = frame_statistics(scene.frames)
    values, mask = place_on_grid(
        statistics, np.arange(count) / FRAME_RATE, scene.duration, 0.0, float(FRAME_RATE), count
    )
    seen = missing != "video"
    return Clip(
        duration=scene.duration,
        audio=None if missing == "audio" else audio,
        video=_masked(video, dropouts.get("video")) if seen else None,
        picture=_masked(Stream(values, float(FRAME_RATE), 0.0, mask), dropouts.get("video")) if seen else None,
        cues=() if missing == "text" else scene.cues,
        events=scene.events,
        clocks={"audio": scene.clocks.audio, "text": scene.clocks.text},
        name=scene.name,
    )


def make_scene(recipe: SceneRecipe, seed: int) -> Clip:
    """A scene as a clip, 64 x 64 pixels; bit-equal for the same recipe and seed in any process.

    Raises:
        InvalidInput: a seed that is negative or not an integer.
        ConfigError: a folder of the recipe that lacks what it should have.

    Example:
        >>> clip = make_scene(SceneRecipe(duration=(6.0, 6.0), missing_chance=0, dropout_chance=0), seed=0)
        >>> clip.video.values.shape, clip.picture.values.shape, clip.audio.values.shape
        ((48, 64, 64, 3), (150, 27), (96000,))
    """
    return clip_of(make_scene_frames(recipe, seed))
