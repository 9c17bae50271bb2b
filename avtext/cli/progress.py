"""Progress on a terminal, silence when piped."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.status import Status

    from avtext.detection import Hook


logger = logging.getLogger(__name__)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Says ``what`` takes its time where a terminal is watched, and takes it back."""
    shown = f"{what} ..." if sys.stderr.isatty() else ""
    sys.stderr.write(shown)
    sys.stderr.flush()
    try:
        yield
    finally:
        sys.stderr.write("\r" + " " * len(shown) + "\r" if shown else "")


@contextmanager
def progress_hook(file: Path) -> Iterator[Hook | None]:
    """A hook for ``file``: draws a bar on standard error where that is a terminal, logs steps for ``-v``; or None."""
    if logger.isEnabledFor(logging.INFO):
        yield _log_step
        return
    if not sys.stderr.isatty():
        yield None
        return

    from avtext.detection.progress import ProgressHook

    with ProgressHook(transient=True) as hook:
        hook.expect(str(file))
        yield hook


def _log_step(step: str, artifact: Any = None, *, file: str, total: float | None, completed: float) -> None:
    logger.info("%s: %s: %.1f of %s s", file, step, completed, "?" if total is None else f"{total:.1f}")


class Counter:
    """Says which of several files is worked on, on one line of a terminal; a hook ``counter(number, count, path)``.

    Args:
        what: is done to them.
        piped: whether to print a line each where the output is piped.
    """

    def __init__(self, what: str, piped: bool = False) -> None:
        self._what, self._piped = what, piped
        self._status: Status | None = None

    def __enter__(self) -> Counter:
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status(self._what)
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, number: int, count: int, path: str) -> None:
        """Say it."""
        from rich.text import Text

        from avtext.media.opening import shown

        line = shown(f"{self._what} {number}/{count} {path}")
        if self._status is not None:
            self._status.update(Text(line))
        elif self._piped:
            sys.stderr.write(line + "\n")
