"""Rates from counts, at the corners where something is missing."""

from __future__ import annotations

import math

import pytest

from avtext.metrics.rates import harmonic_mean, mean_rates, nan_mean, rates_from_counts, rates_from_segments


def test_known_counts():
    rates = rates_from_counts(10, 8, 6, 1)
    assert (rates.precision, rates.recall) == (0.75, 0.6)
    assert rates.f1 == pytest.approx(2 * 6 / 18)
    parts = (rates.substitution_rate, rates.deletion_rate, rates.insertion_rate)
    assert parts == pytest.approx((0.1, 0.3, 0.1))
    assert rates.error_rate == pytest.approx(0.5)
    assert (rates.num_reference, rates.num_estimate, rates.num_correct) == (10, 8, 6)


def test_nothing_estimated_and_nothing_true():
    silent = rates_from_counts(3, 0, 0)
    assert math.isnan(silent.precision)
    assert math.isnan(silent.f1)
    assert (silent.recall, silent.error_rate) == (0.0, pytest.approx(1.0))
    assert rates_from_counts(3, 0, 0, empty_precision=0.0).f1 == 0.0
    spurious = rates_from_counts(0, 2, 0)
    assert math.isnan(spurious.recall)
    for nothing_true in (spurious, rates_from_counts(0, 0, 0), rates_from_segments((0, 2, 0), (0, 0, 2))):
        assert math.isnan(nothing_true.error_rate)  # sed_eval has 1e16: per (0 + eps) reference events
        assert math.isnan(nothing_true.insertion_rate)
    assert mean_rates([spurious, rates_from_counts(2, 1, 1)]).error_rate == 0.5


def test_segments_carry_their_own_errors():
    rates = rates_from_segments((10, 8, 6), (2, 2, 0))
    assert (rates.error_rate, rates.insertion_rate) == (pytest.approx(0.4), 0.0)


def test_means_leave_out_what_is_not_a_number():
    mean = mean_rates([rates_from_counts(2, 2, 2), rates_from_counts(2, 0, 0)])
    assert (mean.f1, mean.recall, mean.num_reference) == (1.0, 0.5, 4)
    assert math.isnan(mean_rates([]).f1)
    assert math.isnan(nan_mean([math.nan]))
    assert harmonic_mean(0.0, 0.0) == 0.0
