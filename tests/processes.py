"""Other processes: whether they have ended, and one that holds a folder."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from avtext.storage import held


@contextmanager
def holder_of(folder: Path) -> Iterator[None]:
    """A process that holds ``folder`` and is killed in the end; a worker that it has begun lives on for a while."""
    ready, told = os.pipe()
    child = os.fork()
    if not child:
        with held(folder):
            if not os.fork():
                time.sleep(3.0)
                os._exit(0)
            os.write(told, b"!")
            signal.pause()
    assert os.read(ready, 1) == b"!"
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def wait_for_end(number: int, seconds: float = 30.0) -> None:
    """Until the process is gone, or a zombie that only waits to be buried by whoever adopted it.

    Raises:
        AssertionError: it is still there after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while _is_running(number):
        assert time.monotonic() < deadline, f"process {number} outlived its parent"
        time.sleep(0.02)


def _is_running(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
