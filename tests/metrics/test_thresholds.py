"""Thresholds against trying every score of every class by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.metrics.sound_events import event_based
from avtext.metrics.thresholds import apply_thresholds, choose_thresholds

SCORED = st.lists(
    st.builds(
        lambda start, label, score: Event(start, start + 1, label, score / 8),
        st.integers(0, 6),
        st.sampled_from("ab"),
        st.integers(0, 8),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(truth=SCORED, found=SCORED)
def test_no_other_threshold_does_better(truth, found):
    reference = {"v": [Event(e.start, e.end, e.label) for e in truth]}
    chosen = choose_thresholds(reference, {"v": found})
    assert set(chosen) == {e.label for e in truth}
    for label, choice in chosen.items():
        for low in {e.score for e in found}:
            kept = {"v": [e for e in found if e.label == label and e.score >= low]}
            only = {"v": [e for e in reference["v"] if e.label == label]}
            assert choice.f1 >= event_based(only, kept, empty_precision=0.0).micro.f1 - 1e-12
        kept = apply_thresholds({"v": found}, {label: choice.threshold}, 2.0)
        assert event_based(reference, kept, empty_precision=0.0).classes[label].f1 == choice.f1


def test_the_lower_of_equal_thresholds_is_taken():
    truth = {"v": [Event(0, 1, "a")]}
    chosen = choose_thresholds(truth, {"v": [Event(0, 1, "a", 0.8)]}, candidates=[0.7, 0.2, 0.5])
    assert chosen["a"] == (0.2, 1.0)


def test_many_scores_are_tried_at_even_ranks():
    truth = {"v": [Event(k, k + 0.5, "a") for k in range(100)]}
    found = {"v": [Event(k, k + 0.5, "a", 0.5 + k / 400) for k in range(100)]}
    found["v"] += [Event(k + 0.7, k + 0.75, "a", k / 1000) for k in range(400)]
    chosen = choose_thresholds(truth, found)["a"]
    assert 0.39 < chosen.threshold <= 0.51  # the best is at 0.4; the ranks tried lie about 0.01 apart
    assert chosen.f1 > 0.97


def test_apply_keeps_files_and_other_labels():
    events = {"v": [Event(0, 1, "a", 0.3), Event(0, 1, "b", 0.3)], "w": []}
    assert apply_thresholds(events, {"a": 0.5}) == {"v": [Event(0, 1, "b", 0.3)], "w": []}
    assert apply_thresholds(events, {"b": 0.3}, 0.9) == {"v": [Event(0, 1, "b", 0.3)], "w": []}


def test_nothing_found():
    assert choose_thresholds({"v": [Event(0, 1, "a")]}, {"v": []})["a"].f1 == 0.0


def test_candidates_outside_are_refused():
    with pytest.raises(InvalidInput, match="candidates"):
        choose_thresholds({}, {}, candidates=[1.5])
