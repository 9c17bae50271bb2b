"""Scenes after the encoders: their clocks found and applied, without encoding anything twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from avtext.alignment import Alignment
from avtext.benchmark.accuracy import unseen_recipe
from avtext.clip import Clip, Event
from avtext.data.scenes import SceneRecipe, make_scene
from avtext.data.scenes.recipe import HEARD, JOINT
from avtext.layers.warp import warp
from avtext.model import Batch, Encoded, EventDetector, collate
from avtext.timeline import ClockMap, centres

Streams = dict[str, tuple[np.ndarray, np.ndarray]]  # embeddings (T, size) and mask (T,) by modality
OFFSET = (-2.0, 2.0)  # seconds
TOGETHER = (*HEARD, *JOINT)  # labels that are seen as well where every sound is shown


@dataclass(frozen=True)
class AlignmentSizes:
    """How much is measured; the defaults take some minutes on one core.

    Args:
        scenes: of 20 s, with an offset and as many without.
        drift_files: with drift.
        drift_seconds: that each of them lasts.
        hours: long files made of embeddings.
        hour_parts: how many files of ``drift_seconds``, in sync, each long file is made of.
        break_files: with a break.
        break_seconds: that each of them lasts.
    """

    scenes: int = 60
    drift_files: int = 8
    drift_seconds: float = 600.0
    hours: int = 3
    hour_parts: int = 6
    break_files: int = 20
    break_seconds: float = 180.0


@dataclass(frozen=True)
class EncodedScene:
    """What is left of a scene after the encoders.

    Args:
        batch: of one clip, without its sound, picture and words.
        encoded: its modalities on the grid, each on its own clock.
        events: the truth.
        clocks: the true maps to the video's clock.
        duration: seconds.
    """

    batch: Batch
    encoded: Encoded
    events: tuple[Event, ...]
    clocks: Mapping[str, ClockMap]
    duration: float


@torch.inference_mode()
def encode_scene(model: EventDetector, clip: Clip) -> EncodedScene:
    """Encode a scene once; its clocks can then be changed as often as one likes."""
    batch = collate([clip], None, model.settings.grid_rate)
    encoded = model.encode(batch)
    light = replace(batch, streams={}, cues=[[]], cue_steps=[[]])
    return EncodedScene(light, encoded, clip.events or (), clip.clocks, clip.duration)


def streams_of(model: EventDetector, scene: EncodedScene) -> Streams:
    """Embeddings and masks of a scene by modality."""
    parts = zip(model.modalities, scene.encoded.embeddings, scene.encoded.masks, strict=True)
    return {name: (values[0].numpy(), mask[0].numpy()) for name, values, mask in parts}


def clock_of(found: Mapping[str, Alignment], modality: str) -> ClockMap:
    """The map of one modality; the identity where nothing was found."""
    return found[modality].clock if modality in found else ClockMap.shift()


@torch.inference_mode()
def find_events(model: EventDetector, scene: EncodedScene, clocks: Mapping[str, ClockMap]) -> list[Event]:
    """Events of a scene with its streams moved by ``clocks``."""
    batch = replace(scene.batch, clocks=[clocks])
    features, masks = model.on_video_clock(scene.encoded, batch)
    return model.decode(model.fuse(features, masks, batch.mask), batch.starts.tolist())[0]


def joined(parts: Sequence[Streams]) -> Streams:
    """One long file of several: their embeddings one after the other."""
    return {
        name: (np.concatenate([part[name][0] for part in parts]), np.concatenate([part[name][1] for part in parts]))
        for name in parts[0]
    }


def on_clock(streams: Streams, modality: str, clock: ClockMap, rate: float) -> Streams:
    """The same file with one modality recorded on another clock, read between its steps.

    Args:
        streams: all on the video's clock.
        modality: which one is moved.
        clock: from its new clock to the video's.
        rate: grid steps per second.
    """
    values, mask = streams[modality]
    position = clock.to_video(centres(len(values), rate)) * rate - 0.5
    moved, real = warp(torch.from_numpy(values)[None], torch.from_numpy(mask)[None], torch.from_numpy(position)[None])
    return {**streams, modality: (moved[0].numpy(), real[0].numpy())}


def recipe_with(data: Path, **changes: object) -> SceneRecipe:
    """The test recipe with other values, checked."""
    return SceneRecipe.model_validate({**unseen_recipe(data).model_dump(), **changes})


def encoded_scenes(model: EventDetector, recipe: SceneRecipe, count: int) -> Iterator[EncodedScene]:
    """Scenes of a recipe, those of the seeds from 0 on."""
    return (encode_scene(model, make_scene(recipe, seed)) for seed in range(count))


def quantile(values: Sequence[float], share: float = 0.5) -> float | None:
    """The median by default; None of nothing."""
    return float(np.quantile(values, share)) if values else None
