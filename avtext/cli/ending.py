"""SIGTERM, which ``timeout``, containers and schedulers send, ends a command as Ctrl-C does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 128 + signal.SIGINT  # exit codes, as a shell gives them
TERMINATED = 128 + signal.SIGTERM


@contextmanager
def tidy_termination() -> Iterator[Callable[[], bool]]:
    """Gives a function that says whether SIGTERM came: what Ctrl-C keeps or removes on its way out, it does too.

    By itself it ends Python on the spot: temporary files stay, and a training's steps since its last checkpoint are
    lost. Does nothing outside the main thread, where Python handles no signals.
    """
    heard = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        heard = True
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells have it for what runs in the background
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.raise_signal(signal.SIGINT)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGTERM, handle)
    try:
        yield lambda: heard
    finally:
        signal.signal(signal.SIGTERM, before)
