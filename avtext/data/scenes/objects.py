"""Drawn objects: each kind in eight variants and twelve poses, from rest to full action, with alpha.

Coordinates run from -1 to 1 in both directions, y downwards. Shapes are signed distances, negative inside
[1]_.
Training draws even variants and tests odd ones, whose proportions and lines come from other seeds.

.. [1] Inigo Quilez, *2D distance functions*.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from avtext.data.scenes.chance import Random, generator
from avtext.kernels.drawing import paint

POSES = 12
VARIANTS = 8
RESOLUTION = 64
_AXIS = (np.arange(RESOLUTION, dtype=np.float32) + 0.5) / RESOLUTION * 2 - 1
X, Y = _AXIS[None, None, :], _AXIS[None, :, None]
P = np.linspace(0, 1, POSES, dtype=np.float32)[:, None, None]
Field = np.ndarray


class Part(NamedTuple):
    """A shape and which colour of the palette fills it; ``glow`` in [0, 1] per pose lightens it."""

    distance: Field
    colour: int
    glow: Field | float = 0.0


def _ellipse(x: Field | float, y: Field | float, rx: Field | float, ry: Field | float) -> Field:
    scaled = np.sqrt(((X - x) / rx) ** 2 + ((Y - y) / ry) ** 2)
    return (scaled - 1) * np.minimum(rx, ry)


def _box(x: Field | float, y: Field | float, hx: Field | float, hy: Field | float) -> Field:
    return np.maximum(np.abs(X - x) - hx, np.abs(Y - y) - hy)


def _turned(angle: Field | float) -> tuple[Field, Field]:
    return X * np.cos(angle) + Y * np.sin(angle), Y * np.cos(angle) - X * np.sin(angle)


def _bell(g: np.ndarray) -> list[Part]:
    angle = (P - 0.5) * (1.2 + g[0])
    x, y = _turned(angle)
    width = (0.25 + 0.15 * g[1]) + (0.2 + 0.2 * g[2]) * (y + 0.4)
    body = np.maximum(np.abs(x) - width, np.maximum(-(y + 0.7), y - 0.4))
    clapper = np.sqrt((x + 0.5 * (P - 0.5)) ** 2 + (y - 0.5) ** 2) - 0.14
    return [
        Part(clapper, 1),
        Part(body, 0),
        Part(np.maximum(np.abs(x) - width - 0.08, np.abs(y - 0.38) - 0.07), 2),
    ]


def _lamp(g: np.ndarray) -> list[Part]:
    dome = np.maximum(_ellipse(0, 0.3, 0.4 + 0.2 * g[0], 0.6 + 0.25 * g[1]), Y - 0.3)
    beam = np.abs(Y + 0.1 - 0.3 * X * (g[2] - 0.5)) - 0.1 - 0.25 * np.abs(X)
    beam = np.maximum(beam, np.abs(X) - 0.95 * P)
    return [Part(beam, 1, 0.9 * P), Part(dome, 0, P), Part(_box(0, 0.45, 0.5 + 0.2 * g[3], 0.16), 2)]


def _bulb(g: np.ndarray) -> list[Part]:
    radius = 0.35 + 0.15 * g[0]
    bulb = _ellipse(0, -0.1, radius, radius * (0.8 + 0.5 * g[1])) if g[2] < 0.6 else _box(0, -0.1, radius, radius)
    halo = _ellipse(0, -0.1, 0.05 + 0.85 * P, 0.05 + 0.85 * P)
    return [
        Part(np.where(P > 0.1, halo, 1.0), 1, 0.8),
        Part(bulb, 0, P),
        Part(_box(0, 0.6, 0.2 + 0.2 * g[3], 0.2), 2),
    ]


def _block(g: np.ndarray) -> list[Part]:
    jolt = 0.25 * P
    door = _box(jolt * (g[0] - 0.5) * 2, -0.5 * jolt, 0.5 + 0.2 * g[1], 0.5 + 0.25 * g[2])
    mark = _ellipse(0.3 * (g[3] - 0.5) + jolt * (g[0] - 0.5) * 2, -0.1, 0.12, 0.12)
    rays = np.maximum(
        np.abs(np.sin(3 * np.arctan2(Y + 0.1, X + 1e-6))) * 0.6 - 0.2,
        _ellipse(0, -0.1, 0.98 * P + 0.01, 0.98 * P + 0.01),
    )
    return [Part(rays, 1, 0.5), Part(door, 0), Part(mark, 2)]


def _car(g: np.ndarray) -> list[Part]:
    shake = 0.08 * np.sin(9 * P) * P
    body = _box(0, 0.25 + shake, 0.85, 0.22 + 0.1 * g[0])
    cabin = _box(0.2 * (g[1] - 0.5), -0.12 + shake, 0.35 + 0.2 * g[2], 0.25)
    wheels = np.minimum(_ellipse(-0.5, 0.55, 0.2, 0.2), _ellipse(0.5, 0.55, 0.2, 0.2))
    smoke = _ellipse(-0.85, 0.3 - 0.5 * P, 0.02 + 0.25 * P, 0.02 + 0.25 * P)
    return [Part(smoke, 1, 0.4), Part(cabin, 1), Part(body, 0), Part(wheels, 2)]


def _streak(g: np.ndarray) -> list[Part]:
    body = _ellipse(0, 0, 0.3 + 0.65 * P, (0.15 + 0.2 * g[0]) * (1.3 - 0.6 * P))
    tail = np.maximum(np.abs(Y + 0.2 * np.sin(5 * X + 6 * g[1])) - 0.06, np.abs(X) - 0.9 * P)
    return [Part(tail, 1, 0.4), Part(body, 0), Part(_ellipse(0.2, 0, 0.12, 0.12), 2)]


def _face(g: np.ndarray) -> list[Part]:
    head = _ellipse(0, 0, 0.6 + 0.25 * g[0], 0.75 + 0.15 * g[1])
    hair = np.maximum(_ellipse(0, -0.1, 0.7 + 0.2 * g[0], 0.85), Y + 0.3 + 0.3 * g[2])
    eyes = np.minimum(_ellipse(-0.28, -0.2, 0.09, 0.09 + 0.05 * g[3]), _ellipse(0.28, -0.2, 0.09, 0.09 + 0.05 * g[3]))
    mouth = _ellipse(0, 0.38, 0.16 + 0.14 * g[4], 0.03 + 0.27 * P)
    return [Part(head, 0), Part(hair, 1), Part(eyes, 2), Part(mouth, 2)]


def _animal(g: np.ndarray) -> list[Part]:
    lift = -0.15 * P
    head = _ellipse(0, 0.1 + lift, 0.5 + 0.25 * g[0], 0.45 + 0.2 * g[1])
    ears = np.minimum(
        _ellipse(-0.5, -0.35 + lift, 0.15 + 0.1 * g[2], 0.35),
        _ellipse(0.5, -0.35 + lift, 0.15 + 0.1 * g[2], 0.35),
    )
    eyes = np.minimum(_ellipse(-0.22, -0.05 + lift, 0.08, 0.08), _ellipse(0.22, -0.05 + lift, 0.08, 0.08))
    mouth = np.maximum(np.abs(X) - (0.15 + 0.25 * P), np.abs(Y - 0.4 - lift) - (0.03 + 0.25 * P))
    return [Part(ears, 1), Part(head, 0), Part(eyes, 2), Part(mouth, 2)]


def _cloud(g: np.ndarray) -> list[Part]:
    puffs = [_ellipse(x, -0.5 + 0.15 * np.sin(9 * x + 6 * g[0]), 0.35, 0.28) for x in (-0.5, 0.0, 0.5)]
    slant = 0.3 * (g[1] - 0.5)
    column = np.abs(((X - slant * Y) * (4 + int(3 * g[2])) + 8) % 1.0 - 0.5) / 5 - 0.04
    drops = np.maximum(column, np.abs((Y * 2.5 - P * 3 + 8) % 1.0 - 0.5) - 0.3)
    drops = np.maximum(np.maximum(drops, -(Y + 0.3)), np.where(P > 0.02, Y - 0.95, 1.0))
    return [Part(drops, 2, 0.3), Part(np.minimum.reduce(puffs), 0)]


def _waves(g: np.ndarray) -> list[Part]:
    crest = 0.25 * np.sin((3 + 3 * g[0]) * X + 6.28 * P) * (0.3 + 0.7 * P)
    return [
        Part(np.maximum(-(Y - crest), Y - 0.9), 0),
        Part(np.maximum(np.abs(Y - crest) - 0.07, np.abs(X) - 0.95), 1, 0.5),
    ]


def _clock(g: np.ndarray) -> list[Part]:
    angle = (P - 0.5) * (0.8 + 0.6 * g[0])
    x, y = _turned(angle)
    rod = np.maximum(np.abs(x) - 0.05, np.abs(y - 0.35) - 0.35)
    weight = np.sqrt(x**2 + (y - 0.75) ** 2) - (0.12 + 0.08 * g[1])
    dial = _ellipse(0, -0.4, 0.5, 0.5) if g[2] < 0.5 else _box(0, -0.4, 0.45, 0.45)
    return [Part(rod, 1), Part(weight, 1), Part(dial, 0), Part(_box(0.08, -0.45, 0.18, 0.05), 2)]


def _rotor(g: np.ndarray) -> list[Part]:
    blade = _box(0, -0.45, 0.1 + 0.85 * np.abs(np.cos(3.14 * P * (1 + g[0]))), 0.06)
    tail = _box(0.55, 0.1, 0.4, 0.06)
    return [
        Part(blade, 1),
        Part(tail, 2),
        Part(_ellipse(-0.1, 0.15, 0.4 + 0.15 * g[1], 0.28 + 0.15 * g[2]), 0),
    ]


def _saw(g: np.ndarray) -> list[Part]:
    teeth = np.abs(((X + 0.5 * P) * (3 + int(3 * g[0])) + 8) % 1.0 - 0.5) * 0.3
    blade = np.maximum(np.abs(Y - 0.2) - 0.15 - teeth, np.abs(X - 0.2) - 0.7)
    return [Part(blade, 1, 0.3 * P), Part(_box(-0.6, 0.1 + 0.1 * P, 0.28, 0.35 + 0.1 * g[1]), 0)]


def _fire(g: np.ndarray) -> list[Part]:
    height = 0.5 + 0.5 * P
    sway = 0.2 * np.sin(6 * P + 4 * Y + 6 * g[0]) * (1 - Y) / 2
    flame = (
        np.abs(X - sway)
        - (0.45 + 0.2 * g[1]) * np.clip((Y + height) / (0.6 + height), 0, 1)
        + np.where(Y > 0.6, 1.0, 0.0)
    )
    core = np.abs(X - sway) - 0.25 * np.clip((Y + 0.5 * height) / (0.6 + height), 0, 1) + np.where(Y > 0.6, 1.0, 0.0)
    return [Part(flame, 0, 0.3 * P), Part(core, 1, 0.5), Part(_box(0, 0.72, 0.6, 0.1), 2)]


def _ball(g: np.ndarray) -> list[Part]:
    squash = 1 - 0.45 * P
    radius = 0.6 + 0.15 * g[0]
    y = 0.9 - radius * squash
    if g[1] < 0.5:
        body = _ellipse(0, y, radius * (1 + 0.4 * P), radius * squash)
    else:
        body = _box(0, y, radius * (1 + 0.3 * P) * 0.85, radius * squash)
    dust = np.minimum(_ellipse(-0.5 - 0.3 * P, 0.8, 0.18, 0.1), _ellipse(0.5 + 0.3 * P, 0.8, 0.18, 0.1))
    return [Part(np.where(P > 0.2, dust, 1.0), 1, 0.4), Part(body, 0), Part(_ellipse(0.15, y, 0.15, 0.15), 2)]


def _shape(g: np.ndarray) -> list[Part]:
    angle = np.arctan2(Y, X + 1e-6) + P * 6.28 * (g[5] > 0.5) / 3
    lobes = 3 + int(5 * g[0])
    radius = 0.65 + (0.05 + 0.25 * g[1]) * np.cos(lobes * angle)
    body = np.sqrt(X**2 + Y**2) - radius
    hole = np.sqrt(X**2 + Y**2) - 0.3 * g[2]
    return [
        Part(np.maximum(body, -hole) if g[3] < 0.4 else body, 0),
        Part(_ellipse(0.2, -0.2, 0.2 * g[4] + 0.05, 0.15), 1),
    ]


def _bar(g: np.ndarray) -> list[Part]:
    return [Part(_box(0, 0, 0.95, 0.95) + 0 * P, 0), Part(_box(0.3 * (g[0] - 0.5), 0, 0.2, 0.9), 1)]


KINDS: dict[str, Callable[[np.ndarray], list[Part]]] = {
    "bell": _bell, "lamp": _lamp, "bulb": _bulb, "block": _block, "car": _car, "streak": _streak,
    "face": _face, "animal": _animal, "cloud": _cloud, "waves": _waves, "clock": _clock, "rotor": _rotor,
    "saw": _saw, "fire": _fire, "ball": _ball, "shape": _shape, "bar": _bar,
}  # fmt: skip
KIND_OF_SOUND = {
    "speech": "face", "dog_bark": "animal", "rain": "cloud", "sea_waves": "waves", "crying_baby": "face",
    "clock_tick": "clock", "sneeze": "face", "helicopter": "rotor", "chainsaw": "saw", "rooster": "animal",
    "fire_crackling": "fire", "bell": "bell", "siren": "lamp", "beep": "bulb", "knock": "block",
    "engine": "car", "whoosh": "streak",
}  # fmt: skip


@lru_cache(maxsize=512)
def _masks(kind: str, variant: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coverage ``(parts, poses, S, S)`` in [0, 1], colours ``(parts,)`` and glow ``(parts, poses)``."""
    rng = generator(0, "object", kind, variant)
    parts = KINDS[kind](rng.random(8))
    outline = 0.05 * rng.random() if variant % 3 else 0.0
    softness = RESOLUTION / 2 / (1.0 + 1.5 * rng.random())
    shape = (POSES, RESOLUTION, RESOLUTION)
    cover = np.stack([np.broadcast_to(np.clip(0.5 - (p.distance - outline) * softness, 0, 1), shape) for p in parts])
    cover = cover.astype(np.float32)
    cover[:, :, [0, -1], :] = 0  # a clear border: what lies outside the picture reads it
    cover[:, :, :, [0, -1]] = 0
    glow = np.stack([np.broadcast_to(np.asarray(p.glow, np.float32).reshape(-1), (POSES,)) for p in parts])
    return cover, np.array([p.colour for p in parts]), glow


def draw_object(rng: Random, kind: str, split: str, palette: np.ndarray) -> np.ndarray:
    """An object in all its poses, ``(POSES, 64, 64, 4)`` uint8 with alpha last.

    Args:
        rng: chooses the variant and its shading.
        kind: a key of ``KINDS``.
        split: ``"train"`` draws even variants, ``"test"`` odd ones.
        palette: ``(3, 3)`` float RGB in [0, 255].
    """
    variant = 2 * int(rng.integers(VARIANTS // 2)) + (split == "test")
    cover, colours, glow = _masks(kind, variant)
    shading = 1 + (rng.random() - 0.5) * 0.6 * (_AXIS[:, None] * rng.random() + _AXIS[None, :] * rng.random())
    own = palette[colours][:, None, :]
    look = np.empty((*cover.shape[1:], 4), np.uint8)
    paint(cover, own + (255 - own) * glow[..., None], shading, look)
    return look
