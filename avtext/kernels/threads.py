"""How many threads the kernels share their work among, and two ways to share it.

They are plain threads around compiled loops that do not hold the interpreter: compiling for numba's own parallel loops
takes longer than most calls save.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numba import config

from avtext.kernels.blas import controller, one_blas_thread

Task = TypeVar("Task")
Result = TypeVar("Result")

PART = 2**16  # cells that are worth a part of their own; about half a MiB, what a core's cache holds


def num_threads() -> int:
    """One per core that this process may use, or what the environment variable ``NUMBA_NUM_THREADS`` says."""
    return int(config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]  # set when numba reads the environment


def keep_to_one_thread() -> None:
    """From now on neither the kernels nor BLAS of this process share work: for one of many worker processes."""
    config.NUMBA_NUM_THREADS = 1  # type: ignore[attr-defined]
    controller().limit(limits=1)


def in_parts(run: Callable[[slice], Result], cells: np.ndarray) -> list[Result]:
    """Call ``run`` on consecutive rows of about equal work, in several threads; results in the order of the rows.

    The parts depend on the cells alone, so that sums over them do not depend on the number of threads.

    Args:
        run: takes a slice of the rows.
        cells: ``(N,)`` work of each row.

    Example:
        >>> in_parts(lambda rows: (rows.start, rows.stop), np.array([PART, PART // 2, PART // 2, PART]))
        [(0, 1), (1, 3), (3, 4)]
    """
    total = int(np.sum(cells))
    if total < 2 * PART:
        return [run(slice(0, len(cells)))]
    marks = np.arange(1, total // PART) * PART
    edges = np.unique([0, *(np.searchsorted(np.cumsum(cells), marks) + 1), len(cells)]).tolist()
    parts = [slice(first, last) for first, last in pairwise(edges)]
    threads = min(num_threads(), len(parts))
    if threads < 2:
        return [run(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, parts))


def in_order(
    tasks: Sequence[Task], prepare: Callable[[int, Task], object], finish: Callable[[int, Task], object], threads: int
) -> None:
    """Prepare tasks in several threads at once, and finish each after the one before it is finished.

    Both functions are called with a place, 0 to ``threads - 1``, that no other task uses meanwhile, and the task.
    Matrix products of several tasks each have one thread of their own: two products that share two threads wait for
    each other.

    Example:
        >>> done = []
        >>> in_order("abc", lambda place, task: None, lambda place, task: done.append(task), threads=2)
        >>> done
        ['a', 'b', 'c']
    """

    def run(place: int, task: Task, before: Future[None] | None) -> None:
        prepare(place, task)
        if before is not None:
            before.result()
        finish(place, task)

    if min(threads, len(tasks)) < 2:
        for task in tasks:
            run(0, task, None)
        return
    with one_blas_thread(), ThreadPoolExecutor(threads) as pool:
        last = None
        for k, task in enumerate(tasks):  # tasks end in order, so the one that had this place before has ended
            last = pool.submit(run, k % threads, task, last)
    if last is not None:
        last.result()
