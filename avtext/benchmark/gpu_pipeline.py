"""A video from file to events on the GPU, stage by stage: the default model, and a teacher of full size."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import torch

from avtext.benchmark.figures import Figure
from avtext.benchmark.gpu_device import GPUSizes, forget_peak, peak_mib, wait
from avtext.benchmark.pipeline_clips import make_video
from avtext.benchmark.pipeline_decode import decode_to_tensors
from avtext.benchmark.pipeline_teacher import detector
from avtext.pipeline import Pipeline


def measure(folder: Path, sizes: GPUSizes) -> Iterator[Figure]:
    """How many times faster than the video plays, and where the time goes.

    Args:
        folder: for the video.
        sizes: how much is measured.
    """
    video = make_video(folder / "a.mp4", sizes.seconds, sizes.height)
    mark = time.perf_counter()
    decode_to_tensors(video, 8)
    floor = time.perf_counter() - mark
    about = f"{sizes.seconds} s of {sizes.height}p30, decoded on the CPU; decoding alone {floor:.3g} s"
    teacher = Pipeline(detector({"audio": dict(sizes.audio), "video": dict(sizes.video)}), device=sizes.device)
    for name, pipe in (("student", Pipeline.from_pretrained(device=sizes.device)), ("teacher", teacher)):
        forget_peak(sizes.device)
        pipe(video, end=4.2)
        spent, stages = _stages(pipe, video, sizes)
        weights = "" if name == "student" else ", random weights"
        detail = f"{about}{weights}, bfloat16; {peak_mib(sizes.device):.0f} MiB of the GPU at most; " + ", ".join(
            f"{stage} {seconds:.3g} s" for stage, seconds in stages.items()
        )
        yield Figure(f"{name}_end_to_end", sizes.seconds / spent, "x real time", detail=detail)


def _stages(pipe: Pipeline, video: Path, sizes: GPUSizes) -> tuple[float, dict[str, float]]:
    """Seconds of a whole run and of its stages; reading includes encoding."""
    begun = time.perf_counter()
    marks = [begun]
    stages: dict[str, float] = {}

    def hook(step: str, artifact: object = None, *, file: str, total: float | None, completed: float) -> None:
        wait(sizes.device)
        marks.append(time.perf_counter())
        what = "read and encode" if step == "read" else step
        stages[what] = stages.get(what, 0.0) + marks[-1] - marks[-2]

    with torch.inference_mode():
        pipe(video, hook=hook)
    return time.perf_counter() - begun, stages
