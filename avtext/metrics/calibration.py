"""Do scores mean what they say: expected calibration error, and two ways to set scores right."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from avtext.errors import InvalidInput
from avtext.metrics.columns import EventsByFile, check_events, file_names, labels_in, table_of
from avtext.metrics.detection import served, surest_first
from avtext.metrics.matching import SLACK, first_come

_EDGE = 1e-6  # scores of exactly 0 and 1 have no logit


class Outcomes(NamedTuple):
    """What scores said and what was so.

    Args:
        scores: in [0, 1], float64 ``(estimates,)``.
        correct: whether each estimate was right, boolean ``(estimates,)``.
    """

    scores: np.ndarray
    correct: np.ndarray


@dataclass(frozen=True)
class Reliability:
    """The reliability curve and its summary.

    Args:
        expected_error: mean distance between score and share correct, weighted by count (ECE); NaN when
            empty.
        largest_error: the largest of these distances (MCE); NaN when empty.
        edges: borders of the score bins, ``bins + 1`` of them from 0 to 1.
        mean_scores: per bin, NaN where it is empty.
        shares_correct: per bin, NaN where it is empty.
        counts: estimates per bin.
    """

    expected_error: float
    largest_error: float
    edges: tuple[float, ...]
    mean_scores: tuple[float, ...]
    shares_correct: tuple[float, ...]
    counts: tuple[int, ...]


def score_outcomes(reference: EventsByFile, estimate: EventsByFile, *, overlap: float = 0.5) -> Outcomes:
    """Which estimates were right: those that get a true event of their file and label, surest first.

    Args:
        reference: file name to true events.
        estimate: file name to scored events.
        overlap: temporal intersection over union from which an estimate may be right, in (0, 1].

    Raises:
        InvalidInput: an overlap out of range, or events that are not a mapping.

    Example:
        >>> from avtext.clip import Event
        >>> truth = {"a.wav": [Event(0, 1, "dog")]}
        >>> found = {"a.wav": [Event(0, 1, "dog", 0.9), Event(5, 6, "dog", 0.2)]}
        >>> score_outcomes(truth, found).correct.tolist()
        [True, False]
    """
    check_events("reference", reference)
    check_events("estimate", estimate)
    if not 0 < overlap <= 1:
        raise InvalidInput(f"overlap: must lie in (0, 1], got {overlap}")
    files, names = sorted(file_names(reference, estimate)), labels_in(reference, estimate)
    truth = table_of(reference, files, names)
    guess = surest_first(table_of(estimate, files, names))
    (left, right), shared = served(truth, guess, truth.labels, guess.labels)
    enough = shared >= overlap - SLACK
    got = first_come((left[enough], right[enough]), len(truth.starts), len(guess.starts))
    return Outcomes(guess.scores, got >= 0)


def reliability(outcomes: Outcomes, num_bins: int = 15) -> Reliability:
    """Expected calibration error over bins of equal width (Naeini et al. 2015; Guo et al. 2017).

    Args:
        outcomes: scores and whether they were right; see :func:`score_outcomes`.
        num_bins: how many, positive.

    Raises:
        InvalidInput: scores outside [0, 1] or NaN, lengths that differ, or no bins.

    Example:
        >>> reliability(Outcomes(np.array([0.8] * 10), np.arange(10) < 8)).expected_error < 1e-9
        True
    """
    scores, correct = _checked(outcomes)
    if num_bins < 1:
        raise InvalidInput(f"num_bins: must be positive, got {num_bins}")
    bins = np.minimum((scores * num_bins).astype(int), num_bins - 1)
    counts = np.bincount(bins, minlength=num_bins)
    with np.errstate(invalid="ignore"):
        means = np.bincount(bins, weights=scores, minlength=num_bins) / counts
        shares = np.bincount(bins, weights=correct, minlength=num_bins) / counts
    gaps = np.abs(means - shares)[counts > 0]
    weights = counts[counts > 0] / max(len(scores), 1)
    return Reliability(
        expected_error=float(gaps @ weights) if len(scores) else math.nan,
        largest_error=float(gaps.max()) if len(scores) else math.nan,
        edges=tuple(np.linspace(0, 1, num_bins + 1).tolist()),
        mean_scores=tuple(means.tolist()),
        shares_correct=tuple(shares.tolist()),
        counts=tuple(counts.tolist()),
    )


@dataclass(frozen=True)
class Temperature:
    """``sigmoid(logit(score) / value)``: above 1 it makes scores less sure (Guo et al. 2017).

    Example:
        >>> Temperature(2.0)(np.array([0.5, 0.9])).round(2).tolist()
        [0.5, 0.75]
    """

    value: float

    def __post_init__(self) -> None:
        """Refuse what is not a temperature."""
        if not 0 < self.value < math.inf:
            raise InvalidInput(f"Temperature: must be positive and finite, got {self.value}")

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Scores set right, of the same shape."""
        return _sigmoid(_logit(np.asarray(scores, dtype=np.float64)) / self.value)


@dataclass(frozen=True)
class Isotonic:
    """A rising line through points, flat beyond them (Zadrozny and Elkan 2002).

    Args:
        scores: ascending.
        shares: what they are worth, rising, in [0, 1], one per score.

    Example:
        >>> Isotonic((0.2, 0.8), (0.0, 0.5))(np.array([0.1, 0.5, 0.9])).round(2).tolist()
        [0.0, 0.25, 0.5]
    """

    scores: tuple[float, ...]
    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse points that are none, or fall."""
        if len(self.scores) != len(self.shares) or not self.scores:
            raise InvalidInput("Isotonic: needs as many shares as scores, and at least one")
        points = np.asarray([self.scores, self.shares], dtype=np.float64)
        if points.ndim != 2 or not (np.isfinite(points).all() and np.all((points[1] >= 0) & (points[1] <= 1))):
            raise InvalidInput(f"Isotonic: scores must be finite, shares in [0, 1], got {self.scores}, {self.shares}")
        if np.any(np.diff(points) < 0):
            raise InvalidInput("Isotonic: scores and shares must not fall")

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Scores set right, of the same shape."""
        return np.interp(np.asarray(scores, dtype=np.float64), self.scores, self.shares)


CALIBRATIONS: dict[str, type[Temperature] | type[Isotonic]] = {
    "temperature": Temperature,
    "isotonic": Isotonic,
}


def fit_temperature(outcomes: Outcomes) -> Temperature:
    """The temperature under which the outcomes are most likely; between 1/100 and 100, 1 where they tell of none.

    They do not where there are none, or all scores are one half, which no temperature moves.

    Raises:
        InvalidInput: scores outside [0, 1] or NaN, or lengths that differ.

    Example:
        >>> fit_temperature(Outcomes(np.array([0.9] * 4), np.array([True, True, True, False]))).value > 1
        True
    """
    scores, correct = _checked(outcomes)
    logits = _logit(scores)
    if not logits.any():
        return Temperature(1.0)
    low, high = 0.01, 100.0  # of the inverse temperature, in which the likelihood is concave
    for _ in range(60):
        middle = math.sqrt(low * high)
        falls = float(logits @ (_sigmoid(middle * logits) - correct)) > 0
        low, high = (low, middle) if falls else (middle, high)
    return Temperature(1.0 / math.sqrt(low * high))


def fit_isotonic(outcomes: Outcomes) -> Isotonic:
    """The rising function nearest to the outcomes, by pooling neighbours that fall, centred: its line runs from the
    mean score of one pool to that of the next, not steeply between their ends (Oron and Flournoy 2017).

    Raises:
        InvalidInput: no outcomes, scores outside [0, 1] or NaN, or lengths that differ.

    Example:
        >>> fitted = fit_isotonic(Outcomes(np.array([0.1, 0.4, 0.6, 0.9]), np.array([0, 1, 0, 1], bool)))
        >>> fitted(np.array([0.1, 0.5, 0.9])).tolist()
        [0.0, 0.5, 1.0]
    """
    scores, correct = _checked(outcomes)
    if not len(scores):
        raise InvalidInput("outcomes: an isotonic calibration needs at least one scored event")
    values, of_value = np.unique(scores, return_inverse=True)
    weights = np.bincount(of_value).astype(float)
    right = np.bincount(of_value, weights=correct)
    pools: list[tuple[float, float, float]] = []  # how many, how many right, sum of their scores
    for weight, hits, total in zip(weights.tolist(), right.tolist(), (weights * values).tolist(), strict=True):
        while pools and pools[-1][1] * weight >= hits * pools[-1][0]:
            before = pools.pop()
            weight, hits, total = weight + before[0], hits + before[1], total + before[2]
        pools.append((weight, hits, total))
    centres = np.maximum.accumulate([total / weight for weight, _, total in pools])  # a mean may be off by a rounding
    return Isotonic(tuple(centres.tolist()), tuple(hits / weight for weight, hits, _ in pools))


def calibration_to_dict(calibration: Temperature | Isotonic) -> dict[str, Any]:
    """Plain values for JSON, to be stored with a model; see :func:`calibration_from_dict`."""
    kind = next(name for name, known in CALIBRATIONS.items() if isinstance(calibration, known))
    return {"kind": kind, **asdict(calibration)}


def calibration_from_dict(values: Mapping[str, Any]) -> Temperature | Isotonic:
    """The calibration that :func:`calibration_to_dict` wrote.

    Raises:
        InvalidInput: an unknown kind or fields that do not fit.

    Example:
        >>> calibration_from_dict(calibration_to_dict(Temperature(1.5)))
        Temperature(value=1.5)
    """
    known: Callable[..., Temperature | Isotonic] | None = CALIBRATIONS.get(str(values.get("kind")))
    if known is None:
        raise InvalidInput(f"calibration: kind must be one of {sorted(CALIBRATIONS)}, got {values.get('kind')!r}")
    try:
        return known(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k != "kind"})
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"calibration: fields do not fit {values['kind']!r}: {error}") from error


def _checked(outcomes: Outcomes) -> tuple[np.ndarray, np.ndarray]:
    scores = np.asarray(outcomes.scores, dtype=np.float64)
    correct = np.asarray(outcomes.correct, dtype=bool)
    if scores.ndim != 1 or scores.shape != correct.shape:
        raise InvalidInput(f"outcomes: need one outcome per score, got {scores.shape} and {correct.shape}")
    if not np.all((scores >= 0) & (scores <= 1)):  # also refuses NaN
        raise InvalidInput("outcomes: scores must lie in [0, 1] and not be NaN")
    return scores, correct


def _logit(scores: np.ndarray) -> np.ndarray:
    inside = np.clip(scores, _EDGE, 1 - _EDGE)
    return np.log(inside) - np.log1p(-inside)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * logits))  # does not overflow
