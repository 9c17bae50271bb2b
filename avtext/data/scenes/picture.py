"""The scene's frames: shots drawn one after the other, filmed by an imperfect camera, and edited."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from avtext.data.scenes.actors import distractors, occluder
from avtext.data.scenes.backgrounds import camera, look, texture
from avtext.data.scenes.chance import Random, between, generator, happens
from avtext.data.scenes.edits import Edit, apply_edit, dissolve, leave_traces
from avtext.data.scenes.recipe import FRAME_RATE, SceneRecipe
from avtext.data.scenes.recordings import signed, signing_files
from avtext.data.scenes.sprites import Sprite, lay_over
from avtext.kernels.drawing import develop

_GREY = np.array([0.299, 0.587, 0.114], np.float32)


class Shot(NamedTuple):
    """Frames ``[first, last)``; the first ``overlap`` of them are dissolved from the shot before."""

    first: int
    last: int
    overlap: int


class Film(NamedTuple):
    """How everything in a scene is filmed."""

    noise: float  # spread of the camera's noise, of 255
    coarse: bool  # film grain of two pixels
    flicker: float  # spread of the brightness from frame to frame
    rate: float  # frames per second of the content; fewer than 25 are repeated
    bars: float  # part of the height that letterbox bars take, at either edge
    contrast: float
    gamma: float
    grey: bool
    exposure: float  # of full light: a dark scene is not black


def shots_between(edits: list[Edit], count: int) -> list[Shot]:
    """The shots that edits leave of ``count`` frames.

    Example:
        >>> [tuple(shot) for shot in shots_between([Edit("cut", 10, 15), Edit("dissolve", 30, 40)], 50)]
        [(0, 10, 0), (10, 40, 0), (30, 50, 10)]
    """
    shots, first, overlap = [], 0, 0
    for edit in (edit for edit in edits if edit.new_shot):
        mixed = edit.last - edit.first if edit.kind == "dissolve" else 0
        shots.append(Shot(first, edit.switch + mixed, overlap))
        first, overlap = edit.switch, mixed
    return [*shots, Shot(first, count, overlap)]


def film_of(rng: Random) -> Film:
    """A random camera: a quarter have no noise at all, some show repeated frames, flicker or bars, some are dark."""
    noise = 0.0 if happens(rng, 0.25) else between(rng, 0.3, 3.0) if happens(rng, 0.6) else between(rng, 3.0, 12.0)
    rate = (25.0, 12.5, 15.0, 10.0, 20.0)[int(rng.choice(5, p=(0.78, 0.07, 0.06, 0.03, 0.06)))]
    flicker = between(rng, 0.005, 0.05) if happens(rng, 0.2) else 0.0
    bars = between(rng, 0.05, 0.2) if happens(rng, 0.15) else 0.0
    contrast = between(rng, 0.25, 0.6) if happens(rng, 0.15) else between(rng, 0.7, 1.2)
    coarse, gamma, grey = happens(rng, 0.3), between(rng, 0.7, 1.5), happens(rng, 0.08)
    exposure = between(rng, 0.15, 0.5) if happens(rng, 0.15) else 1.0
    return Film(noise, coarse, flicker, rate, bars, contrast, gamma, grey, exposure)


def _curves(rng: Random, film: Film, count: int) -> np.ndarray:
    """Per frame what becomes of each of the 256 levels, ``(count, 256)`` uint8."""
    tone = (np.arange(256) / 255) ** film.gamma
    tone = (tone - 0.5) * film.contrast + 0.5 + between(rng, -0.5, 0.5) * max(0.0, 1 - film.contrast)
    gain = 1 + film.flicker * rng.standard_normal(count)
    return np.clip(tone * film.exposure * gain[:, None] * 255, 0, 255).astype(np.uint8)


def expose(rng: Random, frames: np.ndarray, film: Film) -> None:
    """Film frames in place: tone, flicker, grey, noise."""
    count, height, width, _ = frames.shape
    curves = _curves(rng, film, count)
    if film.grey:
        for curve, frame in zip(curves, frames, strict=True):
            frame[...] = (curve[frame] @ _GREY).astype(np.uint8)[..., None]
        curves = np.broadcast_to(np.arange(256, dtype=np.uint8), curves.shape)
    size = height * width * 3
    grain, starts = np.zeros(size, np.int16), np.zeros(count, np.int64)
    if film.noise:
        bank = rng.standard_normal(max(1 << 17, 2 * size), dtype=np.float32) * film.noise
        if film.coarse:
            bank = (bank + np.roll(bank, 3) + np.roll(bank, 3 * width) + np.roll(bank, 3 * width + 3)) * 0.6
        grain = bank.astype(np.int16)
        starts = (rng.random(count) * (len(grain) - size)).astype(np.int64)
    develop(frames, curves, grain, starts)


def _repeat_frames(frames: np.ndarray, rate: float) -> None:
    """Show content of a lower frame rate: each frame stays until the next is due."""
    due = np.floor(np.arange(len(frames)) / FRAME_RATE * rate + 1e-9) / rate * FRAME_RATE
    frames[...] = frames[np.ceil(due - 1e-9).astype(int)]


def _sign(rng: Random, recipe: SceneRecipe, edit: Edit, frames: np.ndarray, origin: int) -> None:
    """Lay a signed word over the frames of an edit, filling the picture or inset, softly at both ends."""
    assert recipe.signing_dir is not None  # else the label is not available
    files = signing_files(recipe.signing_dir, recipe.split)
    clip = signed(files[int(rng.integers(len(files)))])
    count, height, width = edit.last - edit.first, frames.shape[1], frames.shape[2]
    begin = int(rng.integers(0, max(1, len(clip) - count + 1)))
    numbers = begin + np.arange(count)
    numbers = np.where((numbers // len(clip)) % 2, len(clip) - 1 - numbers % len(clip), numbers % len(clip))
    part = 1.0 if happens(rng, 0.5) else between(rng, 0.35, 0.7)
    rows, columns = max(8, round(part * height)), max(8, round(part * width))
    top, left = int(rng.integers(0, height - rows + 1)), int(rng.integers(0, width - columns + 1))
    down, across = _shrinking(clip.shape[1], rows), _shrinking(clip.shape[2], columns)
    if happens(rng, 0.5):
        across = across[::-1]
    ramp = np.minimum(np.arange(count) + 1, count - np.arange(count)) / (0.3 * FRAME_RATE)
    weight = np.minimum(1.0, ramp).astype(np.float32)
    tint = (0.8 + 0.4 * rng.random(3)).astype(np.float32)
    for number, alpha in enumerate(weight):
        picture = np.ascontiguousarray(clip[numbers[number]].transpose(2, 0, 1), np.float32)
        small = (down @ picture @ across.T).transpose(1, 2, 0) * tint
        spot = frames[edit.first - origin + number, top : top + rows, left : left + columns]
        spot[...] = np.clip(spot * (1 - alpha) + np.clip(small, 0, 255) * alpha, 0, 255).astype(np.uint8)


def _shrinking(count: int, size: int) -> np.ndarray:
    """Weights ``(size, count)`` that average (or repeat) ``count`` pixels into ``size``."""
    edges = np.linspace(0, count, size + 1)
    cells = np.arange(count)
    cover = np.minimum(edges[1:, None], cells[None] + 1) - np.maximum(edges[:-1, None], cells[None])
    cover = np.clip(cover, 0, None).astype(np.float32)
    return cover / cover.sum(1, keepdims=True)


def _draw_shot(
    rng: Random, recipe: SceneRecipe, shot: Shot, sprites: list[Sprite], moving: bool, out: np.ndarray
) -> None:
    """Background, objects and actors of one shot into ``out``; ``moving`` keeps it from standing still."""
    count = shot.last - shot.first
    slide = happens(rng, 0.1) and not moving
    drifting = happens(rng, 0.7) and not slide
    look(texture(rng), camera(rng, count, drifting or moving), out)
    others = distractors(rng, recipe.split, shot.first, count)
    for sprite in ([] if slide else others) + sprites:
        lay_over(out, sprite, shot.first)
    if happens(rng, 0.12):
        lay_over(out, occluder(rng, recipe.split, shot.first, count), shot.first)


def render(
    seed: int,
    recipe: SceneRecipe,
    edits: list[Edit],
    sprites: list[Sprite],
    count: int,
    height: int,
    width: int,
) -> np.ndarray:
    """All frames of a scene at 25 per second, ``(count, height, width, 3)`` uint8.

    Everything is placed in parts of the picture, so that any size shows the same scene. Where a scene
    freezes, or its camera has no noise, its shots keep moving: a freeze is a stop.

    Args:
        seed: of the scene.
        recipe: of the scene.
        edits: in the order of time.
        sprites: objects that act; each is seen only in the shot that has its moment.
        count: frames.
        height: pixels.
        width: pixels.
    """
    film = film_of(generator(seed, recipe.split, "film"))
    moving = film.noise == 0 or any(edit.kind == "freeze" for edit in edits)
    frames = np.empty((count, height, width, 3), np.uint8)
    for number, shot in enumerate(shots_between(edits, count)):
        part = frames[shot.first : shot.last]
        before = part[: shot.overlap].copy()
        own = [sprite for sprite in sprites if shot.first <= sprite.moment < shot.last]
        _draw_shot(generator(seed, recipe.split, "shot", number), recipe, shot, own, moving, part)
        for edit in edits:
            if edit.kind == "signing" and shot.first <= edit.first and edit.last <= shot.last:
                _sign(generator(seed, recipe.split, "signing", edit.first), recipe, edit, part, shot.first)
        expose(generator(seed, recipe.split, "noise", number), part, film)
        if film.rate < FRAME_RATE:
            _repeat_frames(part, film.rate)
        if shot.overlap:
            dissolve(before, part[: shot.overlap])
    for edit in edits:
        apply_edit(frames, edit)
        traces = generator(seed, recipe.split, "traces", edit.first)
        if edit.kind == "freeze" and happens(traces, recipe.codec_chance):
            leave_traces(traces, frames[edit.first : edit.last])
    edge = round(film.bars * height)
    frames[:, :edge] = 0
    frames[:, height - edge :] = 0
    return frames
