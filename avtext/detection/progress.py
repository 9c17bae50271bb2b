"""Progress on a terminal: :class:`ProgressHook`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avtext.media.opening import shown

if TYPE_CHECKING:
    from rich.progress import TaskID

WORDS = {"read": "reading", "align": "aligning", "fuse": "fusing", "decode": "done"}
MOST = 10  # bars: a screen hides the newest of more than it holds, and drawing takes a core from some hundreds on


class ProgressHook:
    """Draws how far each of the last ten files has come, on standard error where that is a terminal; silent elsewhere.

    Args:
        transient: whether the bars go away at the end.

    Example:
        >>> from avtext import Pipeline
        >>> from avtext.data.scenes import SceneRecipe, make_scene
        >>> pipe = Pipeline.from_pretrained()
        >>> with ProgressHook() as hook:
        ...     result = pipe(make_scene(SceneRecipe(duration=(4.0, 4.0)), 3), hook=hook)
        >>> round(result.duration)
        4
    """

    def __init__(self, transient: bool = False) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[stage]}"),
            TimeElapsedColumn(),
        )
        console = Console(stderr=True)
        watched = sys.stderr is not None and sys.stderr.isatty()  # None where a service has closed it
        self._progress = Progress(*columns, console=console, transient=transient, disable=not watched)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> ProgressHook:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def expect(self, file: str) -> None:
        """Show ``file`` before the first is known of it."""
        self._task(file)

    def _task(self, file: str) -> TaskID:
        key = shown(file)  # the whole path, of which the name alone is drawn: files of two folders may share one
        if key not in self._tasks:
            if len(self._tasks) == MOST:
                self._progress.remove_task(self._tasks.pop(next(iter(self._tasks))))  # the oldest
            self._tasks[key] = self._progress.add_task(shown(Path(file).name), total=None, stage="opening")
        return self._tasks[key]

    def __call__(
        self, step: str, artifact: Any = None, *, file: str, total: float | None = None, completed: float = 0.0
    ) -> None:
        """A :class:`avtext.detection.hook.Hook`."""
        done = min(completed, total or completed)
        self._progress.update(self._task(file), total=total, completed=done, stage=WORDS.get(step, step))
