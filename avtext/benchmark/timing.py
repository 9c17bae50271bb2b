"""Timing two things in turn, and calls in processes of their own: what every speed figure here is measured with."""

from __future__ import annotations

import gc
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from avtext.benchmark.figures import other_load
from avtext.errors import MissingExtra

LONGEST = 600.0  # seconds of a process that is not waited for


class Timing(NamedTuple):
    """Median seconds of a call: by the clock, and of CPU time over all threads."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.4g} s (CPU {self.cpu:.4g} s)"


class Turns(NamedTuple):
    """What two calls took, timed in turn.

    Attributes:
        ours: the first of the two.
        theirs: the second.
        rounds: how often each was timed.
        load: what other processes did meanwhile, in words.
    """

    ours: Timing
    theirs: Timing
    rounds: int
    load: str

    @property
    def speedup(self) -> float:
        """How many times faster ours is, by the clock."""
        return self.theirs.wall / self.ours.wall

    def describe(self, theirs: str, ours: str = "ours") -> str:
        """Both times, how they were taken and what else was going on."""
        return f"{ours} {self.ours}, {theirs} {self.theirs}; medians of {self.rounds} in turn; {self.load}"


def take_turns(ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 5) -> Turns:
    """Time two calls A B A B …, after one of each that does not count; a single round, which shows no more than that
    both can be timed, has none.

    Args:
        ours: A.
        theirs: B.
        rounds: timed calls of each.

    Example:
        >>> turns = take_turns(lambda: None, lambda: time.sleep(0.01), rounds=3)
        >>> turns.speedup > 1 and turns.theirs.wall >= 0.01
        True
    """
    if rounds > 1:
        ours()
        theirs()
    return alternate(lambda: timed(ours), lambda: timed(theirs), rounds)


def alternate(ours: Callable[[], Timing], theirs: Callable[[], Timing], rounds: int) -> Turns:
    """Medians of two measurements that are made A B A B …

    What exists before is left out of garbage collection meanwhile: in a process that holds much, a look through all of
    it takes longer than many calls.
    """
    bystanders = Bystanders()
    gc.collect()
    gc.freeze()
    try:
        taken = [(ours(), theirs()) for _ in range(rounds)]
    finally:
        gc.unfreeze()
    first, second = (
        Timing(median(one.wall for one in times), median(one.cpu for one in times))
        for times in zip(*taken, strict=True)
    )
    return Turns(first, second, rounds, bystanders.describe())


def timed(call: Callable[[], object]) -> Timing:
    """What one call takes, without what the call before it left behind."""
    _settle()
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu)


def _settle() -> None:
    """Collect garbage, and let the C library merge small pieces of memory, as it does at the next large one.

    After a call that leaves many pieces this takes up to a millisecond, which the other call would pay.
    """
    gc.collect()
    bytearray(2**20)


class Bystanders:
    """What other processes did on this machine since this was made.

    Example:
        >>> Bystanders().describe().endswith(other_load())
        True
    """

    def __init__(self) -> None:
        """Begin."""
        self._clock, self._busy, self._own = time.perf_counter(), _busy_seconds(), own_seconds()

    def describe(self) -> str:
        """Cores that others kept busy, where the system tells, and the load average (which counts us too)."""
        busy = _busy_seconds()
        if busy is None or self._busy is None:
            return other_load()
        others = busy - self._busy - (own_seconds() - self._own)
        cores = max(0.0, others) / max(time.perf_counter() - self._clock, 0.01)
        return f"others {cores:.2f} cores, {other_load()}"


def _busy_seconds() -> float | None:
    """CPU seconds of all processes since the machine began."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return None
    user, nice, system, _idle, _wait, interrupt, soft, steal = map(int, stat.read_text().split()[1:9])
    return (user + nice + system + interrupt + soft + steal) / os.sysconf("SC_CLK_TCK")


def own_seconds() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Small tensor operations run faster on one thread; what was set before comes back afterwards."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def require(module: str, package: str) -> None:
    """Refuse to begin without a peer.

    Raises:
        MissingExtra: ``module``, which ``package`` of the extra ``bench`` brings, is not installed.
    """
    if importlib.util.find_spec(module) is None:
        raise MissingExtra.of(package, "bench")


def first_call(code: str) -> Timing:
    """From the start of a new process to the end of ``code``, imports and compilation included.

    numba's cache on disk is an empty folder of its own.
    """
    with tempfile.TemporaryDirectory() as cache:
        start = time.monotonic()
        done = run_code(
            f"{code}\nimport time\nprint(time.monotonic(), time.process_time())", {"NUMBA_CACHE_DIR": cache}
        )
        end, cpu = map(float, done.split())
        return Timing(end - start, cpu)


def resident(kind: str = "VmHWM") -> float:
    """MiB that this process has held at most, or with ``"VmRSS"`` holds now; ``ru_maxrss`` would begin at the parent's.

    Needs Linux's ``/proc``.
    """
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind)) / 1024


# Writing 5 sets the peak back to what is held now.
_PEAK = """
import gc
from pathlib import Path
from avtext.benchmark.timing import resident
{setup}
call(small)
gc.collect()
Path("/proc/self/clear_refs").write_text("5")
before = resident("VmRSS")
result = call(large)
print(resident() - before)
"""


def peak_extra_memory(setup: str) -> float | None:
    """MiB that a call holds at its peak beyond what the process held before, in a new process.

    Args:
        setup: code that defines a function ``call`` and its arguments ``small`` (called first, so that neither
            imports nor compilation count) and ``large``.

    Returns:
        None where the system does not tell (it needs Linux's ``/proc``).
    """
    return float(run_code(_PEAK.format(setup=setup))) if Path("/proc/self/clear_refs").exists() else None


def run_code(code: str, environment: Mapping[str, str] | None = None, *, patient: bool = False) -> str:
    """The last line that ``code`` prints in a new process, which ends within ``LONGEST`` where it is not waited for."""
    variables = {**os.environ, **(environment or {})}
    out = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=variables,
        timeout=None if patient else LONGEST,
    )
    return out.stdout.splitlines()[-1]
