"""Segment-based F1, error rate and accuracy of sound event detection, as sed_eval computes them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from avtext.errors import InvalidInput
from avtext.metrics.columns import EventsByFile, activity_of, asked_labels, check_events, labels_in, length_of, paired
from avtext.metrics.rates import Rates, mean_rates, nan_mean, rates_from_counts, rates_from_segments
from avtext.metrics.sound_events import averaged_labels

_EPS = float(np.spacing(1))  # as sed_eval: 0 / 0 becomes 0 here


@dataclass(frozen=True)
class SegmentAccuracy:
    """How often a segment's activity is told right, silence included.

    Args:
        sensitivity: active segments found active.
        specificity: inactive segments found inactive.
        balanced: the mean of both.
        accuracy: segments told right, active or not.
    """

    sensitivity: float
    specificity: float
    balanced: float
    accuracy: float


@dataclass(frozen=True)
class SegmentScores:
    """Agreement over all segments, averaged over classes, and per class.

    Args:
        micro: all classes together; substitutions are counted within each segment.
        macro: the mean over the classes that were asked for.
        classes: per label, sorted.
        accuracy: of all classes together.
        macro_accuracy: the mean over the classes that were asked for.
        class_accuracy: per label, sorted.
        unknown: labels of the estimate that are not among the classes asked for; they count in ``micro``.
        num_files: files compared, those without events included.
        duration: seconds compared.
    """

    micro: Rates
    macro: Rates
    classes: Mapping[str, Rates]
    accuracy: SegmentAccuracy
    macro_accuracy: SegmentAccuracy
    class_accuracy: Mapping[str, SegmentAccuracy]
    unknown: tuple[str, ...]
    num_files: int
    duration: float


def segment_based(
    reference: EventsByFile,
    estimate: EventsByFile,
    *,
    resolution: float = 1.0,
    durations: Mapping[str, float] | None = None,
    labels: Sequence[str] | None = None,
    empty_precision: float = math.nan,
) -> SegmentScores:
    """Segment-based F1, error rate and accuracy (Mesaros, Heittola and Virtanen 2016).

    Time is cut into segments; a class is active in every segment that one of its events touches.

    Args:
        reference: file name to true events.
        estimate: file name to estimated events; a file that one side lacks is empty there.
        resolution: seconds of a segment, positive.
        durations: seconds of every file, beyond which nothing counts; by default up to its last event.
        labels: classes of the macro average; by default those of the reference, or all where it has none.
        empty_precision: see :func:`avtext.metrics.sound_events.event_based`.

    Raises:
        InvalidInput: a resolution not positive, a file without a duration or of more than 31 days, a text as
            ``labels``, or events that are not a mapping.

    Example:
        >>> from avtext.clip import Event
        >>> truth = {"a.wav": [Event(0.0, 4.0, "dog")]}
        >>> segment_based(truth, {"a.wav": [Event(1.2, 4.0, "dog")]}).micro.recall
        0.75
    """
    check_events("reference", reference)
    check_events("estimate", estimate)
    if not 0 < resolution < math.inf:
        raise InvalidInput(f"resolution: must be positive seconds, got {resolution}")
    names = sorted({*labels_in(reference, estimate), *asked_labels(labels, ())})
    cells = np.zeros((4, len(names)), dtype=np.int64)  # reference, estimate, both, neither; by label
    errors = np.zeros(3, dtype=np.int64)
    seconds, num_files = 0.0, 0
    for file, truth, guess in paired(reference, estimate, names):
        length = length_of(file, max(truth.ends.max(initial=0.0), guess.ends.max(initial=0.0)), durations)
        count = math.ceil(length / resolution)
        one, two = (activity_of(side, len(names), count, resolution) for side in (truth, guess))
        cells += [one.sum(1), two.sum(1), (one & two).sum(1), (~one & ~two).sum(1)]
        errors += _errors(one, two)
        seconds, num_files = seconds + length, num_files + 1
    asked = averaged_labels(reference, names, labels)
    classes, accuracies = {}, {}
    for name, column in zip(names, cells.T.tolist(), strict=True):
        classes[name] = rates_from_counts(*column[:3], empty_precision=empty_precision)
        accuracies[name] = _accuracy(*column)
    there, found, both, neither = cells.sum(axis=1).tolist()
    return SegmentScores(
        micro=rates_from_segments((there, found, both), errors.tolist(), empty_precision=empty_precision),
        macro=mean_rates(classes[name] for name in asked),
        classes=classes,
        accuracy=_accuracy(there, found, both, neither),
        macro_accuracy=_mean_accuracy(accuracies[name] for name in asked),
        class_accuracy=accuracies,
        unknown=tuple(name for name in names if name not in set(asked)),
        num_files=num_files,
        duration=seconds,
    )


def _errors(one: np.ndarray, two: np.ndarray) -> list[int]:
    """Substitutions, deletions and insertions: within a segment a wrong class stands for a missing one."""
    there, found, both = one.sum(0), two.sum(0), (one & two).sum(0)
    substituted = np.minimum(there, found) - both
    return [
        int(substituted.sum()),
        int(np.maximum(0, there - found).sum()),
        int(np.maximum(0, found - there).sum()),
    ]


def _accuracy(reference: int, estimate: int, both: int, neither: int) -> SegmentAccuracy:
    sensitivity = both / (reference + _EPS)
    specificity = neither / (neither + estimate - both + _EPS)
    everything = neither + reference + estimate - both
    return SegmentAccuracy(
        sensitivity=sensitivity,
        specificity=specificity,
        balanced=0.5 * (sensitivity + specificity),
        accuracy=(both + neither) / (everything + _EPS),
    )


def _mean_accuracy(accuracies: Iterable[SegmentAccuracy]) -> SegmentAccuracy:
    accuracies = list(accuracies)
    means = {f.name: nan_mean(getattr(a, f.name) for a in accuracies) for f in fields(SegmentAccuracy)}
    return SegmentAccuracy(**means)
