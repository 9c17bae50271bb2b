"""What an epoch of a run costs: clips per second, memory, and how long it waits for data."""

from __future__ import annotations

import resource
import sys
from typing import NamedTuple

import torch


class EpochCost(NamedTuple):
    """The cost of one pass over the training clips, as this process measured it.

    ``clips_per_second`` of all processes together; ``epoch_seconds`` for every clip once; ``peak_mib`` the most memory
    that was held, of the GPU where there is one, else of this process; ``wait_share`` of the steps' time in which no
    batch was ready, in [0, 1]. Evaluations and checkpoints count for neither.
    """

    clips_per_second: float
    epoch_seconds: float
    peak_mib: float
    wait_share: float

    def __str__(self) -> str:
        return (
            f"{self.clips_per_second:.3g} clips/s, an epoch in {self.epoch_seconds:.0f} s, {self.peak_mib:.0f} MiB at "
            f"most, {100 * self.wait_share:.0f} % of it waiting for data"
        )


class CostMeter:
    """Adds up the steps of a run.

    The first step is left out where others follow: it waits for workers to start and for first allocations.

    Args:
        clips_per_step: of all processes together.
        clips: in an epoch.

    Example:
        >>> meter = CostMeter(clips_per_step=8, clips=100)
        >>> for seconds, waited in ((9.0, 8.0), (2.0, 0.1), (2.0, 0.3)):
        ...     meter.add(seconds, waited)
        >>> cost = meter.cost()
        >>> cost.clips_per_second, cost.epoch_seconds, cost.wait_share
        (4.0, 25.0, 0.1)
    """

    def __init__(self, clips_per_step: int, clips: int) -> None:
        self._clips_per_step, self._clips = clips_per_step, clips
        self._steps: list[tuple[float, float]] = []

    def add(self, seconds: float, waited: float) -> None:
        """One step's time, and how much of it was spent waiting for its batch."""
        self._steps.append((seconds, waited))

    def cost(self) -> EpochCost | None:
        """Of an epoch at the mean of the steps so far; None where there was none."""
        steps = self._steps[1:] or self._steps
        if not steps:
            return None
        seconds, waited = (sum(column) for column in zip(*steps, strict=True))
        rate = len(steps) * self._clips_per_step / seconds
        return EpochCost(rate, self._clips / rate, peak_mib(), waited / seconds)


def peak_mib() -> float:
    """The most memory so far: allocated on the GPU where one was used, else resident in this process."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated() > 0:
        return torch.cuda.max_memory_allocated() / 2**20
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss counts bytes there
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
