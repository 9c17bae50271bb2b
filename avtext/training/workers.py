"""Batches made ahead by worker processes, in the order of their steps.

Executors rather than a ``DataLoader``: that one raises the death of a worker out of a signal handler, so at any line of
this process, in another library's destructor or after the run; here it comes where a batch is asked for. A torch batch
still travels as shared memory.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import Any, Protocol, TypeVar

import torch

from avtext.detection.workers import deaf
from avtext.errors import AvtextError
from avtext.kernels.threads import keep_to_one_thread

Made = TypeVar("Made", covariant=True)
_AHEAD = 3  # items for each worker


class Items(Protocol[Made]):
    """Makes item ``step``; can be pickled."""

    def __getitem__(self, step: int, /) -> Made:
        """The item."""
        ...


def made_ahead(items: Items[Made], steps: Iterable[int], workers: int) -> Generator[Made]:
    """``items[step]`` for each step, in order, made by ``workers`` processes that end when this iterator does.

    Args:
        items: what is made; sent to every worker once.
        steps: which of them.
        workers: processes, one thread each.

    Raises:
        AvtextError: a worker died.
        Exception: what making an item raised.
    """
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (items,))
    waiting: deque[Future[Made]] = deque()
    try:
        for step in steps:
            with deaf():
                waiting.append(pool.submit(_make, step))
            if len(waiting) > _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise AvtextError(
            "a worker process that makes batches died, perhaps for its memory: start again to go on from the last "
            "state, with fewer workers or a smaller batch_size",
            stage="train",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


_items: Items | None = None  # in a worker: what it makes


def _begin(items: Items) -> None:
    global _items
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # born deaf to it, and deaf still where a library unblocks it
    os.setpgid(0, 0)  # SIGTERM to the parent's group is the parent's, which needs these to finish its step
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    keep_to_one_thread()
    _items = items


def _make(step: int) -> Any:
    assert _items is not None  # workers begin with it
    return _items[step]


def _end_with_parent() -> None:
    """A parent that was killed asks for nothing more, and cannot say so."""
    parent = parent_process()
    assert parent is not None  # this is a worker
    parent.join()
    os._exit(1)
