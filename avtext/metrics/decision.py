"""From decoded events to reported ones: thresholds per class, then calibrated scores; both chosen on validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from avtext.clip import Event
from avtext.config import DecisionSettings
from avtext.metrics.calibration import calibration_from_dict, calibration_to_dict, fit_isotonic, score_outcomes
from avtext.metrics.columns import EventsByFile
from avtext.metrics.thresholds import apply_thresholds, choose_thresholds

MIN_EVENTS = 10  # true events of a class under which no threshold is chosen for it: that would be chance
CANDIDATES = tuple(np.linspace(0.0, 0.8, 17).round(2).tolist())


def decide(events: Sequence[Event], decision: DecisionSettings) -> list[Event]:
    """Drop what is under its class's threshold and calibrate the scores of the rest.

    Example:
        >>> decide([Event(0, 1, "dog", 0.4), Event(2, 3, "dog", 0.7)], DecisionSettings(thresholds={"dog": 0.5}))
        [Event(start=2.0, end=3.0, label='dog', score=0.7, shares=None)]
    """
    kept = apply_thresholds({"": list(events)}, decision.thresholds)[""]
    if decision.calibration is None or not kept:
        return kept
    scores = calibration_from_dict(decision.calibration)(np.array([event.score for event in kept]))
    return [replace(event, score=float(score)) for event, score in zip(kept, scores, strict=True)]


def choose_decision(reference: EventsByFile, estimate: EventsByFile) -> DecisionSettings:
    """The thresholds with the best onset F1 per class, and the isotonic calibration of what they keep.

    Args:
        reference: true events of the validation clips.
        estimate: decoded events of them, undecided.
    """
    counts: dict[str, int] = {}
    for events in reference.values():
        for event in events:
            counts[event.label] = counts.get(event.label, 0) + 1
    chosen = choose_thresholds(reference, estimate, candidates=CANDIDATES, offset_collar=None)
    thresholds = {
        label: choice.threshold
        for label, choice in chosen.items()
        if counts.get(label, 0) >= MIN_EVENTS and choice.threshold > 0
    }
    outcomes = score_outcomes(reference, apply_thresholds(estimate, thresholds))
    calibration = calibration_to_dict(fit_isotonic(outcomes)) if len(outcomes.scores) >= MIN_EVENTS else None
    return DecisionSettings(thresholds=thresholds, calibration=calibration)
