"""Moment retrieval by hand."""

from __future__ import annotations

import math

import pytest

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.metrics.queries import moment_retrieval


def test_worked_by_hand():
    truth = {"v": [Event(0, 10, "q"), Event(20, 30, "q"), Event(0, 10, "r")], "w": [Event(5, 6, "q")]}
    found = {
        # The surest for q overlaps its second moment by 0.6.
        "v": [Event(20, 26, "q", 0.9), Event(0, 10, "q", 0.8), Event(40, 50, "r", 0.7)],
        "w": [],
    }
    scores = moment_retrieval(truth, found, thresholds=[0.5, 0.8])
    assert scores.num_queries == 3
    assert scores.recall_at_1 == {0.5: pytest.approx(1 / 3), 0.7: 0.0}
    # q of v: both found at 0.5; at 0.8 only the second estimate, at precision 1/2, of two moments.
    assert scores.by_threshold == {0.5: pytest.approx(1 / 3), 0.8: pytest.approx(0.25 / 3)}
    assert scores.mean_ap == pytest.approx((1 / 3 + 0.25 / 3) / 2)


def test_the_same_words_in_another_file_are_another_query():
    truth = {"v": [Event(0, 10, "q")], "w": [Event(0, 10, "q")]}
    scores = moment_retrieval(truth, {"v": [Event(0, 10, "q", 0.1)]})
    assert scores.recall_at_1[0.5] == 0.5


def test_estimates_that_nobody_asked_for_do_not_count():
    truth = {"v": [Event(0, 10, "q")]}
    found = {"v": [Event(0, 10, "q", 0.5), Event(0, 10, "other", 0.9)], "w": [Event(0, 1, "q")]}
    scores = moment_retrieval(truth, found)
    assert (scores.recall_at_1[0.7], scores.mean_ap, scores.num_queries) == (1.0, 1.0, 1)


def test_of_a_query_the_ten_surest_count():
    truth = {"v": [Event(0, 10, "q")], "w": [Event(0, 10, "q")]}
    wrong = [Event(20 + k, 21 + k, "q", 0.9) for k in range(10)]
    assert moment_retrieval(truth, {"v": [*wrong[1:], Event(0, 10, "q", 0.5)]}).mean_ap == pytest.approx(0.1 / 2)
    assert moment_retrieval(truth, {"v": [*wrong, Event(0, 10, "q", 0.5)]}).mean_ap == 0.0


def test_empty_sides():
    truth = {"v": [Event(0, 10, "q")]}
    assert moment_retrieval(truth, {}).recall_at_1 == {0.5: 0.0, 0.7: 0.0}
    nothing = moment_retrieval({}, truth)
    assert nothing.num_queries == 0
    assert math.isnan(nothing.mean_ap)
    assert math.isnan(nothing.recall_at_1[0.5])


def test_thresholds_outside_are_refused():
    with pytest.raises(InvalidInput, match="thresholds"):
        moment_retrieval({}, {}, recall_thresholds=[2.0])
