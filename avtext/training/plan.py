"""Which clips make up which step: a pure function of the seed and the step, so that a run can go on anywhere."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from functools import lru_cache

import numpy as np

from avtext.data.sources import ClipSource
from avtext.model import Batch, collate
from avtext.tags import TagScheme
from avtext.training.workers import made_ahead


def seed_of(*words: int) -> int:
    """One seed for torch from whole numbers, such as a run's seed, a step and a process; the same on every machine.

    Example:
        >>> seed_of(1, 2) == seed_of(1, 2) != seed_of(2, 1)
        True
    """
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0])


@lru_cache(maxsize=2)  # a step lies in one pass, or across two
def _pass(seed: int, number: int, count: int) -> np.ndarray:
    """The order in which a pass takes the clips."""
    return np.random.default_rng((seed, number)).permutation(count)


class StepBatches:
    """Item ``step`` is the batch of that step, for one of ``world`` processes.

    Each pass over the source is a new permutation of it.
    """

    def __init__(
        self,
        source: ClipSource,
        scheme: TagScheme,
        grid_rate: float,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.source, self.scheme, self.grid_rate = source, scheme, grid_rate
        self.batch_size, self.seed, self.rank, self.world = batch_size, seed, rank, world

    def indices(self, step: int) -> list[int]:
        """Clip numbers of this process's share of ``step``."""
        count = len(self.source)
        first = (step * self.world + self.rank) * self.batch_size
        places = range(first, first + self.batch_size)
        return [int(_pass(self.seed, place // count, count)[place % count]) for place in places]

    def __getitem__(self, step: int) -> Batch:
        return collate([self.source[i] for i in self.indices(step)], self.scheme, self.grid_rate)


def batches(dataset: StepBatches, steps: range, workers: int, pinned: bool = False) -> Generator[Batch]:
    """Batches of the given steps in order, made ahead by ``workers`` processes (0: in this one).

    Args:
        dataset: what the batches are.
        steps: which of them.
        workers: processes.
        pinned: in memory that a GPU copies from by itself.

    Raises:
        AvtextError: a worker died.
    """
    made = made_ahead(dataset, steps, workers) if workers else (dataset[step] for step in steps)
    with closing(made):
        for batch in made:
            yield batch.pin_memory() if pinned else batch
