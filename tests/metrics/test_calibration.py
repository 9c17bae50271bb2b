"""Calibration error of known outcomes, and the two fits against slow or exact answers."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.metrics.calibration import (
    Isotonic,
    Outcomes,
    Temperature,
    calibration_from_dict,
    calibration_to_dict,
    fit_isotonic,
    fit_temperature,
    reliability,
    score_outcomes,
)

OUTCOMES = st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=1, max_size=12).map(
    lambda rows: Outcomes(np.array([s / 10 for s, _ in rows]), np.array([c for _, c in rows]))
)


def test_error_worked_by_hand():
    """Two bins of two: |0.25 - 0.5| and |0.75 - 0.5|, weighed alike."""
    found = reliability(Outcomes(np.array([0.2, 0.3, 0.7, 0.8]), np.array([True, False, True, False])), 2)
    assert found.expected_error == pytest.approx(0.25)
    assert found.largest_error == pytest.approx(0.25)
    assert found.counts == (2, 2)
    assert found.mean_scores == pytest.approx((0.25, 0.75))
    assert found.shares_correct == (0.5, 0.5)
    assert found.edges == (0.0, 0.5, 1.0)


def test_score_one_falls_in_the_last_bin_and_empty_bins_are_nan():
    found = reliability(Outcomes(np.array([1.0]), np.array([True])), 4)
    assert found.counts == (0, 0, 0, 1)
    assert math.isnan(found.mean_scores[0])
    assert found.expected_error == 0.0


def test_nothing_has_no_error():
    found = reliability(Outcomes(np.zeros(0), np.zeros(0, dtype=bool)))
    assert math.isnan(found.expected_error)
    assert math.isnan(found.largest_error)


def test_outcomes_take_the_surest_for_each_truth():
    truth = {"v": [Event(0, 10, "x")]}
    found = {"v": [Event(0, 10, "x", 0.4), Event(1, 10, "x", 0.9), Event(0, 10, "y", 0.8)]}
    outcomes = score_outcomes(truth, found)
    assert outcomes.scores.tolist() == [0.9, 0.8, 0.4]
    assert outcomes.correct.tolist() == [True, False, False]


def negative_log_likelihood(outcomes: Outcomes, value: float) -> float:
    p = np.clip(Temperature(value)(outcomes.scores), 1e-12, 1 - 1e-12)
    return float(-np.sum(np.where(outcomes.correct, np.log(p), np.log(1 - p))))


@settings(max_examples=60, deadline=None)
@given(OUTCOMES)
def test_temperature_is_the_likeliest_of_a_grid(outcomes):
    best = negative_log_likelihood(outcomes, fit_temperature(outcomes).value)
    for value in np.geomspace(0.011, 99, 60):
        assert best <= negative_log_likelihood(outcomes, value) + 1e-6


def test_temperature_finds_the_one_that_was_applied():
    rng = np.random.default_rng(0)
    true = rng.uniform(0.02, 0.98, 40_000)
    outcomes = Outcomes(Temperature(1 / 2.5)(true), rng.uniform(size=40_000) < true)  # too sure by 2.5
    fitted = fit_temperature(outcomes)
    assert fitted.value == pytest.approx(2.5, rel=0.05)
    before, after = (
        reliability(Outcomes(scores, outcomes.correct)).expected_error
        for scores in (outcomes.scores, fitted(outcomes.scores))
    )
    assert after < 0.02 < before


def min_max(values: np.ndarray, correct: np.ndarray) -> list[float]:
    """The isotonic fit by its min-max formula: for every value, over all intervals around it."""
    levels = sorted(set(values.tolist()))
    return [
        max(
            min(correct[(values >= low) & (values <= high)].mean() for high in levels if high >= level)
            for low in levels
            if low <= level
        )
        for level in levels
    ]


@settings(max_examples=100, deadline=None)
@given(OUTCOMES)
def test_isotonic_is_that_of_the_min_max_formula(outcomes):
    fitted = fit_isotonic(outcomes)
    expected = np.array(min_max(outcomes.scores, outcomes.correct.astype(float)))
    levels, counts = np.unique(outcomes.scores, return_counts=True)
    pools = [np.isclose(expected, share, rtol=1e-9, atol=1e-12) for share in np.unique(expected.round(12))]
    centres = [np.average(levels[pool], weights=counts[pool]) for pool in pools]
    assert fitted.scores == pytest.approx(centres)
    assert fitted(np.array(centres)).tolist() == pytest.approx([expected[pool][0] for pool in pools])


@pytest.mark.parametrize("calibration", [Temperature(0.7), Isotonic((0.1, 0.9), (0.0, 0.6))])
def test_calibrations_survive_json(calibration):
    stored = json.loads(json.dumps(calibration_to_dict(calibration)))
    assert calibration_from_dict(stored) == calibration


def test_extreme_scores_stay_finite():
    out = Temperature(2.0)(np.array([0.0, 0.5, 1.0]))
    assert np.isfinite(out).all()
    assert out[0] < 0.01 < out[1] < 0.99 < out[2]


def test_no_outcomes():
    nothing = Outcomes(np.zeros(0), np.zeros(0, dtype=bool))
    assert fit_temperature(nothing) == Temperature(1.0)
    halves = Outcomes(np.full(4, 0.5), np.array([True, False, False, False]))
    assert fit_temperature(halves) == Temperature(1.0)  # each is as likely; the lowest would make others certain
    with pytest.raises(InvalidInput, match="at least one scored event"):
        fit_isotonic(nothing)


@pytest.mark.parametrize("scores", [[math.nan], [1.5], [-0.1]])
def test_scores_that_are_none_are_refused(scores):
    with pytest.raises(InvalidInput, match=r"scores must lie in \[0, 1\] and not be NaN"):
        reliability(Outcomes(np.array(scores), np.array([True])))


def test_malformed_values_are_refused():
    with pytest.raises(InvalidInput, match="one outcome per score"):
        reliability(Outcomes(np.zeros(2), np.zeros(3, dtype=bool)))
    with pytest.raises(InvalidInput, match="num_bins"):
        reliability(Outcomes(np.zeros(1), np.zeros(1, dtype=bool)), 0)
    with pytest.raises(InvalidInput, match="Temperature: must be positive"):
        Temperature(0.0)
    with pytest.raises(InvalidInput, match="must not fall"):
        Isotonic((0.1, 0.2), (0.5, 0.4))
    with pytest.raises(InvalidInput, match="at least one"):
        Isotonic((), ())
    for strange in (
        [[[0.1]], [[0.2]]],
        [["a"], [0.2]],
        [[0.1], [5.0]],
        [[0.1], [math.nan]],
        [[[0.1], 0.2], [0.1, 0.2]],
    ):
        with pytest.raises(InvalidInput, match="fields do not fit 'isotonic'"):
            calibration_from_dict({"kind": "isotonic", "scores": strange[0], "shares": strange[1]})
    with pytest.raises(InvalidInput, match="kind must be one of"):
        calibration_from_dict({"kind": "platt"})
    with pytest.raises(InvalidInput, match="fields do not fit"):
        calibration_from_dict({"kind": "temperature", "values": 1.0})
    with pytest.raises(InvalidInput, match="overlap"):
        score_outcomes({}, {}, overlap=0.0)
