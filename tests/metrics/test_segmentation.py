"""Frame accuracy, edit score and F1@k by hand and against slow oracles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.metrics.segmentation import (
    BACKGROUND,
    Segments,
    edit_distance,
    edit_score,
    frames_of,
    segment_counts,
    segmentation,
    segments_of,
)
from tests.counting import lines_run

ORDERS = st.lists(st.integers(0, 3), max_size=12)


def table_distance(one: list[int], two: list[int]) -> int:
    """The textbook table."""
    row = list(range(len(two) + 1))
    for i, item in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, other in enumerate(two, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (item != other))
    return row[-1]


@given(one=ORDERS, two=ORDERS)
def test_edit_distance_is_that_of_the_table(one, two):
    assert edit_distance(one, two) == table_distance(one, two)


def test_edit_distance_takes_as_many_steps_as_there_are_items():
    one = np.random.default_rng(0).integers(0, 10, 1000).tolist()
    assert edit_distance(one, [*one[1:], 99]) == 2
    few, many = (lines_run(lambda n=n: edit_distance(one[:n], one[-n:])) for n in (250, 1000))
    assert many < 4.1 * few


def slow_counts(one: Segments, two: Segments, threshold: float) -> tuple[int, int, int]:
    """The loop of the published scripts, with the end of the last segment set right."""
    hits = [0] * len(one.classes)
    found = 0
    for label, start, end in zip(two.classes, two.starts, two.ends, strict=True):
        if not hits:
            continue
        union = np.maximum(end, one.ends) - np.minimum(start, one.starts)
        overlap = (np.minimum(end, one.ends) - np.maximum(start, one.starts)) / union * (one.classes == label)
        best = int(overlap.argmax())
        if overlap[best] >= threshold and not hits[best]:
            hits[best], found = 1, found + 1
    return found, len(two.classes) - found, len(hits) - sum(hits)


@settings(max_examples=200)
@given(
    one=st.lists(st.integers(-1, 2), max_size=25).map(np.array),
    two=st.lists(st.integers(-1, 2), max_size=25).map(np.array),
)
def test_segment_counts_are_those_of_the_published_loop(one, two):
    a, b = segments_of(one.astype(int)), segments_of(two.astype(int))
    got = segment_counts(a, b, (0.1, 0.25, 0.5))
    assert [tuple(row) for row in got.tolist()] == [slow_counts(a, b, low) for low in (0.1, 0.25, 0.5)]


def test_worked_by_hand():
    truth = {"v": [Event(0, 4, "cut"), Event(4, 8, "stir")]}
    found = {"v": [Event(0, 2, "cut"), Event(2, 3, "stir"), Event(3, 8, "stir")]}
    scores = segmentation(truth, found, rate=1.0)
    assert scores.frame_accuracy == 6 / 8
    assert scores.edit == 1.0  # two estimates of one label that touch are one segment
    assert scores.f1 == {0.1: 1.0, 0.25: 1.0, 0.5: 1.0}
    assert scores.num_frames == 8


def test_over_segmentation_costs_edit_and_f1_but_few_frames():
    truth = {"v": [Event(0, 10, "cut")]}
    found = {"v": [Event(0, 4, "cut"), Event(4, 5, "stir"), Event(5, 10, "cut")]}
    scores = segmentation(truth, found, rate=10.0)
    assert scores.frame_accuracy == pytest.approx(0.9)
    assert scores.edit == pytest.approx(1 / 3)
    assert scores.f1[0.1] == pytest.approx(0.5)


def test_background_counts_as_frames_and_not_as_segments():
    truth = {"v": [Event(2, 4, "cut")]}
    scores = segmentation(truth, {"v": []}, durations={"v": 10.0}, rate=1.0)
    assert (scores.frame_accuracy, scores.edit, scores.f1[0.5]) == (0.8, 0.0, 0.0)


def test_where_events_overlap_the_surest_wins_then_the_last_to_begin():
    position = {"a": 0, "b": 1}
    events = [Event(0, 4, "a", 0.5), Event(2, 6, "b", 0.4), Event(3, 4, "b", 0.5)]
    assert frames_of(events, position, 6, 1.0).tolist() == [0, 0, 0, 1, 1, 1]


def test_an_event_without_duration_gets_one_frame():
    assert frames_of([Event(1.5, 1.5, "a")], {"a": 0}, 3, 1.0).tolist() == [BACKGROUND, 0, BACKGROUND]


def test_empty():
    scores = segmentation({"v": []}, {"v": []})
    assert math.isnan(scores.frame_accuracy)
    assert math.isnan(scores.edit)
    assert math.isnan(scores.f1[0.5])
    assert math.isnan(edit_score([], []))


def test_a_file_that_lasts_for_ever_is_named():
    with pytest.raises(InvalidInput, match=r"x: lasts 1e\+15 s, .* are its times in seconds"):
        segmentation({"x": [Event(0, 1e15, "a")]}, {})


def test_bad_arguments_are_refused():
    with pytest.raises(InvalidInput, match="rate: must be positive"):
        segmentation({}, {}, rate=0.0)
    with pytest.raises(InvalidInput, match="durations: 'v' is missing"):
        segmentation({"v": []}, {}, durations={})
    with pytest.raises(InvalidInput, match="thresholds"):
        segmentation({}, {}, thresholds=[])
