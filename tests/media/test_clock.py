"""Jumps of broadcast clocks are undone, those of other containers are not."""

from __future__ import annotations

import pytest

from avtext.media.clock import Clock, Stamps


def test_times_count_from_the_origin() -> None:
    clock = Clock(origin=8.333, joined=False)
    assert clock.time("audio", 8.333, None) == 0.0
    assert clock.time("audio", 9.333, 0.02) == pytest.approx(1.0)
    assert clock.time("audio", 8.0, None) == pytest.approx(-0.333)


@pytest.mark.parametrize("jump", [100.0, -100.0])
def test_a_jump_is_undone_for_both_streams_alike(jump: float) -> None:
    clock = Clock(origin=0.0, joined=True)
    assert clock.time("audio", 5.0, 5.0) == 5.0
    assert clock.time("audio", 5.02 + jump, 5.02) == pytest.approx(5.02)
    assert clock.time("video", 5.0, 5.0) == 5.0  # the other stream is still before the joint
    assert clock.time("video", 5.08 + jump, 5.04) == pytest.approx(5.08)  # 40 ms are missing, and stay missing
    assert clock.time("audio", 5.04 + jump, 5.04) == pytest.approx(5.04)
    assert clock.num_jumps == 1


def test_a_second_jump_is_its_own() -> None:
    clock = Clock(origin=0.0, joined=True)
    clock.time("audio", 50.0, 1.0)
    assert clock.time("audio", 200.0, 2.0) == pytest.approx(2.0)
    assert clock.num_jumps == 2


def test_a_pause_below_the_limit_is_kept() -> None:
    assert Clock(0.0, joined=True).time("audio", 9.0, 1.0) == 9.0
    assert Clock(0.0, joined=True).time("audio", 0.8, 1.0) == 0.8


def test_a_clock_that_begins_anew_goes_on() -> None:
    clock = Clock(0.0, joined=True)
    times = [clock.time("audio", 0.1 * i, 3.0) for i in range(8)]
    assert times[:5] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])  # not yet believed
    assert times[5:] == pytest.approx([3.5, 3.6, 3.7])
    assert clock.num_jumps == 1


def test_stamps_out_of_order_are_no_new_clock() -> None:
    clock = Clock(0.0, joined=True)
    for i in range(50):
        assert clock.time("video", 10.0 + i, 10.0 + i) == 10.0 + i
        assert clock.time("video", 9.0 + i, 10.0 + i) == 9.0 + i
    assert clock.num_jumps == 0


def test_other_containers_may_jump() -> None:
    clock = Clock(0.0, joined=False)
    assert clock.time("audio", 500.0, 1.0) == 500.0
    assert clock.num_jumps == 0


def test_stamps_that_go_back_together_are_a_new_clock_and_stay() -> None:
    stamps = Stamps()
    pairs = [(10, 12), (11, 13), (0, 2), (1, 3), (2, None), (None, 5)]
    assert [stamps.chosen(*pair) for pair in pairs] == [10, 11, 0, 1, 2, 5]
