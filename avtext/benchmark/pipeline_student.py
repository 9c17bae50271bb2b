"""The default model without torch: end to end, alone, a second time, and on ten times the length."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from avtext.benchmark.figures import Figure
from avtext.benchmark.pipeline_child import spent
from avtext.benchmark.pipeline_decode import decode_to_tensors
from avtext.benchmark.pipeline_limits import PipelineSizes, row
from avtext.benchmark.timing import take_turns, timed
from avtext.clip import Clip, Stream
from avtext.features import reading_for
from avtext.media import MediaReader
from avtext.runtime import Runtime

STEPS = ("read", "align", "fuse", "decode")


def measure(folder: Path, short: Path, long: Path, sizes: PipelineSizes) -> Iterator[Figure]:
    """Rows 3, 4, 8 and 11, and the time of each stage.

    Args:
        folder: of the default model for the runtime.
        short, long: videos of ``sizes.short`` and ``sizes.long`` seconds.
        sizes: how much is measured.
    """
    runtime = Runtime(folder)
    about = f"ONNX Runtime, float32, {sizes.short} s of {sizes.height}p30; CPU without that of the decoder's process"
    turns = take_turns(lambda: runtime(short), lambda: decode_to_tensors(short, 8), sizes.rounds)
    detail = f"{about}; {turns.describe('decoding to tensors at 8 fps', 'end to end')}"
    yield row("row03_student_against_decoding", 1 / turns.speedup, detail)
    yield Figure("student_real_time", sizes.short / turns.ours.wall, "x real time", detail=detail)
    clip = whole_clip(runtime, short)
    alone = take_turns(lambda: runtime(clip), lambda: None, sizes.rounds)
    detail = f"{about}, frames decoded before; {alone.describe('nothing')}"
    yield row("row04_student_compute", clip.duration / alone.ours.wall, detail)
    yield from _stages(runtime, clip)
    yield _second_run(folder, short)
    little, much = (spent(student, str(folder), str(video)) for video in (short, long))
    detail = f"{sizes.long} s against {sizes.short} s, a process each: {much}; {little}"
    yield row("row11a_time_of_ten_times_the_length", much.time.wall / little.time.wall, detail)
    yield row("row11b_memory_of_ten_times_the_length", much.peak / little.peak, detail)


def whole_clip(runtime: Runtime, video: Path) -> Clip:
    """A video in memory as one window, as the runtime's encoders take it."""
    with MediaReader(video, reading_for(runtime.network.encoders, window=3600.0, overlap=0.0)) as reader:
        return next(iter(reader))


def first_seconds(clip: Clip, seconds: float) -> Clip:
    """The beginning of a clip."""
    cut = {
        name: replace(stream, values=stream.values[:count], mask=stream.real[:count])
        for name in ("audio", "video", "picture")
        if isinstance(stream := getattr(clip, name), Stream) and (count := round(seconds * stream.rate))
    }
    return replace(clip, duration=seconds, **cut)  # type: ignore[arg-type]


def student(folder: str, video: str) -> Callable[[], object]:
    """The runtime, loaded and warm; returns what finds events in a video."""
    runtime = Runtime(folder)
    runtime(video, end=4.0)
    return lambda: runtime(video)


def _stages(runtime: Runtime, clip: Clip) -> Iterator[Figure]:
    """Seconds from the end of one stage to the end of the next; reading includes encoding."""
    import time

    marks = [time.perf_counter()]

    def hook(step: str, artifact: object = None, *, file: str, total: float | None, completed: float) -> None:
        marks.append(time.perf_counter())

    runtime(clip, hook=hook)
    for step, begin, end in zip(STEPS, marks, marks[1:], strict=False):
        what = "encode" if step == "read" else step
        yield Figure(f"stage_{what}", end - begin, "s", detail=f"{clip.duration:g} s of video, frames decoded before")


def _second_run(folder: Path, video: Path) -> Figure:
    """The same video again with another threshold, in the same process; the first time it is kept."""
    with tempfile.TemporaryDirectory() as cache:
        runtime = Runtime(folder, cache=cache)
        runtime(video, end=4.0)
        first = timed(lambda: runtime(video))
        runtime.threshold = 0.5
        second = timed(lambda: runtime(video))
    detail = f"first {first}, kept; then with another threshold {second}"
    return row("row08_second_run_on_a_cached_video", first.wall / second.wall, detail)
