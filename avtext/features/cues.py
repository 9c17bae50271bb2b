"""Cues on the grid: each one's vector on the steps it covers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from avtext.clip import Cue
from avtext.timeline import span_to_steps


def lay_cues(
    cues: Sequence[Cue], vectors: np.ndarray, rate: float, count: int, origin: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Each cue's vector on the steps it covers; their mean where cues overlap.

    Args:
        cues: timed text.
        vectors: one per cue, ``(cues, size)``.
        rate: steps per second.
        count: steps of the grid.
        origin: seconds at which step 0 begins.

    Returns:
        Values ``(count, size)`` float32, zero where no cue is, and the mask ``(count,)``.

    Example:
        >>> values, mask = lay_cues([Cue(0.0, 0.08, "a"), Cue(0.04, 0.12, "b")], np.array([[2.0], [4.0]]), 25.0, 4)
        >>> values[:, 0].tolist(), mask.tolist()
        ([2.0, 3.0, 4.0, 0.0], [True, True, True, False])
    """
    total = np.zeros((count, vectors.shape[1]), np.float32)
    speaking = np.zeros(count, np.int64)
    for cue, vector in zip(cues, vectors, strict=True):
        first, last = span_to_steps(cue.start, cue.end, rate, count, origin)
        total[first:last] += vector
        speaking[first:last] += 1
    return total / np.maximum(speaking, 1)[:, None].astype(np.float32), speaking > 0
