"""How sure a score of event F1 is: what it would be for most other choices of files."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from avtext.metrics.bootstrap import interval_of_counts
from avtext.metrics.rates import rates_from_counts
from avtext.training.evaluation import Found

LEVEL = 0.95


def resampled(score: Callable[..., float], *found: Found, decimals: int = 3) -> str:
    """The percentile interval of a score of one or more event F1, in words; files are resampled (Efron 1979).

    Args:
        score: from the micro F1 of each of ``found`` to a number, such as their difference in points.
        found: of the same files: a resample has the same files of each, so that what all share cancels.
        decimals: of the ends.

    Example:
        >>> from avtext.clip import Event
        >>> truth = {f"{k}.mp4": [Event(0.0, 1.0, "bell")] for k in range(8)}
        >>> half = {name: events if name < "4" else () for name, events in truth.items()}
        >>> resampled(points, Found(truth, truth), Found(truth, half), decimals=0)
        '95 % of resampled files: 7 to 78'
    """
    counts = np.stack([one.counts() for one in found], axis=1)  # files, found, (reference, estimate, correct)

    def of(total: np.ndarray) -> float:
        rates = [rates_from_counts(*row).f1 for row in total.tolist()]
        return score(*(0.0 if math.isnan(f1) else f1 for f1 in rates))

    interval = interval_of_counts(counts, of, level=LEVEL)
    return f"{100 * LEVEL:g} % of resampled files: {interval.low:.{decimals}f} to {interval.high:.{decimals}f}"


def points(one: float, other: float) -> float:
    """How many points of F1 ``one`` is over ``other``."""
    return 100 * (one - other)
