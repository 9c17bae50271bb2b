"""Labels that no modality tells alone: they say how two of them go together.

``on_screen``: a sound is heard whose source is seen acting; sounds of things unseen and things that act unheard are
its decoys. ``captioned``: a sound is heard that a cue names; sounds without a cue, cues in the wrong place or of the
wrong sound, and what else is said are its decoys. Both span the sound, for as long as the other is there.
"""

from __future__ import annotations

from collections.abc import Sequence

from avtext.clip import Event
from avtext.data.scenes.chance import Random, generator, happens
from avtext.data.scenes.edits import Edit
from avtext.data.scenes.picture import shots_between
from avtext.data.scenes.recipe import FRAME_RATE, SceneRecipe
from avtext.data.scenes.soundtrack import Sound

MIN_SEEN = 0.2  # seconds that a source must be seen


def is_shown(rng: Random, recipe: SceneRecipe) -> bool:
    """Whether an object acts with a sound; the first draw of the sound's own generator."""
    return happens(rng, recipe.shown_chance)


def on_screen(
    seed: int, recipe: SceneRecipe, sounds: Sequence[Sound], edits: list[Edit], duration: float
) -> dict[int, float]:
    """Until when the source of each sound that is shown is seen, by the sound's number.

    Args:
        seed: of the scene.
        recipe: of the scene.
        sounds: in the order in which they were planned.
        edits: of the picture; a source is gone when its shot ends.
        duration: seconds.
    """
    shots = shots_between(edits, round(duration * FRAME_RATE))
    until = {}
    for number, sound in enumerate(sounds):
        if not is_shown(generator(seed, recipe.split, "actor", number), recipe):
            continue
        moment = int(sound.start * FRAME_RATE)
        last = max(shot.last for shot in shots if shot.first <= moment < shot.last) / FRAME_RATE
        end = min(sound.end, last, duration)
        if end - sound.start >= MIN_SEEN:
            until[number] = end
    return until


def spans_of(label: str, spans: Sequence[tuple[float, float]]) -> list[Event]:
    """One event for each stretch of time that any of ``spans`` covers.

    Example:
        >>> [(e.start, e.end) for e in spans_of("captioned", [(3.0, 4.0), (1.0, 2.0), (1.5, 2.5)])]
        [(1.0, 2.5), (3.0, 4.0)]
    """
    joined: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return [Event(start, end, label) for start, end in joined]
