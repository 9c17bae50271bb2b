"""A score of what was found says in which range it would fall for most other choices of files."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from avtext.benchmark.intervals import points, resampled
from avtext.clip import Event
from avtext.metrics.bootstrap import interval_of
from avtext.metrics.sound_events import event_based
from avtext.training.evaluation import Found


def chance(seed: int, hit: float) -> Found:
    """Thirty files of one to five events, each found with probability ``hit``, and some found where none is."""
    rng, reference, estimate = np.random.default_rng(seed), {}, {}
    for k in range(30):
        truth = [Event(i, i + 0.5, "bell") for i in range(int(np.random.default_rng(k).integers(1, 6)))]
        reference[f"{k}.mp4"] = truth
        estimate[f"{k}.mp4"] = [event for event in truth if rng.random() < hit] + [Event(9, 10, "dog")] * (k % 7 == 0)
    return Found(reference, estimate)


def ends(said: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.\d+", said)]


def test_it_is_the_interval_that_scoring_every_resample_anew_gives() -> None:
    found = chance(0, 0.8)

    def f1(reference: dict[str, list[Event]], estimate: dict[str, list[Event]]) -> float:
        return event_based(reference, estimate, onset_collar=0.2, offset_collar=None).micro.f1

    slow = interval_of(f1, found.reference, found.estimate, num_samples=1000)
    assert slow.low < found.f1() == slow.value < slow.high
    assert ends(resampled(float, found, decimals=6)) == pytest.approx([slow.low, slow.high], abs=1e-6)


def test_files_are_drawn_in_pairs() -> None:
    one, other = chance(1, 0.5), chance(1, 0.5)
    assert ends(resampled(points, one, other, decimals=1)) == [0.0, 0.0]
    low, high = ends(resampled(points, one, chance(2, 0.5), decimals=1))
    assert low < 0 < high


def test_nothing_found_and_nothing_there_counts_as_zero() -> None:
    nothing = Found({"a.mp4": []}, {"a.mp4": []})
    assert ends(resampled(float, nothing)) == [0.0, 0.0]
    assert not math.isnan(nothing.f1())
