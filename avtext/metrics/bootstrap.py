"""How sure a score is: intervals from resampling the files (Efron 1979)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from avtext.errors import InvalidInput
from avtext.metrics.columns import EventsByFile, check_events, file_names


class Interval(NamedTuple):
    """A score and the range in which it would fall for most other choices of files.

    Args:
        value: on the files as they are.
        low: lower end; NaN where no resample had a score.
        high: upper end; NaN likewise.
    """

    value: float
    low: float
    high: float


def interval_of(
    metric: Callable[[EventsByFile, EventsByFile], float],
    reference: EventsByFile,
    estimate: EventsByFile,
    *,
    num_samples: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The percentile interval of any score; computes it anew for every resample.

    Where the score comes from counts that add up over files, :func:`interval_of_counts` is much faster.

    Args:
        metric: from reference and estimate to a number.
        reference: file name to true events.
        estimate: file name to estimated events.
        num_samples: resamples, positive.
        level: share of resamples inside, in (0, 1).
        seed: of the resampling; the same seed gives the same interval.

    Raises:
        InvalidInput: a level or a number of samples out of range, no files, or events that are not a mapping.

    Example:
        >>> from avtext.clip import Event
        >>> truth = {"a": [Event(0, 1, "x")], "b": [Event(0, 1, "x")]}
        >>> def found(reference, estimate):
        ...     return float(sum(len(events) for events in estimate.values()))
        >>> interval_of(found, truth, {"a": truth["a"]}, num_samples=50)
        Interval(value=1.0, low=0.0, high=2.0)
    """
    check_events("reference", reference)
    check_events("estimate", estimate)
    files = file_names(reference, estimate)
    _check(num_samples, level, len(files))
    generator = np.random.default_rng(seed)
    values = []
    for _ in range(num_samples):
        # One file may be drawn twice: it then counts as two files.
        drawn = [(f"{k} {files[pick]}", files[pick]) for k, pick in enumerate(_draw(generator, len(files)))]
        values.append(
            metric(
                {key: reference.get(file, ()) for key, file in drawn},
                {key: estimate.get(file, ()) for key, file in drawn},
            )
        )
    return _interval(metric(reference, estimate), values, level)


def interval_of_counts(
    counts: np.ndarray,
    score: Callable[[np.ndarray], float],
    *,
    num_samples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The percentile interval of a score of counts that add up over files.

    Args:
        counts: ``(files, ...)``.
        score: from the sum over files ``(...)`` to a number; NaN where it is not defined.
        num_samples: resamples, positive.
        level: share of resamples inside, in (0, 1).
        seed: of the resampling.

    Raises:
        InvalidInput: a level or a number of samples out of range, or no files.

    Example:
        >>> hits_of_total = np.array([[1, 1], [0, 1], [1, 1], [1, 1]])
        >>> interval_of_counts(hits_of_total, lambda total: float(total[0] / total[1]))
        Interval(value=0.75, low=0.25, high=1.0)
    """
    _check(num_samples, level, len(counts))
    generator = np.random.default_rng(seed)
    flat = counts.reshape(len(counts), -1)
    values = []
    for _ in range(num_samples):
        times = np.bincount(_draw(generator, len(counts)), minlength=len(counts))
        values.append(score((times @ flat).reshape(counts.shape[1:])))
    return _interval(score(counts.sum(axis=0)), values, level)


def _check(num_samples: int, level: float, num_files: int) -> None:
    if num_samples < 1:
        raise InvalidInput(f"num_samples: must be positive, got {num_samples}")
    if not 0 < level < 1:
        raise InvalidInput(f"level: must lie in (0, 1), got {level}")
    if not num_files:
        raise InvalidInput("no files: an interval over files needs at least one")


def _draw(generator: np.random.Generator, num_files: int) -> np.ndarray:
    return generator.integers(0, num_files, num_files)


def _interval(value: float, values: list[float], level: float) -> Interval:
    real = np.array([v for v in values if not math.isnan(v)])
    if not len(real):
        return Interval(value, math.nan, math.nan)
    low, high = np.percentile(real, [50 * (1 - level), 50 * (1 + level)])
    return Interval(value, float(low), float(high))
