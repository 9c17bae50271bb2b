"""One call in a process of its own: its time, its CPU time with that of its children, and the peak of its memory."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from avtext.benchmark.timing import Bystanders, Timing, own_seconds, resident, run_code

_CODE = """
from avtext.benchmark import pipeline_child
from {module} import {function}
pipeline_child.tell({function}(*{arguments!r}))
"""


class Spent(NamedTuple):
    """What a call took once everything was loaded, the process's peak of resident MiB, and other load in words."""

    time: Timing
    peak: float
    load: str

    def __str__(self) -> str:
        return f"{self.time}, peak {self.peak:.0f} MiB; {self.load}"


def spent(make: Callable[..., Callable[[], object]], *arguments: Any) -> Spent:
    """What the call that ``make(*arguments)`` returns takes in a new process; making it does not count as time.

    Args:
        make: a function of a module.
        arguments: plain values.
    """
    bystanders = Bystanders()
    code = _CODE.format(module=make.__module__, function=make.__name__, arguments=arguments)
    wall, cpu, peak = json.loads(run_code(code))
    return Spent(Timing(wall, cpu), peak, bystanders.describe())


def tell(call: Callable[[], object]) -> None:
    """Print seconds, CPU seconds and the peak of resident MiB of a call, as JSON."""
    before = own_seconds()
    mark = time.perf_counter()
    call()
    wall = time.perf_counter() - mark
    print(json.dumps([wall, own_seconds() - before, resident()]))
