"""Many clips of mixed length: encoded in groups of similar length, against batches of a fixed size as they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from avtext.benchmark.figures import Figure
from avtext.benchmark.pipeline_limits import PipelineSizes, row
from avtext.benchmark.pipeline_student import first_seconds, whole_clip
from avtext.benchmark.timing import take_turns
from avtext.clip import Clip
from avtext.detection import Result
from avtext.detection.grouping import groups_by_length
from avtext.detection.reading import ClipReading
from avtext.runtime import Runtime

FIXED = 8  # clips in a batch of fixed size
BUDGET = 60.0  # seconds of padded video in a group


def measure(folder: Path, video: Path, sizes: PipelineSizes) -> Iterator[Figure]:
    """Row 7.

    Args:
        folder: of the default model for the runtime.
        video: the clips are its beginnings, decoded before.
        sizes: how many clips, and rounds.
    """
    runtime = Runtime(folder, align=False)
    clips = mixed_clips(whole_clip(runtime, video), sizes.clips)
    lengths = [clip.duration for clip in clips]
    dynamic = groups_by_length(lengths, BUDGET)
    fixed = [list(range(first, min(first + FIXED, len(clips)))) for first in range(0, len(clips), FIXED)]
    turns = take_turns(lambda: found(runtime, clips, dynamic), lambda: found(runtime, clips, fixed), sizes.rounds)
    padded = [sum(max(lengths[i] for i in group) * len(group) for group in groups) for groups in (dynamic, fixed)]
    detail = (
        f"{len(clips)} clips of {min(lengths):.1f} to {max(lengths):.1f} s, decoded before, ONNX Runtime; "
        f"{len(dynamic)} groups of at most {BUDGET:g} s ({padded[0]:.0f} s with padding) against {len(fixed)} batches "
        f"of {FIXED} ({padded[1]:.0f} s); {turns.describe('fixed', 'dynamic')}"
    )
    yield row("row07a_dynamic_against_fixed_batches", turns.speedup, detail)
    together, alone = found(runtime, clips, dynamic), found(runtime, clips, [[i] for i in range(len(clips))])
    others = sum(not same_events(a, b) for a, b in zip(together, alone, strict=True))
    detail = f"clips whose events differ from the {sum(len(one.events) for one in alone)} found one by one"
    yield row("row07b_dynamic_batches_other_events", others, detail)


def mixed_clips(clip: Clip, count: int) -> list[Clip]:
    """So many beginnings of a clip: most of them short, a few nearly whole, as lengths of files are."""
    rng = np.random.default_rng(0)
    seconds = (2.0 * np.exp(rng.exponential(1.0, count))).clip(max=clip.duration)
    return [first_seconds(clip, round(float(length) * 8) / 8) for length in seconds]


def found(runtime: Runtime, clips: Sequence[Clip], groups: Sequence[Sequence[int]]) -> list[Result]:
    """Results of all clips, encoded in these groups."""
    results: dict[int, Result] = {}
    for group in groups:
        videos = [(ClipReading(clips[i], runtime.network.encoders), clips[i], None) for i in group]
        results.update(zip(group, runtime.found_together(videos), strict=True))
    return [results[i] for i in range(len(clips))]


def same_events(one: Result, other: Result) -> bool:
    """Whether two results have the same events: to a grid step, and scores to 1e-3."""
    if len(one.events) != len(other.events):
        return False
    return all(
        a.label == b.label
        and max(abs(a.start - b.start), abs(a.end - b.end)) <= 0.0401
        and abs(a.score - b.score) <= 1e-3
        for a, b in zip(one.events, other.events, strict=True)
    )
