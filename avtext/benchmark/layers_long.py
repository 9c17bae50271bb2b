"""Alignment of long files: error of clocks that drift, for minutes and for hours, and whether a break is found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from avtext.benchmark.aligned_scenes import (
    OFFSET,
    TOGETHER,
    AlignmentSizes,
    clock_of,
    encode_scene,
    encoded_scenes,
    joined,
    on_clock,
    quantile,
    recipe_with,
    streams_of,
)
from avtext.benchmark.figures import Figure
from avtext.benchmark.layers_limits import row
from avtext.clip import Event
from avtext.data.scenes import make_scene
from avtext.detection.clocks import align_to_picture
from avtext.metrics.clocks import clock_error
from avtext.model import EventDetector
from avtext.timeline import ClockMap

DRIFT, HOUR_DRIFT = 1000.0, (50.0, 200.0)  # parts per million, of either sign
BREAK, NEAR = 10.0, 1.0  # seconds that are missing, and how near a break must be found


def measure(model: EventDetector, data: Path, sizes: AlignmentSizes) -> list[Figure]:
    """Rows 11 and 12; arguments as of :func:`avtext.benchmark.layers_alignment.measure`."""
    return [*_under_drift(model, data, sizes), *_in_hours(model, data, sizes), *_with_break(model, data, sizes)]


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
        found = align_to_picture(streams_of(model, scene), model.settings)
        errors.append(clock_error(clock_of(found, "audio"), scene.clocks["audio"], scene.duration))
    detail = (
        f"{sizes.drift_files} files of {sizes.drift_seconds:g} s with ±{DRIFT:g} ppm and an offset in ±2 s: mean error "
        f"over each file, its median and worst {max(errors):.3f} s"
    )
    return [row("row11a_drift_error_10_minutes", quantile(errors), detail)]


def _in_hours(model: EventDetector, data: Path, sizes: AlignmentSizes) -> list[Figure]:
    """Embeddings of files in sync one after the other; that of the sound is read on a drifting clock."""
    rate = model.settings.grid_rate
    recipe = recipe_with(data, duration=(sizes.drift_seconds,) * 2)
    parts = [streams_of(model, scene) for scene in encoded_scenes(model, recipe, sizes.hour_parts)]
    errors, drifts = [], []
    for seed in range(sizes.hours):
        rng = np.random.default_rng(seed)
        drifts.append(float(rng.uniform(*HOUR_DRIFT) * rng.choice((-1, 1))))
        clock = ClockMap.shift(rng.uniform(*OFFSET), 1 + drifts[-1] * 1e-6)
        whole = joined([parts[k] for k in rng.permutation(len(parts))])
        found = align_to_picture(on_clock(whole, "audio", clock, rate), model.settings)
        errors.append(clock_error(clock_of(found, "audio"), clock, len(whole["video"][0]) / rate))
    detail = (
        f"{sizes.hours} files of {sizes.hour_parts * sizes.drift_seconds / 60:g} minutes, at feature level, with "
        f"{', '.join(f'{d:.0f}' for d in drifts)} ppm and an offset in ±2 s: mean error over each file, its median and "
        f"worst {max(errors):.3f} s"
    )
    return [row("row11b_drift_error_1_hour", quantile(errors), detail)]


def _with_break(model: EventDetector, data: Path, sizes: AlignmentSizes) -> list[Figure]:
    recipe = recipe_with(
        data, duration=(sizes.break_seconds,) * 2, break_chance=1.0, break_seconds=(BREAK, BREAK), offset=(0.0, 0.0)
    )
    hits, others, jumps, told = 0, 0, 0, 0
    for scene in encoded_scenes(model, recipe, sizes.break_files):
        found = align_to_picture(streams_of(model, scene), model.settings)
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
