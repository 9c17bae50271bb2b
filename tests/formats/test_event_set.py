"""Event sets and what is said to be lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from avtext.clip import Event
from avtext.errors import ConfigError, InvalidInput
from avtext.formats.event_set import EventSet, losses, only_file, single


def test_of_a_mapping_or_a_set():
    given = EventSet.of({"a": [Event(0, 1, "x")]}, {"a": 2.0})
    assert (given.events, given.durations) == ({"a": (Event(0, 1, "x"),)}, {"a": 2.0})
    assert EventSet.of(given) is given
    with pytest.raises(InvalidInput, match="durations: are for a mapping of events, got an EventSet"):
        EventSet.of(given, {"a": 3.0})


def test_one_file():
    one = single(Path("x/clip.events.srt"), [Event(0, 1, "x")])
    assert (list(one.events), one.named) == (["clip"], False)
    assert only_file("srt", Path("a.srt"), one) == (Event(0, 1, "x"),)
    with pytest.raises(ConfigError, match=r"a\.srt: srt holds the events of one file, got 0"):
        only_file("srt", Path("a.srt"), EventSet({}))


def test_losses_leave_out_what_is_held():
    events = EventSet({"a": (Event(0, 1, "x", 0.5),), "b": ()}, {"a": 1.0})
    assert len(losses("f", events)) == 3
    assert losses("f", events, holds=["scores", "durations", "silent"]) == []
