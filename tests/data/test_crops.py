from __future__ import annotations

import numpy as np
import pytest

from avtext.clip import Clip, Cue, Event, Stream
from avtext.data.crops import Crops
from avtext.data.windows import window_of
from avtext.errors import InvalidInput


def long_clip(seconds: float = 20.0) -> Clip:
    return Clip(
        seconds,
        audio=Stream(np.arange(round(seconds * 25), dtype=np.float32)[:, None], 25.0),
        video=Stream(np.arange(round(seconds * 8), dtype=np.float32)[:, None], 8.0),
        text=Stream(np.arange(round(seconds * 25), dtype=np.float32)[:, None], 25.0),
        cues=(Cue(1.0, 3.0, "one"), Cue(15.0, 16.0, "two")),
        events=(Event(2.0, 6.0, "bell"), Event(19.0, 20.0, "dog")),
        name="long",
    )


def test_all_of_a_window_is_cut_at_the_same_place() -> None:
    part = window_of(long_clip(), 4.0, 16.0)
    assert (part.start, part.duration, part.name) == (4.0, 12.0, "long at 4 s")
    for name, rate in (("audio", 25), ("video", 8), ("text", 25)):
        stream = getattr(part, name)
        assert (stream.start, stream.values[0, 0], len(stream)) == (4.0, 4 * rate, 12 * rate)
    assert [cue.text for cue in part.cues] == ["two"]
    assert part.events == (Event(4.0, 6.0, "bell"),)


def test_crops_are_the_same_each_time_and_differ_from_each_other() -> None:
    crops = Crops([long_clip(), long_clip(5.0)], 8.0, each=10)
    starts = [crops[i].start for i in range(10)]
    assert starts == [crops[i].start for i in range(10)]
    assert len(set(starts)) > 3
    assert all(0 <= start <= 12 and start % 1 == 0 and crops[i].duration == 8 for i, start in enumerate(starts))
    assert (len(crops), crops[10].duration) == (20, 5.0)  # a short clip stays whole
    with pytest.raises(IndexError):
        crops[20]


@pytest.mark.parametrize(("seconds", "grid", "last"), [(20.0, 1.0, 12.0), (8.5, 1.0, 0.0), (8.3, 0.1, 0.3)])
def test_crops_reach_the_end_of_a_clip(seconds: float, grid: float, last: float) -> None:
    crops = Crops([long_clip(seconds)], 8.0, each=200, grid=grid)
    starts = {round(crops[i].start, 6) for i in range(len(crops))}
    assert (min(starts), max(starts)) == (0.0, last)
    assert len(starts) == round(last / grid) + 1


@pytest.mark.parametrize("grid", [0.0, -1.0, float("inf"), float("nan")])
def test_a_grid_has_steps(grid: float) -> None:
    with pytest.raises(InvalidInput, match=f"Crops: grid must be above 0 and finite seconds, got {grid}"):
        Crops([long_clip()], 8.0, grid=grid)


def test_a_clip_without_labels_has_none_in_a_window() -> None:
    clip = Clip(10.0, audio=Stream(np.zeros((250, 1), np.float32), 25.0))
    assert window_of(clip, 0.0, 5.0).events is None


def test_a_part_of_a_clip_whose_labels_have_no_times_has_none() -> None:
    weak = Clip(10.0, present=("bell",), annotated=("bell", "dog"))
    assert (window_of(weak, 0.0, 5.0).present, window_of(weak, 0.0, 5.0).annotated) == (None, ("bell", "dog"))
