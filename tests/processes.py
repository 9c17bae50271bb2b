"""Whether other processes have ended."""

from __future__ import annotations

import time
from pathlib import Path


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
