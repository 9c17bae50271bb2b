"""Intervals against what is known of them: exact cases, agreement of both ways, coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.metrics.bootstrap import interval_of, interval_of_counts
from avtext.metrics.sound_events import count_events, event_based


def share(total: np.ndarray) -> float:
    return float(total[0] / total[1]) if total[1] else math.nan


def test_equal_files_leave_no_doubt():
    assert interval_of_counts(np.tile([1, 2], (20, 1)), share) == (0.5, 0.5, 0.5)


def test_one_file_leaves_no_doubt_that_can_be_seen():
    assert interval_of_counts(np.array([[3, 4]]), share) == (0.75, 0.75, 0.75)


def test_width_is_that_of_a_share():
    """400 files of which half hit: the normal approximation says 0.5 +- 0.049."""
    hits = np.stack([np.arange(400) % 2, np.ones(400)], axis=1)
    value, low, high = interval_of_counts(hits, share, num_samples=4000)
    assert value == 0.5
    assert (low, high) == pytest.approx((0.451, 0.549), abs=0.006)
    narrow = interval_of_counts(hits, share, num_samples=4000, level=0.5)
    assert low < narrow.low < narrow.high < high


def test_both_ways_give_the_same_interval_of_f1():
    rng = np.random.default_rng(3)
    truth = {f"f{k}": [Event(j, j + 0.5, "x") for j in range(k % 4)] for k in range(12)}
    found = {f: [e for e in events if rng.uniform() < 0.7] for f, events in truth.items()}
    counts = count_events(truth, found)
    fast = interval_of_counts(
        counts.events,
        lambda t: 2 * int(t[2].sum()) / int(t[:2].sum()) if t[0].sum() and t[1].sum() else math.nan,
        num_samples=100,
        seed=5,
    )
    slow = interval_of(lambda r, e: event_based(r, e).micro.f1, truth, found, num_samples=100, seed=5)
    assert fast == pytest.approx(slow)


def test_the_seed_decides():
    counts = np.random.default_rng(0).random((20, 2))
    one, again, other = (interval_of_counts(counts, share, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one.value == other.value
    assert one.low != other.low


def test_resamples_without_a_score_are_left_out():
    counts = np.array([[1, 1], [0, 0]])
    assert interval_of_counts(counts, share) == (1.0, 1.0, 1.0)
    nothing = interval_of_counts(np.zeros((3, 2)), share)
    assert all(math.isnan(value) for value in nothing)


def test_bad_arguments_are_refused():
    with pytest.raises(InvalidInput, match="num_samples"):
        interval_of_counts(np.ones((2, 2)), share, num_samples=0)
    with pytest.raises(InvalidInput, match="level"):
        interval_of_counts(np.ones((2, 2)), share, level=1.0)
    with pytest.raises(InvalidInput, match="no files"):
        interval_of(lambda r, e: 0.0, {}, {})
