"""Backgrounds: seamless random textures, and the camera that pans and zooms over them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from avtext.data.scenes.chance import Random, between, happens
from avtext.data.scenes.recipe import FRAME_RATE
from avtext.kernels.drawing import add_between, gather

TEXTURE = 512  # pixels, both ways; it repeats without a seam
_GRIDS = (2, 4, 8, 16, 32, 64, 128)


class Camera(NamedTuple):
    """Where the camera looks, per frame: centre and extent as parts of the texture."""

    x: np.ndarray
    y: np.ndarray
    extent: np.ndarray


def palette_of(rng: Random, count: int) -> np.ndarray:
    """Random colours with one mood (lightness and saturation), ``(count, 3)`` float32 in [0, 255]."""
    middle = rng.random(3) * 0.7 + 0.15
    spread = between(rng, 0.1, 0.6)
    vivid = rng.random((count, 3)) - 0.5
    grey = np.broadcast_to(rng.random((count, 1)) - 0.5, (count, 3))
    mix = rng.random()
    return (np.clip(middle + spread * (mix * vivid + (1 - mix) * grey) * 1.6, 0, 1) * 255).astype(np.float32)


def _add_stretched(field: np.ndarray, grid: np.ndarray, factor: float) -> None:
    """Add a periodic grid, interpolated to the texture's size linearly, times a factor."""
    count = len(grid)
    at = np.arange(TEXTURE) / TEXTURE * count
    low = at.astype(int)
    part, high = (at - low).astype(np.float32), (low + 1) % count
    rows = grid[:, low] * (1 - part) + grid[:, high] * part
    add_between(field, rows, low, high, part, np.float32(factor))


def _clouds(rng: Random) -> np.ndarray:
    """Noise with more or less fine detail, ``(TEXTURE, TEXTURE)`` of about unit spread."""
    roughness = between(rng, 0.35, 0.95)
    field = np.zeros((TEXTURE, TEXTURE), np.float32)
    for octave, count in enumerate(_GRIDS):
        _add_stretched(field, rng.standard_normal((count, count), dtype=np.float32), roughness**octave)
    return field / (field.std() + 1e-6)


def _pattern(rng: Random) -> np.ndarray:
    """Stripes, a checker, patches or text-like rows, values of about unit spread."""
    x, y = np.arange(TEXTURE)[None, :] / TEXTURE, np.arange(TEXTURE)[:, None] / TEXTURE
    kind = int(rng.integers(4))
    across, down = int(rng.integers(0, 14)), int(rng.integers(1, 14))
    if kind == 0:
        field = np.sin(2 * np.pi * (across * x + down * y))
        return np.sign(field) if happens(rng, 0.5) else field
    if kind == 1:
        return np.sign(np.sin(2 * np.pi * (across + 1) * x) * np.sin(2 * np.pi * down * y))
    if kind == 2:
        cells = rng.standard_normal((16, 16)).round(1)
        return np.kron(cells, np.ones((TEXTURE // 16, TEXTURE // 16)))
    rows = np.kron((rng.random((64, 128)) < 0.5).astype(float), np.ones((TEXTURE // 64, TEXTURE // 128)))
    return rows * (np.sin(2 * np.pi * 32 * y) > 0) * 2 - 0.5


def texture(rng: Random) -> np.ndarray:
    """A seamless background, ``(TEXTURE * TEXTURE,)`` uint32 whose bytes are red, green, blue and nothing."""
    field = between(rng, 0.2, 1.0) * _clouds(rng)
    if happens(rng, 0.5):
        field = field + between(rng, 0.2, 1.2) * _pattern(rng)
    colours = palette_of(rng, 5)
    if happens(rng, 0.15):
        colours = np.broadcast_to(colours.mean(1, keepdims=True), colours.shape)
    place = np.clip(field * 255 * 0.22 + 127, 0, 255).astype(np.uint8)
    ramp = np.stack([np.interp(np.arange(256), np.linspace(0, 255, 5), colours[:, c]) for c in range(3)], -1)
    packed = np.zeros((256, 4), np.uint8)
    packed[:, :3] = ramp.astype(np.uint8)
    return packed.view(np.uint32)[:, 0][place.reshape(-1)]


def camera(rng: Random, count: int, moving: bool) -> Camera:
    """A path over the texture: still, drifting or shaken by hand, now and then a fast pan (no cut)."""
    x, y, extent = (
        np.full(count, rng.random()),
        np.full(count, rng.random()),
        np.full(count, between(rng, 0.3, 0.8)),
    )
    t = np.arange(count) / FRAME_RATE
    if moving:
        speed, angle = between(rng, 0.01, 0.12) * (4 if happens(rng, 0.15) else 1), rng.random() * 2 * np.pi
        x, y = x + speed * np.cos(angle) * t, y + speed * np.sin(angle) * t
        if happens(rng, 0.3):
            extent = extent * np.exp(between(rng, -0.06, 0.06) * np.minimum(t, 8.0))
        if happens(rng, 0.3):
            shake = np.cumsum(rng.standard_normal((2, count)), axis=1) * between(rng, 0.0005, 0.004)
            x, y = x + shake[0], y + shake[1]
    if happens(rng, 0.2) and count > 30:
        length = between(rng, 0.25, 0.7)
        begin = between(rng, 0.2, max(0.3, t[-1] - length))
        way = np.clip((t - begin) / length, 0, 1)
        way = way * way * (3 - 2 * way)
        x, y = x + way * between(rng, -0.6, 0.6), y + way * between(rng, -0.3, 0.3)
    return Camera(x, y, np.clip(extent, 0.15, 1.0))


def look(picture: np.ndarray, view: Camera, out: np.ndarray) -> None:
    """Write what the camera sees of a texture into ``out``, ``(frames, height, width, 3)`` uint8."""
    count, height, width, _ = out.shape
    if all(np.ptp(path) == 0 for path in view):
        view, count = Camera(*(path[:1] for path in view)), 1
    rows = view.y[:, None] + view.extent[:, None] * ((np.arange(height) + 0.5) / height - 0.5)
    columns = view.x[:, None] + view.extent[:, None] * ((np.arange(width) + 0.5) / width - 0.5)
    at, to = ((places * TEXTURE).astype(np.int32) % TEXTURE for places in (rows, columns))
    gather(picture.view(np.uint8).reshape(TEXTURE, TEXTURE, 4), at, to, out[:count])
    if count == 1:
        out[1:] = out[:1]
