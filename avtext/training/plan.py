"""Which clips make up which step: a pure function of the seed and the step, so that a run can go on anywhere."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

import numpy as np

from avtext.data.sources import ClipSource
from avtext.model import Batch, collate
from avtext.tags import TagScheme
from avtext.training.workers import made_ahead


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
        passes = {place // count for place in places}
        order = {p: np.random.default_rng((self.seed, p)).permutation(count) for p in passes}
        return [int(order[place // count][place % count]) for place in places]

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
