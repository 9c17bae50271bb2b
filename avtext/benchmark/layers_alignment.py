"""Alignment with the learned embeddings of a model, on scenes of unseen sources: error of clocks, breaks, events."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from avtext.alignment import Alignment
from avtext.benchmark.accuracy import unseen_recipe
from avtext.benchmark.aligned_scenes import (
    EncodedScene,
    clock_error,
    clock_of,
    encode_scene,
    find_clocks,
    find_events,
    joined,
    on_clock,
    streams_of,
)
from avtext.benchmark.figures import Figure
from avtext.benchmark.layers_limits import row
from avtext.benchmark.timing import one_torch_thread
from avtext.clip import Event
from avtext.data.scenes import SceneRecipe, make_scene
from avtext.data.scenes.recipe import HEARD, JOINT
from avtext.metrics.sound_events import event_based
from avtext.model import EventDetector
from avtext.timeline import ClockMap
from avtext.training.evaluation import ONSET_COLLAR

OFFSET = (-2.0, 2.0)  # seconds
DRIFT, HOUR_DRIFT = 1000.0, (50.0, 200.0)  # parts per million, of either sign
BREAK, NEAR = 10.0, 1.0  # seconds that are missing, and how near a break must be found
TOGETHER = (*HEARD, *JOINT)  # labels that are seen as well where every sound is shown
RIGHT = 0.2  # seconds of error up to which a map counts as found


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
            *_under_drift(model, data, sizes),
            *_in_hours(model, data, sizes),
            *_with_break(model, data, sizes),
            *_in_sync(model, data, sizes.scenes),
        ]


def recipe_with(data: Path, **changes: object) -> SceneRecipe:
    """The test recipe with other values, checked."""
    return SceneRecipe.model_validate({**unseen_recipe(data).model_dump(), **changes})


def _encoded(model: EventDetector, recipe: SceneRecipe, count: int) -> Iterator[EncodedScene]:
    return (encode_scene(model, make_scene(recipe, seed)) for seed in range(count))


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
    found = find_clocks(streams_of(model, scene), model.settings.grid_rate)
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
    truth = {str(k): one.scene.events for k, one in enumerate(judged)}
    guess = {str(k): getattr(one, which) for k, one in enumerate(judged)}
    score = event_based(truth, guess, onset_collar=ONSET_COLLAR, offset_collar=None).micro.f1
    return 0.0 if math.isnan(score) else score


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
        row("row10a_offset_error_median", _quantile(audio), detail),
        row("row10b_offset_error_90th", _quantile(audio, 0.9), detail),
        Figure("offset_abstained", quiet / max(1, len(audio)), "of the scenes", detail=detail),
        Figure("offset_error_of_cues_median", _quantile(text), "s", detail=f"{len(text)} scenes with cues"),
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
    for scene in _encoded(model, recipe, count):
        found = find_clocks(streams_of(model, scene), model.settings.grid_rate)
        clock = clock_of(found, "audio")
        moved += not clock.is_identity
        right += not clock.is_identity and clock_error(clock, scene.clocks["audio"], scene.duration) < RIGHT
    detail = f"{right} of {count} scenes with an offset in which nothing is seen and heard together; {moved} moved"
    return Figure("offset_right_without_cue", right / max(1, count), "of the scenes", detail=detail)


def _quantile(values: Sequence[float], share: float = 0.5) -> float | None:
    """The median by default; None of nothing."""
    return float(np.quantile(values, share)) if values else None


def _in_sync(model: EventDetector, data: Path, count: int) -> list[Figure]:
    judged = [judge(model, scene) for scene in _encoded(model, unseen_recipe(data), count)]
    off, on = _f1(judged, "off"), _f1(judged, "on")
    moved = sum(any(not one.clock.is_identity for one in j.found.values()) for j in judged)
    detail = f"{len(judged)} scenes of 20 s in sync: event F1 {on:.3f} with alignment, {off:.3f} without; {moved} moved"
    return [
        row("row13_f1_in_sync_gain", on - off, detail),
        Figure(
            "in_sync_moved", moved / max(1, len(judged)), "of the scenes", detail="where a map was not the identity"
        ),
    ]


# -- long files --------------------------------------------------------------------------------------------------------


def _under_drift(model: EventDetector, data: Path, sizes: AlignmentSizes) -> list[Figure]:
    errors = []
    for seed in range(sizes.drift_files):
        drift = DRIFT if seed % 2 else -DRIFT
        recipe = recipe_with(
            data,
            duration=(sizes.drift_seconds,) * 2,
            offset_chance=1.0,
            offset=OFFSET,
            drift_chance=1.0,
            drift_ppm=(drift, drift),
        )
        scene = encode_scene(model, make_scene(recipe, seed))
        found = find_clocks(streams_of(model, scene), model.settings.grid_rate)
        errors.append(clock_error(clock_of(found, "audio"), scene.clocks["audio"], scene.duration))
    detail = (
        f"{sizes.drift_files} files of {sizes.drift_seconds:g} s with ±{DRIFT:g} ppm and an offset in ±2 s: mean error "
        f"over each file, its median and worst {max(errors):.3f} s"
    )
    return [row("row11a_drift_error_10_minutes", _quantile(errors), detail)]


def _in_hours(model: EventDetector, data: Path, sizes: AlignmentSizes) -> list[Figure]:
    """Embeddings of files in sync one after the other; that of the sound is read on a drifting clock."""
    rate = model.settings.grid_rate
    recipe = recipe_with(data, duration=(sizes.drift_seconds,) * 2)
    parts = [streams_of(model, scene) for scene in _encoded(model, recipe, sizes.hour_parts)]
    errors, drifts = [], []
    for seed in range(sizes.hours):
        rng = np.random.default_rng(seed)
        drifts.append(float(rng.uniform(*HOUR_DRIFT) * rng.choice((-1, 1))))
        clock = ClockMap.shift(rng.uniform(*OFFSET), 1 + drifts[-1] * 1e-6)
        whole = joined([parts[k] for k in rng.permutation(len(parts))])
        found = find_clocks(on_clock(whole, "audio", clock, rate), rate)
        errors.append(clock_error(clock_of(found, "audio"), clock, len(whole["video"][0]) / rate))
    detail = (
        f"{sizes.hours} files of {sizes.hour_parts * sizes.drift_seconds / 60:g} minutes, at feature level, with "
        f"{', '.join(f'{d:.0f}' for d in drifts)} ppm and an offset in ±2 s: mean error over each file, its median and "
        f"worst {max(errors):.3f} s"
    )
    return [row("row11b_drift_error_1_hour", _quantile(errors), detail)]


def _with_break(model: EventDetector, data: Path, sizes: AlignmentSizes) -> list[Figure]:
    recipe = recipe_with(
        data, duration=(sizes.break_seconds,) * 2, break_chance=1.0, break_seconds=(BREAK, BREAK), offset=(0.0, 0.0)
    )
    hits, others, jumps, told = 0, 0, 0, 0
    for scene in _encoded(model, recipe, sizes.break_files):
        found = find_clocks(streams_of(model, scene), model.settings.grid_rate)
        breaks = found["audio"].breaks if "audio" in found else ()
        at, lost = scene.clocks["audio"].breaks[0]
        right = is_found(breaks, (at, lost))
        hits += right
        jumps += any(abs(jump - lost) <= NEAR for _, jump in breaks)
        told += is_told([event for event in scene.events if event.label in TOGETHER], at, lost, scene.duration)
        others += len(breaks) - right
    detail = (
        f"{hits} of {sizes.break_files} files of {sizes.break_seconds:g} s: a break within {NEAR:g} s of the true one, "
        f"its jump within {NEAR:g} s of {BREAK:g} s; {others} breaks elsewhere"
    )
    count = max(1, sizes.break_files)
    own = f"{jumps} of {sizes.break_files} files: a jump of {BREAK:g} s within {NEAR:g} s, wherever it is placed"
    bound = (
        f"{told} of {sizes.break_files} files: where the truth of every sound seen and heard leaves no more than "
        f"{NEAR:g} s to either side, or a sound is cut off; between two sounds nothing tells where the break is"
    )
    return [
        row("row12_break_found", hits / count, detail),
        Figure("break_jump_found", jumps / count, "of the files", detail=own),
        Figure("break_told_by_true_events", told / count, "of the files", detail=bound),
    ]


def is_told(events: Sequence[Event], at: float, lost: float, duration: float) -> bool:
    """Whether the sounds of a file tell within ``NEAR`` where ``lost`` seconds of it are gone from ``at`` on.

    It lies between the last sound before and the first one after; its middle is the best guess, unless a sound is cut.

    Example:
        >>> is_told([Event(1.0, 9.5, "rain"), Event(21.0, 22.0, "bell")], 10.0, 10.0, 60.0)
        True
        >>> is_told([Event(1.0, 4.5, "rain"), Event(21.0, 22.0, "bell")], 10.0, 10.0, 60.0)
        False
        >>> is_told([Event(1.0, 11.0, "rain"), Event(40.0, 41.0, "bell")], 10.0, 10.0, 60.0)
        True
    """
    if any(event.start < edge < event.end for event in events for edge in (at, at + lost)):
        return True
    before = max((event.end for event in events if event.end <= at), default=0.0)
    after = min((event.start for event in events if event.start >= at + lost), default=duration)
    return abs((before + after - lost) / 2 - at) <= NEAR


def is_found(breaks: Sequence[tuple[float, float]], true: tuple[float, float]) -> bool:
    """Whether one of the breaks, ``(time, jump)``, is the true one.

    Example:
        >>> is_found([(60.4, 9.9)], (60.0, 10.0)), is_found([(62.0, 9.9)], (60.0, 10.0)), is_found([], (60.0, 10.0))
        (True, False, False)
    """
    return any(abs(at - true[0]) <= NEAR and abs(jump - true[1]) <= NEAR for at, jump in breaks)
