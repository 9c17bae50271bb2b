"""Which score an event of each class needs: chosen on validation, never on the test set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.metrics.columns import EventsByFile, check_events, scores_at_even_ranks
from avtext.metrics.sound_events import event_based


class Choice(NamedTuple):
    """The threshold of a class and the F1 it had where it was chosen."""

    threshold: float
    f1: float


def choose_thresholds(
    reference: EventsByFile,
    estimate: EventsByFile,
    *,
    candidates: Sequence[float] | None = None,
    onset_collar: float = 0.2,
    offset_collar: float | None = 0.2,
    offset_share: float = 0.2,
) -> dict[str, Choice]:
    """For every class of the reference the threshold with the best event-based F1; the lower of equals.

    Args:
        reference: file name to true events of the validation set.
        estimate: file name to scored events of it.
        candidates: thresholds to try, in [0, 1]; by default 50 at even ranks of the scores that occur.
        onset_collar: as in :func:`avtext.metrics.sound_events.event_based`.
        offset_collar: the same.
        offset_share: the same.

    Raises:
        InvalidInput: a candidate outside [0, 1], or events that are not a mapping.

    Example:
        >>> truth = {"a.wav": [Event(0, 1, "dog")]}
        >>> found = {"a.wav": [Event(0, 1, "dog", 0.9), Event(5, 6, "dog", 0.2)]}
        >>> choose_thresholds(truth, found)
        {'dog': Choice(threshold=0.9, f1=1.0)}
    """
    check_events("reference", reference)
    check_events("estimate", estimate)
    if candidates is None:
        candidates = scores_at_even_ranks(estimate) or [0.5]  # nothing was found: any threshold does
    if not all(0 <= low <= 1 for low in candidates):
        raise InvalidInput(f"candidates: must lie in [0, 1], got {list(candidates)}")
    best: dict[str, Choice] = {}
    for low in sorted(candidates):
        scores = event_based(
            reference,
            apply_thresholds(estimate, {}, low),
            onset_collar=onset_collar,
            offset_collar=offset_collar,
            offset_share=offset_share,
            empty_precision=0.0,
        )
        for name, rates in scores.classes.items():
            if rates.num_reference and (name not in best or rates.f1 > best[name].f1):
                best[name] = Choice(low, rates.f1)
    return best


def apply_thresholds(
    events: EventsByFile, thresholds: Mapping[str, float], default: float = 0.0
) -> dict[str, list[Event]]:
    """The events whose score reaches the threshold of their class; files are kept, also when empty.

    Args:
        events: file name to scored events.
        thresholds: label to the least score.
        default: for labels that ``thresholds`` lacks.

    Example:
        >>> apply_thresholds({"a.wav": [Event(0, 1, "dog", 0.3)]}, {"dog": 0.5})
        {'a.wav': []}
    """
    return {
        file: [event for event in values if event.score >= thresholds.get(event.label, default)]
        for file, values in events.items()
    }
