"""What a child process of a test does; a module, so that the child can import it."""

from __future__ import annotations

from collections.abc import Callable


def holder(megabytes: int) -> Callable[[], int]:
    """Holds so much memory when called."""
    return lambda: len(bytearray(megabytes << 20))
