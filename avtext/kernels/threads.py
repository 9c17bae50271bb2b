"""How many threads the kernels share their work among.

They are plain threads around compiled loops that hold no lock: compiling for numba's own parallel loops takes longer
than most calls save.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from numba import config

Task = TypeVar("Task")


def num_threads() -> int:
    """One per core that this process may use, or what the environment variable ``NUMBA_NUM_THREADS`` says."""
    return int(config.NUMBA_NUM_THREADS)


def in_order(
    tasks: Sequence[Task], prepare: Callable[[int, Task], object], finish: Callable[[int, Task], object], threads: int
) -> None:
    """Prepare tasks in several threads at once, and finish each after the one before it is finished.

    Both functions are called with a place, 0 to ``threads - 1``, that no other task uses meanwhile, and the task.

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
    with ThreadPoolExecutor(threads) as pool:
        last = None
        for k, task in enumerate(tasks):  # tasks end in order, so the one that had this place before has ended
            last = pool.submit(run, k % threads, task, last)
    if last is not None:
        last.result()
