"""Ctrl-C in a training run: the step at hand is finished and its state kept before the run stops."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def deferred_interrupts(on_press: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Gives a function that says whether Ctrl-C was pressed; pressed a second time, it interrupts as ever.

    Does nothing outside the main thread, where Python handles no signals, and where someone else handles this one.
    Where it is ignored, as in what scripts run in the background, SIGTERM may be answered as Ctrl-C is
    (:func:`avtext.cli.ending.tidy_termination`): that waits for the step's end, too.

    Args:
        on_press: called when it is pressed.
    """
    pressed = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            signal.default_int_handler(number, frame)
        pressed = True
        on_press()

    def pass_on(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, handle)
        if callable(answer_to_end):  # as it is where this function is the answer
            answer_to_end(number, frame)
        if not pressed:  # whoever answers SIGTERM made something else of it
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    ours = threading.current_thread() is threading.main_thread()
    before, answer_to_end = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    if ours and before is signal.default_int_handler:
        taken, answer = signal.SIGINT, handle
    elif ours and before is signal.SIG_IGN and callable(answer_to_end):
        taken, answer = signal.SIGTERM, pass_on
    else:
        yield lambda: False
        return
    others = signal.signal(taken, answer)
    try:
        yield lambda: pressed
    finally:
        signal.signal(taken, others)
        signal.signal(signal.SIGINT, before)
