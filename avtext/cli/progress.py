"""Progress on a terminal, silence when piped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

WORDS = {"read": "reading", "align": "aligning", "fuse": "understanding", "decode": "done"}


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
def progress_hook(name: str) -> Iterator[Any]:
    """A hook for :class:`avtext.pipeline.Pipeline` that draws a bar on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from avtext.cli.tables import plain

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[stage]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(plain(name), total=None, stage="opening")

        def hook(step: str, artifact: Any = None, *, file: str, total: float | None, completed: float) -> None:
            bar.update(task, total=total, completed=min(completed, total or completed), stage=WORDS.get(step, step))

        yield hook
