"""mAP by hand, against a slow oracle written straight from the definition, and its properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.metrics.detection import (
    TIOU_GRIDS,
    average_recall,
    interpolated_precision,
    mean_average_precision,
)


def overlap(a: Event, b: Event) -> float:
    union = max(a.end, b.end) - min(a.start, b.start)
    return max(0.0, min(a.end, b.end) - max(a.start, b.start)) / union if union > 0 else float(a.start == b.start)


def slow_average_precision(reference: dict, estimate: dict, label: str, threshold: float) -> float:
    """One estimate at a time; the area under precision made to fall, summed over every recall step."""
    guesses = [(e, file) for file, events in estimate.items() for e in events if e.label == label]
    guesses.sort(key=lambda g: (-g[0].score, g[1], g[0].start, g[0].end))
    total = sum(e.label == label for events in reference.values() for e in events)
    taken, points, hits = set(), [], 0
    for rank, (guess, file) in enumerate(guesses, start=1):
        options = [
            (-overlap(e, guess), e.start, e.end, k)
            for k, e in enumerate(reference.get(file, []))
            if e.label == label and (file, k) not in taken and overlap(e, guess) >= threshold - 1e-9
            and min(e.end, guess.end) >= max(e.start, guess.start)
        ]  # fmt: skip
        if options:
            taken.add((file, min(options)[3]))
            hits += 1
        points.append((hits / total, hits / rank))
    area, before = 0.0, 0.0
    for k, (recall, _) in enumerate(points):
        area += (recall - before) * max(precision for _, precision in points[k:])
        before = recall
    return area


def test_worked_by_hand():
    """Surest is wrong, then two right of three: 1/3 * 2/3 + 1/3 * 2/3."""
    truth = {"v": [Event(0, 10, "x"), Event(20, 30, "x"), Event(40, 50, "x")]}
    found = {"v": [Event(60, 70, "x", 0.9), Event(0, 10, "x", 0.8), Event(20, 29, "x", 0.7)]}
    scores = mean_average_precision(truth, found, [0.5, 0.95])
    assert scores.by_threshold[0.5] == pytest.approx(4 / 9)
    assert scores.by_threshold[0.95] == pytest.approx(1 / 3 * 1 / 2)
    assert scores.mean_ap == pytest.approx((4 / 9 + 1 / 6) / 2)


def test_the_surer_of_two_on_one_event_counts_and_the_other_is_false():
    truth = {"v": [Event(0, 10, "x")]}
    found = {"v": [Event(0, 10, "x", 0.5), Event(1, 10, "x", 0.9)]}
    assert mean_average_precision(truth, found, [0.5]).mean_ap == 1.0
    assert mean_average_precision(truth, found, [0.95]).mean_ap == 0.5


def test_a_taken_event_leaves_the_next_best():
    truth = {"v": [Event(0, 10, "x"), Event(2, 12, "x")]}
    found = {"v": [Event(0, 10, "x", 0.9), Event(0.5, 10.5, "x", 0.8)]}
    assert mean_average_precision(truth, found, [0.7]).mean_ap == 1.0


EVENTS = st.lists(
    st.builds(
        lambda start, length, label, score: Event(start, start + length, label, score / 4),
        st.integers(0, 12),
        st.integers(0, 6),
        st.sampled_from("ab"),
        st.integers(0, 4),
    ),
    max_size=7,
)
FILES = st.dictionaries(st.sampled_from(["v", "w"]), EVENTS, max_size=2)


@settings(max_examples=200, deadline=None)
@given(reference=FILES, estimate=FILES, threshold=st.sampled_from([0.1, 0.5, 0.75, 1.0]))
def test_random_events_agree_with_the_slow_oracle(reference, estimate, threshold):
    scores = mean_average_precision(reference, estimate, [threshold])
    labels = sorted({e.label for events in reference.values() for e in events})
    assert sorted(scores.classes) == labels
    for label in labels:
        expected = slow_average_precision(reference, estimate, label, threshold)
        assert scores.classes[label][0] == pytest.approx(expected), label
    means = [scores.classes[label][0] for label in labels]
    assert scores.mean_ap == pytest.approx(sum(means) / len(means) if means else math.nan, nan_ok=True)


def test_order_given_does_not_matter_even_with_equal_scores():
    truth = {"v": [Event(0, 10, "x"), Event(20, 30, "x")]}
    found = [Event(0, 9, "x", 0.5), Event(3, 10, "x", 0.5), Event(50, 60, "x", 0.5), Event(20, 28, "x", 0.5)]
    values = {mean_average_precision(truth, {"v": order}).mean_ap for order in (found, found[::-1])}
    assert len(values) == 1


def test_grids_are_those_of_the_papers():
    assert len(TIOU_GRIDS["activitynet"]) == 10
    assert (TIOU_GRIDS["thumos"][0], TIOU_GRIDS["thumos"][-1]) == (0.3, 0.7)
    assert (TIOU_GRIDS["unav"][0], TIOU_GRIDS["unav"][-1], len(TIOU_GRIDS["unav"])) == (0.1, 0.9, 9)


def test_empty_sides():
    truth = {"v": [Event(0, 1, "x")]}
    assert mean_average_precision(truth, {}).mean_ap == 0.0
    assert math.isnan(mean_average_precision({"v": []}, truth).mean_ap)
    assert mean_average_precision({}, truth).unknown == ("x",)


def test_a_class_asked_for_without_truth_is_left_out_of_the_mean():
    truth = {"v": [Event(0, 1, "x")]}
    scores = mean_average_precision(truth, truth, [0.5], labels=["x", "y"])
    assert scores.mean_ap == 1.0
    assert math.isnan(scores.classes["y"][0])


def test_interpolated_precision_of_nothing_and_of_none_right():
    assert interpolated_precision(np.zeros(0, dtype=bool), 3) == 0.0
    assert interpolated_precision(np.zeros(5, dtype=bool), 3) == 0.0


@pytest.mark.parametrize("thresholds", [[], [0.0], [1.5], [math.nan]])
def test_thresholds_outside_are_refused(thresholds):
    with pytest.raises(InvalidInput, match="thresholds: must be overlaps"):
        mean_average_precision({}, {}, thresholds)


def test_thresholds_may_be_an_array():
    truth = {"a": [Event(0, 10, "x")]}
    found = mean_average_precision(truth, truth, np.array([0.5, 0.75]))
    assert repr(found.by_threshold) == "{0.5: 1.0, 0.75: 1.0}"
    assert average_recall(truth, truth, (1,), np.array([0.5, 0.75])) == {1: 1.0}


def test_average_recall_looks_at_the_surest_of_each_file():
    truth = {"v": [Event(0, 10, "x"), Event(20, 30, "y")], "w": [Event(0, 10, "x")]}
    found = {
        "v": [Event(20, 30, "x", 0.2), Event(0, 10, "x", 0.9)],
        "w": [Event(50, 60, "x", 0.9), Event(0, 5, "x", 0.1)],
    }
    recall = average_recall(truth, found, counts=(1, 2), thresholds=[0.5])
    assert recall == {1: pytest.approx(1 / 3), 2: 1.0}
    with pytest.raises(InvalidInput, match="counts: must be positive"):
        average_recall(truth, found, counts=(0,))
    assert math.isnan(average_recall({}, found)[1])
