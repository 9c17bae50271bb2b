"""What the GPU's figures share: their sizes, clocks, operations, and the rate of a large matrix product."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any, NamedTuple

import torch


class GPUSizes(NamedTuple):
    """How much is measured.

    Attributes:
        device: ``"cuda"``; tests take the CPU.
        side: of the matrix product that stands for the card's peak.
        rounds: timed calls of each kind.
        cases: cost matrices, chains and rows that are compared with the CPU.
        scenes: of which events are compared.
        seconds: of the video that is analysed.
        height: of the video's picture.
        windows: of each encoder, computed together.
        clip_seconds: of scenes and training clips.
        clips: scenes written as files, to train the teacher on.
        batch: clips of a training step.
        cached_steps, whole_steps: from cached features, and end to end.
        student_steps, student_batch: of the default model on scenes made meanwhile.
        workers: processes that make scenes.
        audio, video: settings of the encoders with random weights; empty for full size.
        text: settings of the sentence model with random weights.
    """

    device: str = "cuda"
    side: int = 8192
    rounds: int = 10
    cases: int = 100
    scenes: int = 12
    seconds: int = 60
    height: int = 720
    windows: int = 8
    clip_seconds: float = 16.0
    clips: int = 8
    batch: int = 8
    cached_steps: int = 200
    whole_steps: int = 24
    student_steps: int = 30
    student_batch: int = 32
    workers: int = 15
    audio: Mapping[str, Any] = {}
    video: Mapping[str, Any] = {}
    text: Mapping[str, Any] = {
        "model_type": "bert", "vocab_size": 30522, "hidden_size": 384, "num_hidden_layers": 6,
        "num_attention_heads": 12, "intermediate_size": 1536,
    }  # fmt: skip


FULL = GPUSizes()


def wait(device: str) -> None:
    """Until the device has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def seconds_of(call: Callable[[], object], sizes: GPUSizes) -> float:
    """The median time of a call, after three that do not count; a single one is timed at once."""
    for _ in range(3 if sizes.rounds > 1 else 0):
        call()
    times = []
    for _ in range(sizes.rounds):
        wait(sizes.device)
        mark = time.perf_counter()
        call()
        wait(sizes.device)
        times.append(time.perf_counter() - mark)
    return median(times)


def operations_of(call: Callable[[], object]) -> int:
    """Floating-point operations of a call's matrix products and convolutions, backward passes included."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def peak_rate(sizes: GPUSizes) -> float:
    """Operations per second of a large bfloat16 matrix product of random values, which stands for the card's peak."""
    a, b = (torch.randn(sizes.side, sizes.side, device=sizes.device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * sizes.side**3 / seconds_of(lambda: a @ b, sizes)


def peak_mib(device: str) -> float:
    """The most memory that was allocated since :func:`forget_peak`."""
    return torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else 0.0


def forget_peak(device: str) -> None:
    """Begin to look for the peak of memory anew."""
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
