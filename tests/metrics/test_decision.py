from __future__ import annotations

import numpy as np
import pytest

from avtext.clip import Event
from avtext.config import DecisionSettings
from avtext.metrics.decision import MIN_EVENTS, choose_decision, decide
from avtext.metrics.sound_events import event_based


def made(count: int, seed: int = 0) -> tuple[dict, dict]:
    """Right events score high, wrong ones low, with some overlap."""
    rng = np.random.default_rng(seed)
    reference, estimate = {}, {}
    for k in range(count):
        reference[str(k)] = [Event(1.0, 2.0, "dog"), Event(4.0, 5.0, "cat")]
        right = [
            Event(1.0, 2.0, "dog", float(rng.uniform(0.4, 1.0))),
            Event(4.0, 5.0, "cat", float(rng.uniform(0.1, 1.0))),
        ]
        wrong = [Event(7.0, 8.0, "dog", float(rng.uniform(0.0, 0.5))) for _ in range(int(rng.integers(0, 3)))]
        estimate[str(k)] = right + wrong
    return reference, estimate


def test_thresholds_raise_f1_and_scores_become_shares_of_right_events() -> None:
    reference, estimate = made(40)
    decision = choose_decision(reference, estimate)
    assert 0.3 <= decision.thresholds["dog"] <= 0.6
    assert "cat" not in decision.thresholds  # all of its events are right
    fresh_reference, fresh = made(40, seed=1)
    decided = {name: decide(events, decision) for name, events in fresh.items()}
    before = event_based(fresh_reference, fresh, offset_collar=None).micro.f1
    after = event_based(fresh_reference, decided, offset_collar=None).micro.f1
    assert after > before + 0.1
    scores = [e.score for events in decided.values() for e in events]
    right = [e.start in (1.0, 4.0) for events in decided.values() for e in events]
    assert abs(np.mean(scores) - np.mean(right)) < 0.1


def test_a_class_with_few_events_gets_no_threshold() -> None:
    decision = choose_decision(*made(MIN_EVENTS - 1))
    assert decision.thresholds == {}


def test_no_decision_changes_nothing() -> None:
    events = [Event(0.0, 1.0, "a", 0.1, (1.0, 0.0, 0.0))]
    assert decide(events, DecisionSettings()) == events
    assert decide([], DecisionSettings(thresholds={"a": 0.5})) == []


def test_shares_survive_and_order_is_kept() -> None:
    decision = DecisionSettings(calibration={"kind": "temperature", "value": 2.0})
    got = decide([Event(0.0, 1.0, "a", 0.9, (1.0, 0.0, 0.0)), Event(2.0, 3.0, "b", 0.5)], decision)
    assert got[0].shares == (1.0, 0.0, 0.0)
    assert got[0].score == pytest.approx(0.75)
    assert [e.label for e in got] == ["a", "b"]
