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
def test_every_event_has_one_place_and_none_overlap(events):
    lanes = lanes_of(events)
    assert sorted(event for lane in lanes.values() for event in lane) == sorted(events)
    for lane in lanes.values():
        assert len({event.label for event in lane}) == 1
        assert all(one.end <= two.start for one, two in itertools.pairwise(lane))


def test_no_events():
    assert lanes_of([]) == {}
