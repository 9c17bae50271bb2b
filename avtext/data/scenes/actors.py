"""Who is in the picture: objects that act with a sound, hits, and those that only distract."""

from __future__ import annotations

import numpy as np

from avtext.data.scenes.backgrounds import palette_of
from avtext.data.scenes.chance import Random, between, happens
from avtext.data.scenes.objects import KIND_OF_SOUND, KINDS, draw_object
from avtext.data.scenes.recipe import FRAME_RATE
from avtext.data.scenes.sprites import Sprite

SWINGING = ("bell", "clock")  # pose 0.5 is rest
RUNNING = ("cloud", "waves", "rotor", "saw")  # poses are phases of a movement


def _pose(rng: Random, kind: str, action: np.ndarray) -> np.ndarray:
    """Poses from how strongly an object acts, both per frame."""
    t = np.arange(len(action)) / FRAME_RATE
    if kind in SWINGING:
        return 0.5 + 0.5 * action * np.cos(2 * np.pi * between(rng, 1.0, 2.5) * t)
    if kind in RUNNING:
        phase = np.cumsum(np.sqrt(action) * between(rng, 1.5, 4.0)) / FRAME_RATE
        return np.where(action > 0.03, 0.05 + 0.95 * (phase % 1.0), 0.0)
    return action


def actor(rng: Random, label: str, split: str, first: int, loudness: np.ndarray) -> Sprite:
    """An object of the kind tied to a sound's class that acts as the sound swells.

    Args:
        rng: chooses look, place and size.
        label: the sound's class.
        split: train or test.
        first: frame at which the sound starts.
        loudness: per frame from ``first``, 0 to 1.

    Returns:
        The object, on show some time before and after.
    """
    kind = KIND_OF_SOUND[label]
    look = draw_object(rng, kind, split, palette_of(rng, 3))
    lead, rest = min(first, int(rng.integers(0, 75))), int(rng.integers(0, 50))
    action = np.concatenate([np.zeros(lead), loudness, np.zeros(rest)])
    count = len(action)
    x, y = np.full(count, between(rng, 0.2, 0.8)), np.full(count, between(rng, 0.25, 0.75))
    size = np.full(count, between(rng, 0.22, 0.55))
    if kind == "streak":  # it crosses the picture while it is heard and is gone before and after
        way = np.clip((np.arange(count) - lead) / max(1, len(loudness) - 1), -0.2, 1.2)
        x = way * 1.4 - 0.2 if happens(rng, 0.5) else 1.2 - way * 1.4
    elif kind == "car":
        x = x + np.cumsum(action) / FRAME_RATE * between(rng, -0.25, 0.25)
        y = y + 0.012 * action * rng.standard_normal(count)
    elif happens(rng, 0.5):
        size = size * (1 + between(rng, 0.05, 0.3) * action)
    if happens(rng, 0.3):
        x = x + np.arange(count) / FRAME_RATE * between(rng, -0.06, 0.06)
    return Sprite(first - lead, look, x, y, size, _pose(rng, kind, action), moment=first)


def hit(rng: Random, split: str, frame: int) -> Sprite:
    """Something that flies, hits the ground (or a wall) in ``frame`` and bounces."""
    look = draw_object(rng, "ball", split, palette_of(rng, 3))
    before, after = min(frame, int(rng.integers(8, 18))), int(rng.integers(10, 25))
    size, ground = between(rng, 0.18, 0.4), between(rng, 0.6, 0.9)
    drop, bounce = between(rng, 0.4, 0.9), between(rng, 0.1, 0.3)
    fall = np.linspace(0, 1, before, endpoint=False) ** 2
    leap = np.clip(np.arange(after) / int(rng.integers(8, 16)), 0, 1)
    along = np.concatenate([ground - drop * (1 - fall), ground - bounce * 4 * leap * (1 - leap)])
    aside = between(rng, 0.2, 0.8) + np.arange(-before, after) / FRAME_RATE * between(rng, -0.4, 0.4)
    pose = np.zeros(before + after)
    pose[before : before + 4] = (1.0, 0.8, 0.45, 0.2)
    angle = None
    x, y = aside, along
    if happens(rng, 0.3):  # against a wall on the right
        x, y, angle = along, aside, np.full(before + after, -np.pi / 2)
    return Sprite(frame - before, look, x, y, np.full(before + after, size), pose, angle, frame)


def _wandering(rng: Random, split: str, first: int, count: int) -> Sprite:
    """An object that moves about and may act, unrelated to anything heard."""
    kind = "shape" if happens(rng, 0.6) else sorted(KINDS)[int(rng.integers(len(KINDS)))]
    look = draw_object(rng, kind, split, palette_of(rng, 3))
    t = np.arange(count) / FRAME_RATE
    speed = between(rng, 0.0, 0.35)
    x = 0.5 + 0.45 * np.sin(rng.random() * 6.28 + speed * t * between(rng, 0.5, 2.0))
    y = 0.5 + 0.45 * np.sin(rng.random() * 6.28 + speed * t * between(rng, 0.5, 2.0))
    size = np.full(count, between(rng, 0.08, 0.35))
    pose = np.full(count, 0.5 if kind in SWINGING else 0.0)
    if happens(rng, 0.3):
        rhythm = np.sin(2 * np.pi * between(rng, 0.2, 1.5) * t + 6.28 * rng.random())
        pose = np.clip(rhythm * between(rng, 0.5, 3.0), 0, 1)
    angle = rng.random() * 6.28 + t * between(rng, -2, 2) if kind == "shape" else None
    return Sprite(first, look, x, y, size, pose, angle)


def _crossing(rng: Random, split: str, first: int, count: int) -> list[Sprite]:
    """A burst of motion: one large or several small things cross the picture quickly; no event."""
    length = min(count, int(rng.integers(8, 25)))
    begin = first + int(rng.integers(0, count - length + 1))
    large = happens(rng, 0.4)
    sprites = []
    for _ in range(1 if large else int(rng.integers(3, 6))):
        look = draw_object(rng, "shape", split, palette_of(rng, 3))
        way = np.linspace(-0.4, 1.4, length) if happens(rng, 0.5) else np.linspace(1.4, -0.4, length)
        other = np.full(length, rng.random())
        size = np.full(length, between(rng, 0.6, 1.1) if large else between(rng, 0.08, 0.25))
        x, y = (way, other) if happens(rng, 0.7) else (other, way)
        sprites.append(Sprite(begin, look, x, y, size, np.zeros(length)))
    return sprites


def distractors(rng: Random, split: str, first: int, count: int) -> list[Sprite]:
    """Up to five wandering objects, and sometimes a burst of motion; for one shot."""
    number = int(rng.choice(6, p=(0.25, 0.25, 0.2, 0.15, 0.1, 0.05)))
    sprites = [_wandering(rng, split, first, count) for _ in range(number)]
    if happens(rng, 0.15):
        sprites += _crossing(rng, split, first, count)
    return sprites


def occluder(rng: Random, split: str, first: int, count: int) -> Sprite:
    """A bar in front of everything, standing or passing slowly."""
    look = draw_object(rng, "bar", split, palette_of(rng, 3))
    t = np.arange(count) / FRAME_RATE
    x = rng.random() + t * between(rng, -0.1, 0.1) * happens(rng, 0.5)
    return Sprite(
        first, look, x, np.full(count, rng.random()), np.full(count, between(rng, 0.15, 0.4)), np.zeros(count)
    )
