"""Which clips make up which step: a pure function of the seed and the step, so that a run can go on anywhere."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from avtext.data.sources import ClipSource
from avtext.errors import AvtextError
from avtext.kernels.threads import keep_to_one_thread
from avtext.model import Batch, collate
from avtext.tags import TagScheme


class StepBatches(Dataset):
    """Dataset whose item ``step`` is the batch of that step, for one of ``world`` processes.

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


@contextmanager
def watched_workers() -> Iterator[None]:
    """While worker processes make batches: the death of one, which is noticed at any moment, is a typed error.

    Raises:
        AvtextError: a worker died.
    """
    try:
        yield
    except (RuntimeError, ConnectionError, EOFError) as error:  # the latter two: it died while it handed over a batch
        if isinstance(error, RuntimeError) and not str(error).startswith("DataLoader worker (pid"):
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise AvtextError(
            f"a worker process that makes batches died ({reason}), perhaps for its memory: start "
            "again to go on from the last state, with fewer workers or a smaller batch_size",
            stage="train",
        ) from error


def _begin(_: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of a terminal's processes; the run's own decides
    torch.set_num_threads(1)
    keep_to_one_thread()


def batches(dataset: StepBatches, steps: range, workers: int, pinned: bool = False) -> Iterator[Batch]:
    """Batches of the given steps in order, made ahead by ``workers`` processes (0: in this one).

    Args:
        dataset: what the batches are.
        steps: which of them.
        workers: processes.
        pinned: in memory that a GPU copies from by itself.
    """
    loader = DataLoader(
        dataset,
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        worker_init_fn=_begin,
        multiprocessing_context="spawn" if workers else None,
        prefetch_factor=3 if workers else None,
        pin_memory=pinned,
    )
    yield from loader
