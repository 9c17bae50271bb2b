"""Event-based F1 and error rate of sound event detection, as sed_eval computes them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from avtext.errors import InvalidInput
from avtext.metrics.columns import Columns, EventsByFile, asked_labels, check_events, labels_in, paired
from avtext.metrics.matching import Pairs, largest_matching, pairs_within
from avtext.metrics.rates import Rates, mean_rates, rates_from_counts


@dataclass(frozen=True)
class SoundEventScores:
    """Agreement over all events, averaged over classes, and per class.

    Args:
        micro: all events together.
        macro: the mean over the classes that were asked for.
        classes: per label, sorted; every label that occurs has a row.
        unknown: labels of the estimate that are not among the classes asked for; they count in ``micro``.
        num_files: files compared, those without events included.
    """

    micro: Rates
    macro: Rates
    classes: Mapping[str, Rates]
    unknown: tuple[str, ...]
    num_files: int


def event_based(
    reference: EventsByFile,
    estimate: EventsByFile,
    *,
    onset_collar: float = 0.2,
    offset_collar: float | None = 0.2,
    offset_share: float = 0.2,
    labels: Sequence[str] | None = None,
    empty_precision: float = math.nan,
) -> SoundEventScores:
    """Event-based F1 and error rate with an onset collar and an offset tolerance (Mesaros et al. 2016).

    An estimated event is correct where its label is right, its start lies within the collar, and its end
    within ``max(offset_collar, offset_share * reference duration)``. Events are matched one to one, as many
    as can be. As in sed_eval, the split of errors into substitutions depends on the order of the events; F1
    does not.

    Args:
        reference: file name to true events.
        estimate: file name to estimated events; a file that one side lacks is empty there.
        onset_collar: seconds, not negative.
        offset_collar: seconds, not negative; None compares onsets only.
        offset_share: share of the reference event's duration, in [0, 1].
        labels: classes of the macro average; by default those of the reference, or all where it has none.
        empty_precision: precision of a class of which nothing was estimated: NaN leaves it out of the macro
            average as sed_eval does, 0.0 counts it as a failure (sed_eval's ``zero_score``).

    Raises:
        InvalidInput: a collar or share out of range, a text as ``labels``, or events that are not a mapping.

    Example:
        >>> from avtext.clip import Event
        >>> truth = {"a.wav": [Event(1.0, 3.0, "dog"), Event(4.0, 5.0, "cat")], "b.wav": []}
        >>> event_based(truth, {"a.wav": [Event(1.1, 3.3, "dog")]}).micro.recall
        0.5
    """
    counts = count_events(
        reference,
        estimate,
        onset_collar=onset_collar,
        offset_collar=offset_collar,
        offset_share=offset_share,
        labels=labels,
    )
    return scores_of(counts, averaged_labels(reference, counts.names, labels), empty_precision)


class EventCounts(NamedTuple):
    """What event-based scores are made of, file by file, so that files can be resampled.

    Args:
        names: labels, sorted.
        events: reference, estimate and correct events by file and label, int64 ``(files, 3, labels)``.
        substituted: pairs at the right time with the wrong label, int64 ``(files,)``.
    """

    names: tuple[str, ...]
    events: np.ndarray
    substituted: np.ndarray


def count_events(
    reference: EventsByFile,
    estimate: EventsByFile,
    *,
    onset_collar: float = 0.2,
    offset_collar: float | None = 0.2,
    offset_share: float = 0.2,
    labels: Sequence[str] | None = None,
) -> EventCounts:
    """Match the events of every file; the arguments are those of :func:`event_based`.

    Raises:
        InvalidInput: a collar or share out of range, a text as ``labels``, or events that are not a mapping.
    """
    check_events("reference", reference)
    check_events("estimate", estimate)
    _check_tolerances(onset_collar, offset_collar, offset_share)
    names = sorted({*labels_in(reference, estimate), *asked_labels(labels, ())})
    events, substituted = [], []
    for _, truth, guess in paired(reference, estimate, names):
        pairs = _tolerated(truth, guess, onset_collar, offset_collar, offset_share)
        matching = largest_matching(_where(pairs, truth.labels[pairs[0]] == guess.labels[pairs[1]]))
        found = (truth.labels, guess.labels, truth.labels[list(matching)])
        events.append([np.bincount(side, minlength=len(names)) for side in found])
        substituted.append(_substitutions(pairs, matching))
    shape = (len(events), 3, len(names))
    return EventCounts(
        names=tuple(names),
        events=np.array(events, dtype=np.int64).reshape(shape),
        substituted=np.array(substituted, dtype=np.int64),
    )


def scores_of(counts: EventCounts, asked: Sequence[str], empty_precision: float = math.nan) -> SoundEventScores:
    """Scores of the files in ``counts``, macro-averaged over the labels ``asked``."""
    by_label = counts.events.sum(axis=0)
    classes = {
        name: rates_from_counts(total, found, correct, empty_precision=empty_precision)
        for name, (total, found, correct) in zip(counts.names, by_label.T.tolist(), strict=True)
    }
    total, found, correct = by_label.sum(axis=1).tolist()
    substituted = int(counts.substituted.sum())
    return SoundEventScores(
        micro=rates_from_counts(total, found, correct, substituted, empty_precision=empty_precision),
        macro=mean_rates(classes[name] for name in asked),
        classes=classes,
        unknown=tuple(name for name in counts.names if name not in set(asked)),
        num_files=len(counts.events),
    )


def averaged_labels(reference: EventsByFile, names: Sequence[str], labels: Sequence[str] | None) -> Sequence[str]:
    """The classes of the macro average: those asked for, else the reference's, else all."""
    return asked_labels(labels, labels_in(reference) or names)


def _check_tolerances(onset_collar: float, offset_collar: float | None, offset_share: float) -> None:
    for name, value in (("onset_collar", onset_collar), ("offset_collar", offset_collar)):
        if value is not None and not 0 <= value < math.inf:
            raise InvalidInput(f"{name}: must be seconds, not negative and finite, got {value}")
    if not 0 <= offset_share <= 1:
        raise InvalidInput(f"offset_share: must lie in [0, 1], got {offset_share}")


def _tolerated(
    truth: Columns, guess: Columns, onset_collar: float, offset_collar: float | None, offset_share: float
) -> Pairs:
    """Pairs whose times agree, whatever their labels."""
    pairs = pairs_within(truth.starts, guess.starts, onset_collar)
    if offset_collar is None:
        return pairs
    left, right = pairs
    duration = truth.ends[left] - truth.starts[left]
    allowed = np.maximum(offset_collar, offset_share * duration)
    return _where(pairs, np.abs(truth.ends[left] - guess.ends[right]) <= allowed)


def _where(pairs: Pairs, keep: np.ndarray) -> Pairs:
    return pairs[0][keep], pairs[1][keep]


def _substitutions(pairs: Pairs, matching: Mapping[int, int]) -> int:
    """Unmatched references that get the first unmatched estimate at their time, in order."""
    used, done = set(matching.values()), set(matching)
    for left, right in zip(pairs[0].tolist(), pairs[1].tolist(), strict=True):
        if left not in done and right not in used:
            done.add(left)
            used.add(right)
    return len(done) - len(matching)
