"""Boundary errors of known shifts, and the tolerance curve."""

from __future__ import annotations

import math

import pytest

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.metrics.boundaries import boundary_errors, offset_tolerance

TRUTH = {"v": [Event(10.0 * k, 10.0 * k + 4.0, "x") for k in range(10)]}


def shifted(seconds: float) -> dict[str, list[Event]]:
    return {"v": [Event(e.start + seconds, e.end + seconds, e.label) for e in TRUTH["v"]]}


@pytest.mark.parametrize("seconds", [-0.3, 0.0, 0.08, 1.0])
def test_a_constant_shift_is_told_in_milliseconds(seconds):
    scores = boundary_errors(TRUTH, shifted(seconds))
    for part in (scores.both, scores.starts, scores.ends):
        assert part.bias_ms == pytest.approx(1000 * seconds, abs=1e-6)
        assert [part.median_ms, part.p90_ms] == pytest.approx([abs(1000 * seconds)] * 2, abs=1e-6)
    assert (scores.num_matched, scores.matched_share) == (10, 1.0)


def test_the_ninetieth_percentile_shows_the_tail():
    found = [*shifted(0.0)["v"][:-2], *shifted(2.0)["v"][-2:]]
    scores = boundary_errors(TRUTH, {"v": found})
    assert (scores.starts.median_ms, scores.starts.p90_ms) == (0.0, 2000.0)


def test_best_overlaps_are_paired_first_and_labels_must_agree():
    truth = {"v": [Event(0, 10, "x"), Event(8, 18, "x")]}
    found = {"v": [Event(7, 17, "x"), Event(0, 10, "y")]}
    scores = boundary_errors(truth, found)
    assert (scores.num_matched, scores.starts.bias_ms) == (1, -1000.0)
    assert scores.matched_share == 0.5


def test_events_that_only_touch_are_no_match_and_equal_instants_are():
    assert boundary_errors({"v": [Event(0, 1, "x")]}, {"v": [Event(1, 2, "x")]}, min_overlap=0.0).num_matched == 0
    assert boundary_errors({"v": [Event(1, 1, "x")]}, {"v": [Event(1, 1, "x")]}).num_matched == 1


def test_an_overlap_that_is_just_enough_is_not_lost_to_rounding():
    truth, found = {"v": [Event(60.7, 79.7, "x")]}, {"v": [Event(60.7, 62.6, "x")]}  # a tenth: 1.9 of 19 seconds
    assert boundary_errors(truth, found, min_overlap=0.1).num_matched == 1
    assert boundary_errors(truth, found, min_overlap=0.11).num_matched == 0


def test_empty_sides():
    nothing = boundary_errors({"v": []}, TRUTH)
    assert math.isnan(nothing.both.median_ms)
    assert math.isnan(nothing.matched_share)
    assert boundary_errors(TRUTH, {}).matched_share == 0.0


def test_tolerance_rises_with_the_collar_and_jumps_at_the_shift():
    curve = offset_tolerance(TRUTH, shifted(0.0625))
    assert list(curve) == sorted(curve)
    assert [curve[c] for c in (0.05, 0.1)] == [0.0, 1.0]


def test_bad_overlap_is_refused():
    with pytest.raises(InvalidInput, match="min_overlap"):
        boundary_errors({}, {}, min_overlap=1.5)
