"""Precision, recall, F1 and error rate from counts, with the conventions of sed_eval where it has a figure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Rates:
    """How well a set of estimated events (or active segments) agrees with the reference.

    Args:
        f1: harmonic mean of precision and recall, in [0, 1]; NaN where either is NaN.
        precision: correct of estimated; NaN where nothing was estimated.
        recall: correct of reference; NaN where the reference is empty.
        error_rate: substitutions, deletions and insertions per reference event; may exceed 1. NaN where the reference
            is empty, as the three below (sed_eval has 0 there, or the count / 2.2e-16).
        substitution_rate: right time, wrong label.
        deletion_rate: missed.
        insertion_rate: spurious.
        num_reference: events (or active segments) in the reference.
        num_estimate: the same in the estimate.
        num_correct: how many agree.
    """

    f1: float
    precision: float
    recall: float
    error_rate: float
    substitution_rate: float
    deletion_rate: float
    insertion_rate: float
    num_reference: int
    num_estimate: int
    num_correct: int


def harmonic_mean(precision: float, recall: float) -> float:
    """F1: 0 where both are 0, NaN where either is NaN.

    Example:
        >>> harmonic_mean(0.5, 1.0), harmonic_mean(0.0, 0.0)
        (0.6666666666666666, 0.0)
    """
    if precision == 0 and recall == 0:
        return 0.0
    return 2.0 * precision * recall / (precision + recall)


def rates_from_counts(
    reference: int,
    estimate: int,
    correct: int,
    substituted: int = 0,
    *,
    empty_precision: float = math.nan,
) -> Rates:
    """Rates of one class, or of all events together.

    Args:
        reference: events in the reference.
        estimate: events in the estimate.
        correct: how many of them match.
        substituted: pairs at the right time with the wrong label.
        empty_precision: precision where nothing was estimated; NaN as sed_eval, 0.0 as its ``zero_score``.

    Example:
        >>> rates_from_counts(4, 2, 2).f1
        0.6666666666666666
    """
    precision = correct / estimate if estimate else empty_precision
    recall = correct / reference if reference else math.nan
    parts = (substituted, reference - correct - substituted, estimate - correct - substituted)
    return _rates(precision, recall, parts, (reference, estimate, correct))


def rates_from_segments(
    counts: tuple[int, int, int],
    errors: Sequence[int],
    *,
    empty_precision: float = math.nan,
) -> Rates:
    """Rates where substitutions, deletions and insertions were counted segment by segment.

    Args:
        counts: active segments in the reference, in the estimate, and in both.
        errors: substitutions, deletions and insertions, summed over segments.
        empty_precision: see :func:`rates_from_counts`.
    """
    reference, estimate, correct = counts
    precision = correct / estimate if estimate else empty_precision
    recall = correct / reference if reference else math.nan
    return _rates(precision, recall, errors, counts)


def _rates(precision: float, recall: float, parts: Sequence[int], counts: tuple[int, int, int]) -> Rates:
    substituted, deleted, inserted = (part / counts[0] if counts[0] else math.nan for part in parts)
    return Rates(
        f1=harmonic_mean(precision, recall),
        precision=precision,
        recall=recall,
        error_rate=substituted + deleted + inserted,
        substitution_rate=substituted,
        deletion_rate=deleted,
        insertion_rate=inserted,
        num_reference=counts[0],
        num_estimate=counts[1],
        num_correct=counts[2],
    )


def mean_rates(rates: Iterable[Rates]) -> Rates:
    """The macro average: each rate's mean over the classes where it is not NaN; counts are summed.

    Where nothing was estimated of a class, its precision is NaN and its F1 is left out, as sed_eval does; rates with an
    ``empty_precision`` of 0.0 count it as a failure, as all commands of this package do.

    Example:
        >>> mean_rates([rates_from_counts(2, 2, 2), rates_from_counts(2, 2, 0)]).f1
        0.5
    """
    rates = list(rates)
    values: dict[str, float] = {}
    for field in fields(Rates):
        column = [getattr(rate, field.name) for rate in rates]
        values[field.name] = sum(column) if field.name.startswith("num_") else nan_mean(column)
    return Rates(**values)  # type: ignore[arg-type]


def nan_mean(values: Iterable[float]) -> float:
    """The mean of what is not NaN; NaN where nothing is left.

    Example:
        >>> nan_mean([1.0, math.nan, 3.0]), nan_mean([])
        (2.0, nan)
    """
    real = [value for value in values if not math.isnan(value)]
    return math.fsum(real) / len(real) if real else math.nan
