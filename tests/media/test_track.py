"""The track against a plain array that holds everything."""

from __future__ import annotations

import numpy as np
import pytest

from avtext.media.track import Track


@pytest.mark.parametrize("seed", range(5))
def test_random_writes_and_cuts_equal_a_plain_array(seed: int) -> None:
    rng = np.random.default_rng(seed)
    track, plain, real = Track((2,), np.float32, block=7), np.zeros((200, 2), np.float32), np.zeros(200, bool)
    for _ in range(40):
        start, count = int(rng.integers(0, 180)), int(rng.integers(0, 20))
        values = rng.normal(size=(count, 2)).astype(np.float32)
        track.write(start, values)
        plain[start : start + count], real[start : start + count] = values, True
    for start, stop in ((0, 200), (3, 4), (6, 15), (50, 50), (60, 59), (190, 230)):
        values, mask = track.cut(start, stop)
        stop_of_plain = max(min(stop, 200), start)
        assert len(values) == max(stop - start, 0)
        assert (values[: stop_of_plain - start] == plain[start:stop_of_plain]).all()
        assert (mask[: stop_of_plain - start] == real[start:stop_of_plain]).all()
        assert not mask[stop_of_plain - start :].any()


def test_a_cut_is_a_copy() -> None:
    track = Track((), np.float32, block=4)
    track.write(0, np.ones(4, np.float32))
    track.cut(0, 4)[0][:] = 7
    assert (track.cut(0, 4)[0] == 1).all()


def test_what_was_given_out_is_gone_and_cannot_be_written() -> None:
    track = Track((), np.float32, block=4)
    track.write(0, np.ones(20, np.float32))
    before = track.nbytes_from(0)
    track.forget(10)
    assert track.nbytes_from(0) < before
    track.write(8, np.full(4, 5, np.float32))
    assert track.cut(10, 14)[0].tolist() == [5, 5, 1, 1]
    assert track.num_late(8, 12) == 2
    assert track.num_late(10, 12) == 0
    assert track.num_late(0, 30) == 10


def test_steps_before_the_first_wanted_one_are_not_late() -> None:
    track = Track((), np.float32, block=4, first=10)
    track.write(8, np.ones(4, np.float32))
    assert track.cut(8, 12)[1].tolist() == [False, False, True, True]
    assert track.num_late(0, 12) == 0


def test_negative_steps_are_left_out() -> None:
    track = Track((), np.float32, block=4)
    track.write(-3, np.arange(5, dtype=np.float32))
    assert track.cut(0, 3)[0].tolist() == [3, 4, 0]
    track.write(-9, np.ones(4, np.float32))
    assert track.cut(0, 3)[0].tolist() == [3, 4, 0]


def test_a_gap_costs_nothing() -> None:
    track = Track((1000,), np.uint8, block=10)
    track.write(0, np.ones((1, 1000), np.uint8))
    track.write(10_000_000, np.ones((1, 1000), np.uint8))
    assert track.nbytes_from(0) < 30_000


def test_bytes_from_a_step_on_are_those_of_whole_blocks() -> None:
    track = Track((), np.float32, block=4)
    track.write(0, np.ones(12, np.float32))
    every, *some = [track.nbytes_from(step) for step in (0, 1, 4, 5, 8, 9, 100)]
    assert every == 12 * (4 + 1)  # with the mask
    assert some == [every * left // 3 for left in (2, 2, 1, 1, 0, 0)]
