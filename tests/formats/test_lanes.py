"""Lanes without overlap."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from avtext.clip import Event
from avtext.formats.lanes import lanes_of

EVENTS = st.lists(
    st.builds(
        lambda start, length, label: Event(start, start + length, label),
        st.integers(0, 9),
        st.integers(0, 4),
        st.sampled_from(["a", "a (2)", "b"]),
    ),
    max_size=10,
)


@given(EVENTS)
def test_every_event_has_one_place_and_none_overlap_in_no_more_lanes_than_it_takes(events):
    lanes = lanes_of(events)
    assert sorted(event for lane in lanes.values() for event in lane) == sorted(events)
    for lane in lanes.values():
        assert len({event.label for event in lane}) == 1
        assert all(one.end <= two.start for one, two in itertools.pairwise(lane))
    for label in {event.label for event in events}:
        own = [event for event in events if event.label == label]
        assert sum(lane[0].label == label for lane in lanes.values()) == max(at_once(event, own) for event in own)


def at_once(event, others):
    """How many, with it, last where it begins; an instant shares its time with those that it lies within."""
    time = event.start + min(event.duration, 1) / 2  # times are whole numbers
    return sum(one.start < time < one.end for one in others) + (not event.duration)


def test_no_events():
    assert lanes_of([]) == {}
