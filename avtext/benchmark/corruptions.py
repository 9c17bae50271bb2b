"""Damage to a scene as cameras, microphones and networks do it: noise, blur, frame drops, clipping, lost packets.

A scene and not a clip is damaged, since a clip's picture statistics come from frames that it no longer has: so sound,
frames and statistics agree. Times and truth stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from avtext.clip import AUDIO_RATE
from avtext.data.scenes import Scene
from avtext.data.scenes.chance import Random, generator
from avtext.data.scenes.recipe import FRAME_RATE

PACKET = 0.1  # seconds of sound and picture that go together


class Corruption(NamedTuple):
    """``damage(scene, strength, rng)``, the ``strengths`` of a curve, mildest first, and the ``unit`` they are in."""

    damage: Callable[[Scene, float, Random], Scene]
    strengths: tuple[float, ...]
    unit: str


def corrupted(scene: Scene, name: str, strength: float) -> Scene:
    """The scene with one kind of damage; the same each time.

    Args:
        scene: not changed.
        name: of :data:`CORRUPTIONS`.
        strength: in that corruption's unit.

    Example:
        >>> from avtext.data.scenes import SceneRecipe, make_scene_frames
        >>> scene = make_scene_frames(SceneRecipe(duration=(4.0, 4.0)), seed=1)
        >>> bool((corrupted(scene, "frame_drops", 0.5).frames != scene.frames).any())
        True
    """
    return CORRUPTIONS[name].damage(scene, strength, generator(0, "corruption", name, scene.name))


def noise(scene: Scene, decibels: float, rng: Random) -> Scene:
    """White noise in sound and picture, ``decibels`` below the loudness of the sound and below full white."""
    level = float(np.sqrt(np.mean(np.square(scene.waveform)))) * 10 ** (-decibels / 20)
    wave = scene.waveform + level * rng.standard_normal(scene.waveform.shape, dtype=np.float32)
    grain = 255.0 * 10 ** (-decibels / 20) * rng.standard_normal(scene.frames.shape, dtype=np.float32)
    return replace(scene, waveform=_sound(wave), frames=_picture(scene.frames + grain))


def blur(scene: Scene, pixels: float, rng: Random) -> Scene:
    """A picture out of focus: every frame by a Gaussian of that deviation."""
    reach = int(np.ceil(3 * pixels))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / pixels) ** 2)
    kernel /= kernel.sum()
    frames = scene.frames.astype(np.float32)
    for axis in (1, 2):
        size = frames.shape[axis]
        padded = np.pad(frames, [(reach, reach) if k == axis else (0, 0) for k in range(4)], mode="edge")
        frames = sum(w * np.take(padded, range(k, k + size), axis) for k, w in enumerate(kernel))
    return replace(scene, frames=_picture(frames))


def frame_drops(scene: Scene, share: float, rng: Random) -> Scene:
    """Frames that never came; the one before each stays on the screen."""
    return replace(scene, frames=scene.frames[_held(rng.random(len(scene.frames)) < share)])


def clipping(scene: Scene, share: float, rng: Random) -> Scene:
    """Sound too loud for the microphone: that share of the samples is cut off at full scale."""
    full = max(float(np.quantile(np.abs(scene.waveform), 1.0 - share)), 1e-6)
    return replace(scene, waveform=_sound(scene.waveform / full))


def lost_packets(scene: Scene, share: float, rng: Random) -> Scene:
    """A share of the packets is lost: for their time there is no sound, and the picture stands still."""
    lost = rng.random(int(np.ceil(scene.duration / PACKET))) < share
    silent = lost[(np.arange(len(scene.waveform)) / AUDIO_RATE / PACKET).astype(int)]
    frozen = lost[(np.arange(len(scene.frames)) / FRAME_RATE / PACKET + 1e-9).astype(int)]
    return replace(
        scene, waveform=np.where(silent, np.float32(0.0), scene.waveform), frames=scene.frames[_held(frozen)]
    )


CORRUPTIONS: Mapping[str, Corruption] = {
    "noise": Corruption(noise, (30.0, 20.0, 10.0), "dB"),
    "blur": Corruption(blur, (0.5, 1.0, 2.0), "pixels of 64"),
    "frame_drops": Corruption(frame_drops, (0.1, 0.3, 0.6), "of the frames"),
    "clipping": Corruption(clipping, (0.01, 0.05, 0.2), "of the samples"),
    "lost_packets": Corruption(lost_packets, (0.02, 0.1, 0.3), "of the packets"),
}


def _held(lost: np.ndarray) -> np.ndarray:
    """For each frame the number of the last one up to it that came; the first always comes."""
    lost = lost & (np.arange(len(lost)) > 0)
    shown: np.ndarray = np.maximum.accumulate(np.where(lost, 0, np.arange(len(lost))))
    return shown


def _sound(wave: np.ndarray) -> np.ndarray:
    return np.clip(wave, -1.0, 1.0).astype(np.float32)


def _picture(frames: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(frames), 0, 255).astype(np.uint8)
