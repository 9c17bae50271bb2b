from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import asdict, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from avtext.clip import Clip, Cue, Event, Stream
from avtext.errors import InvalidInput
from avtext.timeline import ClockMap


@pytest.mark.parametrize(
    ("values", "word"),
    [((2.0, 1.0, "a"), "before start"), ((float("nan"), 1.0, "a"), "finite"), ((0.0, float("inf"), "a"), "finite"),
     ((0.0, 1.0, ""), "label"), ((0.0, 1.0, 3), "label"), ((0.0, 1.0, "a", 1.5), "score"), ((0.0, 1.0, "a", float("nan")), "score"),
     (("0", "1", "a"), "finite"), ((0.0, None, "a"), "finite"), ((0.0, 10**400, "a"), "finite"), ((0.0, 1.0, "a", "1"), "score"),
     ((0.0, 1.0, "a", 1.0, 0.5), "shares"), ((0.0, 1.0, "a", 1.0, (1.0,)), "shares"), ((0.0, 1.0, "a", 1.0, (2.0, 0.0, 0.0)), "shares"),
     ((0.0, 1.0, "a", 1.0, (float("nan"), 0.0, 0.0)), "shares"), ((0.0, 1.0, "a", 1.0, "abc"), "shares")],
)  # fmt: skip
def test_an_event_refuses_to_be_built_wrong(values: tuple, word: str) -> None:
    with pytest.raises(InvalidInput, match=word):
        Event(*values)


def test_events_sort_by_time_and_shares_do_not_count_in_comparison() -> None:
    late, early = Event(2.0, 3.0, "a"), Event(1.0, 5.0, "b")
    assert sorted([late, early]) == [early, late]
    assert Event(1.0, 2.0, "a", shares=(1.0, 0.0, 0.0)) == Event(1.0, 2.0, "a")


@pytest.mark.parametrize("kind", [np.float32, np.int64, Fraction, Decimal, int])
def test_numbers_of_any_kind_become_floats_which_json_can_hold(kind: Callable[[int], Any]) -> None:
    event = Event(kind(1), kind(2), "a", kind(1), shares=(kind(1), kind(0), kind(0)))
    cue, stream, clip = Cue(kind(1), kind(2), "x"), Stream(np.zeros(3), kind(25), kind(1)), Clip(kind(2), kind(1))
    assert event.shares is not None
    numbers = [event.start, event.end, event.score, *event.shares, cue.start, cue.end, stream.rate, stream.start]
    assert [type(number) for number in (*numbers, clip.duration, clip.start)] == [float] * 12
    assert json.loads(json.dumps(asdict(event)))["end"] == 2.0


def test_a_cue_must_end_after_it_starts_and_hold_text() -> None:
    with pytest.raises(InvalidInput, match="before start"):
        Cue(2.0, 1.0, "x")
    with pytest.raises(InvalidInput, match="str"):
        Cue(0.0, 1.0, None)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"Cue: text has a lone surrogate, .* got 'a\\ud800b'"):
        Cue(0.0, 1.0, "a\ud800b")


def test_a_stream_gets_a_mask_and_refuses_a_wrong_one() -> None:
    stream = Stream(np.zeros((4, 2)), 2.0, 1.0)
    assert stream.real.all()
    assert (len(stream), stream.end) == (4, 3.0)
    with pytest.raises(InvalidInput, match="mask"):
        Stream(np.zeros(4), 2.0, mask=np.ones(3, dtype=bool))
    with pytest.raises(InvalidInput, match="boolean"):
        Stream(np.zeros(4), 2.0, mask=np.ones(4))
    with pytest.raises(InvalidInput, match="boolean"):
        Stream(np.zeros(4), 2.0, mask=[True] * 4)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="rate"):
        Stream(np.zeros(4), 0.0)
    with pytest.raises(InvalidInput, match="rate"):
        Stream(np.zeros(4), "25")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="numpy"):
        Stream([1, 2], 1.0)  # type: ignore[arg-type]


def test_streams_and_what_holds_them_are_equal_where_all_they_hold_is() -> None:
    stream = Stream(np.arange(4.0), 2.0, 1.0)
    assert stream == Stream(np.arange(4.0), 2.0, 1.0)
    for changes in ({"values": np.ones(4)}, {"rate": 3.0}, {"start": 0.0}, {"mask": np.arange(4) > 0}):
        assert stream != replace(stream, **changes)
    assert stream != "a stream"
    assert Clip(2.0, audio=stream) == Clip(2.0, audio=replace(stream))
    assert Clip(2.0, audio=stream) != Clip(2.0, audio=replace(stream, rate=3.0))


def test_a_clip_can_be_copied_and_sent_to_another_process() -> None:
    clip = Clip(2.0, audio=Stream(np.arange(4.0), 2.0), cues=(Cue(0.0, 1.0, "hello"),))
    assert pickle.loads(pickle.dumps(clip)) == copy.deepcopy(clip) == clip


def test_a_clip_knows_which_modalities_are_really_there() -> None:
    silent = Stream(np.zeros(16000, np.float32), 16000.0, mask=np.zeros(16000, dtype=bool))
    clip = Clip(1.0, audio=silent, cues=(Cue(0.0, 1.0, "hello"),))
    assert clip.modalities == ("text",)
    assert Clip(1.0).modalities == ()


def test_a_clip_refuses_no_length_and_unknown_clocks() -> None:
    for duration in (0.0, "1"):
        with pytest.raises(InvalidInput, match="positive"):
            Clip(duration)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="smell"):
        Clip(1.0, clocks={"smell": ClockMap.shift()})


def test_a_clip_knows_when_or_whether_labels_occur() -> None:
    with pytest.raises(InvalidInput, match="has events and present"):
        Clip(1.0, events=(), present=())
    for changes in ({"events": (Event(0.0, 1.0, "bell"),)}, {"present": ("dog", "bell")}):
        with pytest.raises(InvalidInput, match="label 'bell' is not one of annotated: dog"):
            Clip(1.0, annotated=("dog",), **changes)
