"""Alignment with the learned embeddings of a model, on scenes of unseen sources: error of clocks, breaks, events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from avtext.alignment import Alignment
from avtext.benchmark import layers_long
from avtext.benchmark.accuracy import unseen_recipe
from avtext.benchmark.aligned_scenes import (
    OFFSET,
    TOGETHER,
    AlignmentSizes,
    EncodedScene,
    clock_of,
    encode_scene,
    encoded_scenes,
    find_events,
    quantile,
    recipe_with,
    streams_of,
)
from avtext.benchmark.figures import Figure
from avtext.benchmark.layers_limits import row
from avtext.benchmark.timing import one_torch_thread
from avtext.clip import Event
from avtext.data.scenes import make_scene
from avtext.detection.clocks import align_to_picture
from avtext.metrics.clocks import clock_error
from avtext.model import EventDetector
from avtext.training.evaluation import Found

RIGHT = 0.2  # seconds of error up to which a map counts as found


FULL = AlignmentSizes()


def measure(model: EventDetector, data: Path, sizes: AlignmentSizes = FULL) -> list[Figure]:
    """The figures of alignment.

    Args:
        model: whose embeddings are used.
        data: real recordings for the scenes.
        sizes: how much is measured.
    """
    with one_torch_thread():
        return [
            *_under_offset(model, data, sizes.scenes),
            _without_cue(model, data, sizes.scenes),
            *layers_long.measure(model, data, sizes),
            *_in_sync(model, data, sizes.scenes),
        ]


# -- 20 s, an offset of up to two seconds ------------------------------------------------------------------------------


class Judged(NamedTuple):
    """A scene with the maps found and the events under three of them."""

    scene: EncodedScene
    found: Mapping[str, Alignment]
    off: list[Event]
    on: list[Event]
    true: list[Event]


def judge(model: EventDetector, scene: EncodedScene) -> Judged:
    """Find clocks, and events without a map, with the maps found and with the true ones."""
    found = align_to_picture(streams_of(model, scene), model.settings)
    maps = {name: one.clock for name, one in found.items()}
    events = [find_events(model, scene, clocks) for clocks in ({}, maps, scene.clocks)]
    return Judged(scene, found, *events)


def scenes_with_offset(model: EventDetector, data: Path, count: int) -> list[EncodedScene]:
    """Scenes whose sound and cues are late or early and that have two audio-visual events or more."""
    recipe = recipe_with(data, offset_chance=1.0, offset=OFFSET, shown_chance=1.0)
    found: list[EncodedScene] = []
    seed = 0
    while len(found) < count:
        clip = make_scene(recipe, seed)
        if sum(event.label in TOGETHER for event in clip.events or ()) >= 2:
            found.append(encode_scene(model, clip))
        seed += 1
    return found


def _f1(judged: Sequence[Judged], which: str) -> float:
    truth: dict[str, Sequence[Event]] = {str(k): one.scene.events for k, one in enumerate(judged)}
    guess = {str(k): getattr(one, which) for k, one in enumerate(judged)}
    return Found(truth, guess).f1()


def _errors(judged: Sequence[Judged], modality: str) -> list[float]:
    """Of the scenes where the modality is there at all."""
    return [
        clock_error(clock_of(one.found, modality), one.scene.clocks[modality], one.scene.duration)
        for one in judged
        if modality in one.found
    ]


def _under_offset(model: EventDetector, data: Path, count: int) -> list[Figure]:
    judged = [judge(model, scene) for scene in scenes_with_offset(model, data, count)]
    audio, text = _errors(judged, "audio"), _errors(judged, "text")
    quiet = sum(one.found["audio"].abstained for one in judged if "audio" in one.found)
    detail = (
        f"sound against picture in {len(audio)} scenes of 20 s of unseen sources, offset in ±2 s, two or more "
        f"audio-visual events; {quiet} abstained and count with their whole offset"
    )
    off, on, true = (_f1(judged, which) for which in ("off", "on", "true"))
    return [
        row("row10a_offset_error_median", quantile(audio), detail),
        row("row10b_offset_error_90th", quantile(audio, 0.9), detail),
        Figure("offset_abstained", quiet / max(1, len(audio)), "of the scenes", detail=detail),
        Figure("offset_error_of_cues_median", quantile(text), "s", detail=f"{len(text)} scenes with cues"),
        row(
            "row14_f1_under_offset",
            on / true if true else None,
            f"event F1 {on:.3f} aligned, {true:.3f} with the true shift, {off:.3f} without alignment; {detail}",
        ),
        Figure("f1_under_offset_off", off, "F1", detail="alignment off"),
        Figure("f1_under_offset_on", on, "F1", detail="alignment on"),
        Figure("f1_under_offset_true", true, "F1", detail="the true shift"),
        Figure("f1_under_offset_gain", 100 * (on - off), "points", detail="of event F1, alignment on against off"),
    ]


def _without_cue(model: EventDetector, data: Path, count: int) -> Figure:
    """How often an offset is found where nothing is both seen and heard: if it is, scenes give it away."""
    recipe = recipe_with(data, offset_chance=1.0, offset=OFFSET, shown_chance=0.0, impacts=(0, 0))
    right = moved = 0
    for scene in encoded_scenes(model, recipe, count):
        found = align_to_picture(streams_of(model, scene), model.settings)
        clock = clock_of(found, "audio")
        moved += not clock.is_identity
        right += not clock.is_identity and clock_error(clock, scene.clocks["audio"], scene.duration) < RIGHT
    detail = f"{right} of {count} scenes with an offset in which nothing is seen and heard together; {moved} moved"
    return Figure("offset_right_without_cue", right / max(1, count), "of the scenes", detail=detail)


def _in_sync(model: EventDetector, data: Path, count: int) -> list[Figure]:
    judged = [judge(model, scene) for scene in encoded_scenes(model, unseen_recipe(data), count)]
    off, on = _f1(judged, "off"), _f1(judged, "on")
    moved = sum(any(not one.clock.is_identity for one in j.found.values()) for j in judged)
    detail = f"{len(judged)} scenes of 20 s in sync: event F1 {on:.3f} with alignment, {off:.3f} without; {moved} moved"
    return [
        row("row13_f1_in_sync_gain", on - off, detail),
        Figure(
            "in_sync_moved", moved / max(1, len(judged)), "of the scenes", detail="where a map was not the identity"
        ),
    ]
