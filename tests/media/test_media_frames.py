"""Frames against a plain rule: a step shows the last frame that began at or before its centre."""

from __future__ import annotations

import av
import numpy as np
import pytest
from media_files import grey

from avtext.kernels.picture import NAMES
from avtext.media.frames import Pictures, Scaler
from avtext.media.track import Track


def _pictures(rate: float = 8.0) -> Pictures:
    return Pictures(Track((16, 16, 3), np.uint8, 8), (16, 16), rate)


def _frame(value: int) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(grey(value, 32), format="rgb24")


def _shown(times: list[float], end: float, rate: float, count: int) -> list[int]:
    """The index of the frame at each step's centre by looking, or -1."""
    out = []
    for step in range(count):
        centre = (step + 0.5) / rate
        before = [i for i, t in enumerate(times) if t <= centre + 1e-9]
        out.append(before[-1] if before and centre < end else -1)
    return out


@pytest.mark.parametrize("rate", [2.0, 8.0, 15.0, 29.97, 60.0])
@pytest.mark.parametrize("seed", range(3))
def test_steps_show_the_frame_at_their_centre(seed: int, rate: float) -> None:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.001, 0.3, 30)).tolist()
    pictures = _pictures(rate)
    for i, time in enumerate(times):
        pictures.add(_frame(8 * i), time)
    pictures.close(0.25)
    end = times[-1] + 0.25
    assert pictures.end == pytest.approx(end)
    count = int(end * rate)
    values, mask = pictures.track.cut(0, count)
    found = [round(float(v[0, 0, 0]) / 8) if m else -1 for v, m in zip(values, mask, strict=True)]
    assert found == _shown(times, end, rate, count)


def test_one_short_frame_is_seen() -> None:
    pictures = _pictures()
    pictures.add(_frame(200), 0.0)
    pictures.close(0.04)
    values, mask = pictures.track.cut(0, 2)
    assert mask.tolist() == [True, False]
    assert values[0].min() > 195


def test_a_last_frame_without_a_duration_lasts_as_long_as_the_one_before() -> None:
    pictures = _pictures()
    for i in range(5):
        pictures.add(_frame(i), 0.2 * i)
    pictures.close(0.0)
    assert pictures.end == pytest.approx(1.0)


def test_a_last_frame_that_claims_to_last_for_ever_is_not_believed() -> None:
    pictures = _pictures()
    pictures.add(_frame(1), 0.0)
    pictures.add(_frame(2), 0.1)
    pictures.close(1e6)
    assert pictures.end == pytest.approx(0.2)


def test_frames_out_of_order_are_counted_and_left_out() -> None:
    pictures = _pictures()
    for value, time in ((10, 0.0), (20, 0.5), (30, 0.2), (40, 0.5), (50, 1.0)):
        pictures.add(_frame(value), time)
    pictures.close(0.5)
    values, _ = pictures.track.cut(0, 12)
    assert pictures.out_of_order == 2
    assert pictures.num_frames == 5
    assert set(values[:, 0, 0, 0].tolist()) == {10, 20, 50}


def test_frames_without_times_come_at_the_last_interval() -> None:
    pictures = _pictures()
    for time in (0.0, 0.1, None, None):
        pictures.add(_frame(1), time)
    pictures.close(0.0)
    assert pictures.end == pytest.approx(0.4)


def test_statistics_see_every_frame() -> None:
    pictures = _pictures()
    for i in range(60):
        pictures.add(_frame(255 if i == 33 else 0), i / 60)  # a flash of 17 ms, between two samples
    pictures.close(1 / 60)
    rows, mask = pictures.statistics(0.0, 25)
    assert mask.all()
    brightening = rows[:, NAMES.index("brightening")]
    assert int(brightening.argmax()) == int(33 / 60 * 25)
    assert brightening.max() > 0.9
    assert rows.shape == (25, len(NAMES))


@pytest.mark.parametrize("size", [7, 16, 33])
def test_statistics_do_not_depend_on_where_windows_begin(size: int) -> None:
    rng = np.random.default_rng(1)
    whole, pieces = _pictures(), _pictures()
    for i in range(50):
        frame = av.VideoFrame.from_ndarray(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8), format="rgb24")
        for pictures in (whole, pieces):
            pictures.add(frame, i / 30 + 0.011)
    for pictures in (whole, pieces):
        pictures.close(1 / 30)
    expected, expected_mask = whole.statistics(0.0, 45)
    for first in range(0, 45, size):
        rows, mask = pieces.statistics(first / 25, min(size, 45 - first))
        assert np.array_equal(rows, expected[first : first + size])
        assert np.array_equal(mask, expected_mask[first : first + size])
        pieces.forget((first + size) / 25)


def test_holding_shows_the_frame_on_and_late_frames_are_counted() -> None:
    pictures = _pictures()
    pictures.add(_frame(100), 0.0)
    pictures.hold(2.0)
    assert pictures.track.cut(0, 16)[1].all()
    assert pictures.ready == 2.0
    pictures.track.forget(16)
    pictures.add(_frame(200), 1.0)
    pictures.add(_frame(50), 3.0)
    assert pictures.late > 0


def test_a_long_pause_is_noted_only_where_frames_come_often() -> None:
    often, rarely = _pictures(), _pictures()
    for time in (*(i / 25 for i in range(25)), 3.0, 3.04):
        often.add(_frame(1), time)
    for time in (0.0, 2.0, 4.5, 6.0):
        rarely.add(_frame(1), time)
    assert often.pauses == [(pytest.approx(0.96), 3.0)]
    assert often.num_skipped == 50
    assert rarely.pauses == []
    assert rarely.num_skipped == 0


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_turning_is_counterclockwise(turns: int) -> None:
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:20, :40] = 255  # bright at the top left
    turned = Scaler((16, 32), "AREA")(av.VideoFrame.from_ndarray(picture, format="rgb24"), turns)
    assert turned.shape == (16, 32, 3)
    bright = turned[..., 0] > 128
    corners = {0: (2, 2), 1: (13, 2), 2: (13, 29), 3: (2, 29)}
    for name, (row, col) in corners.items():
        assert bright[row, col] == (name == turns)
