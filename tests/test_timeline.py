from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avtext.errors import InvalidInput
from avtext.timeline import ClockMap, centres, num_steps, span_to_steps, steps_to_span, steps_within


@given(st.floats(0.0, 3600.0), st.sampled_from([8.0, 15.0, 25.0, 49.95, 16000.0]))
def test_the_steps_cover_the_duration_and_no_more(duration: float, rate: float) -> None:
    count = num_steps(duration, rate)
    assert count / rate >= duration - 1e-6 / rate - 1e-9
    assert count == 0 or (count - 1) / rate < duration


@given(st.integers(0, 400), st.integers(1, 100), st.sampled_from([8.0, 25.0, 49.95]), st.sampled_from([0.0, 3.2]))
def test_steps_to_seconds_and_back(first: int, length: int, rate: float, origin: float) -> None:
    start, end = steps_to_span(first, first + length, rate, origin)
    assert span_to_steps(start, end, rate, 1000, origin) == (first, first + length)


@given(st.floats(0, 39.9), st.floats(0.0, 5.0))
def test_no_span_inside_the_grid_vanishes(start: float, duration: float) -> None:
    first, last = span_to_steps(start, min(start + duration, 40.0), 25.0, 1000)
    assert 0 <= first < last <= 1000
    inside = [i for i, c in enumerate(centres(1000, 25.0)) if start <= c < min(start + duration, 40.0)]
    if inside:
        assert (first, last) == (inside[0], inside[-1] + 1)


@given(st.floats(-1.0, 50.0), st.floats(0.001, 5.0), st.sampled_from([8.0, 25.0, 49.95]))
def test_steps_within_a_span_are_those_that_overlap_it(start: float, duration: float, rate: float) -> None:
    first, last = steps_within(start, start + duration, rate, 1000, 3.2)
    for step in (first - 1, first, last - 1, last):
        begin, end = steps_to_span(step, step + 1, rate, 3.2)
        shared = min(end, start + duration) - max(begin, start)
        if 0 <= step < 1000 and abs(shared) * rate > 1e-5:
            assert (first <= step < last) == (shared > 0)


def test_spans_outside_the_grid_are_empty_and_those_across_its_edge_are_cut() -> None:
    assert span_to_steps(-2.0, -1.0, 25.0, 50)[0] == span_to_steps(-2.0, -1.0, 25.0, 50)[1]
    assert span_to_steps(2.0, 3.0, 25.0, 50) == (50, 50)
    assert span_to_steps(-1.0, 1.0, 25.0, 50) == (0, 25)
    assert span_to_steps(1.0, 9.0, 25.0, 50) == (25, 50)


def test_an_empty_grid_has_no_steps() -> None:
    assert span_to_steps(0.0, 1.0, 25.0, 0) == (0, 0)
    assert len(centres(0, 25.0)) == 0


@given(st.floats(-5, 5), st.floats(0.99, 1.01), st.floats(0, 100))
def test_one_piece_there_and_back(offset: float, rate: float, time: float) -> None:
    clock = ClockMap.shift(offset, rate)
    assert clock.to_stream(clock.to_video(time)) == pytest.approx(time, abs=1e-9)


def test_a_forward_jump_leaves_a_hole_on_the_videos_clock() -> None:
    clock = ClockMap((0.0, 60.0), (0.0, 10.0), (1.0, 1.0))  # ten seconds are missing from the stream at 60 s
    assert clock.to_video(np.array([59.0, 61.0])).tolist() == [59.0, 71.0]
    assert clock.to_stream(np.array([59.0, 71.0])).tolist() == [59.0, 61.0]
    assert np.isnan(clock.to_stream(65.0))
    assert clock.breaks == ((60.0, 10.0),)


def test_a_map_comes_back_from_plain_lists() -> None:
    clock = ClockMap((0.0, 60.0), (0.5, 10.0), (1.0, 1.001))
    assert ClockMap.from_dict(json.loads(json.dumps(clock.to_dict()))) == clock


def test_a_backward_jump_is_answered_by_the_earlier_piece() -> None:
    clock = ClockMap((0.0, 60.0), (0.0, -10.0), (1.0, 1.0))
    assert clock.to_stream(55.0) == 55.0
    assert clock.to_stream(61.0) == 71.0


def first_answer(clock: ClockMap, video_time: float) -> float:
    """The stream time that the earliest piece gives, by asking them one after the other."""
    for begin, end, offset, rate in zip(
        (-np.inf, *clock.starts[1:]), (*clock.starts[1:], np.inf), clock.offsets, clock.rates, strict=True
    ):
        stream = (video_time - offset) / rate
        if begin <= stream < end:
            return stream
    return np.nan


def test_many_pieces_and_times_in_any_order() -> None:
    rng = np.random.default_rng(0)
    for count in (1, 2, 5, 8) * 5:
        starts = np.round(np.cumsum(rng.uniform(0.5, 20.0, count)), 2)
        rates = rng.choice([1.0, 0.999, 1.001], count)
        clock = ClockMap(tuple(starts), tuple(np.round(rng.uniform(-30, 30, count), 1)), tuple(rates))
        times = rng.uniform(-50, 150, (3, 20))
        times[0, :count] = clock.to_video(starts)
        times[1, :3] = np.nan, np.inf, -np.inf
        wanted = [[first_answer(clock, at) for at in row] for row in times]
        assert np.array_equal(clock.to_stream(times), wanted, equal_nan=True)
        assert np.array_equal(clock.to_stream(times[0, 0]), wanted[0][0], equal_nan=True)
    assert clock.to_stream(np.zeros(0)).shape == (0,)


def test_times_before_the_first_piece_follow_it() -> None:
    assert ClockMap((5.0,), (1.0,), (1.0,)).to_video(-3.0) == -2.0


@pytest.mark.parametrize(
    ("starts", "offsets", "rates", "word"),
    [((), (), (), "piece"), ((0.0,), (0.0, 1.0), (1.0,), "one value per piece"), ((0.0, 0.0), (0.0,) * 2, (1.0,) * 2, "ascend"),
     ((0.0,), (float("nan"),), (1.0,), "finite"), ((0.0,), (0.0,), (0.0,), "positive")],
)  # fmt: skip
def test_a_clock_map_refuses_to_be_built_wrong(starts: tuple, offsets: tuple, rates: tuple, word: str) -> None:
    with pytest.raises(InvalidInput, match=word):
        ClockMap(starts, offsets, rates)


def test_identity_drift_and_plain_values() -> None:
    assert ClockMap.shift().is_identity
    assert not ClockMap.shift(0.1).is_identity
    assert ClockMap.shift(0.0, 1.0001).drift_ppm == pytest.approx(100.0)
    assert ClockMap.shift(0.5).to_dict() == {"starts": [0.0], "offsets": [0.5], "rates": [1.0]}
