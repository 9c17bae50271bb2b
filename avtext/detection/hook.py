"""How callers are told the progress of a detection."""

from __future__ import annotations

from typing import Any, Protocol


class Hook(Protocol):
    """Told how far a step has come: ``hook(step, artifact, file=…, total=…, completed=…)``.

    ``step`` is ``"read"``, ``"align"``, ``"fuse"`` or ``"decode"``; ``total`` and ``completed`` are seconds of the
    video, ``total`` None where the file does not say how long it is.
    """

    def __call__(self, step: str, artifact: Any = None, *, file: str, total: float | None, completed: float) -> None:
        """Receive a step."""
        ...


def silent(step: str, artifact: Any = None, *, file: str, total: float | None, completed: float) -> None:
    """A :class:`Hook` that nobody listens to."""
