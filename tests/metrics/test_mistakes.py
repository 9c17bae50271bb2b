"""Each kind of mistake on its own, and that kinds never overlap."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.metrics.mistakes import confusion, find_mistakes

KINDS = ("correct", "split", "merged", "wrong_label", "missed")
GUESSED = ("split_parts", "merging", "mislabelled", "spurious")


def found(reference: list[Event], estimate: list[Event]) -> dict[str, int]:
    counts = find_mistakes({"v": reference}, {"v": estimate})
    return {name: getattr(counts, name) for name in (*KINDS, *GUESSED) if getattr(counts, name)}


def test_each_kind_alone():
    event = Event(0, 10, "x")
    assert found([event], [Event(1, 11, "x")]) == {"correct": 1}
    assert found([event], []) == {"missed": 1}
    assert found([], [event]) == {"spurious": 1}
    assert found([event], [Event(0, 10, "y")]) == {"wrong_label": 1, "mislabelled": 1}
    assert found([event], [Event(0, 4, "x"), Event(5, 10, "x")]) == {"split": 1, "split_parts": 2}
    assert found([Event(0, 4, "x"), Event(5, 10, "x")], [event]) == {"merged": 2, "merging": 1}


def test_far_or_barely_touching_events_do_not_stand_for_each_other():
    assert found([Event(0, 10, "x")], [Event(9, 19, "x")]) == {"missed": 1, "spurious": 1}
    assert found([Event(0, 1, "x")], [Event(1, 2, "x")]) == {"missed": 1, "spurious": 1}


def test_instants():
    assert found([Event(1, 1, "x")], [Event(1, 1, "x")]) == {"correct": 1}
    assert found([Event(1, 1, "x")], [Event(0, 2, "x")]) == {"missed": 1, "spurious": 1}


EVENTS = st.lists(
    st.builds(lambda s, n, label: Event(s, s + n, label), st.integers(0, 9), st.integers(0, 5), st.sampled_from("ab")),
    max_size=6,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(reference=EVENTS, estimate=EVENTS)
def test_every_event_falls_in_one_kind(reference, estimate):
    counts = find_mistakes({"v": reference}, {"v": estimate})
    assert sum(getattr(counts, name) for name in KINDS) == len(reference) == counts.num_reference
    # An estimate that alone stands for a true event of its label, shared with nobody, is in none of these.
    rest = counts.num_estimate - sum(getattr(counts, name) for name in GUESSED)
    assert 0 <= counts.correct <= rest
    table = confusion({"v": reference}, {"v": estimate})
    assert sum(sum(row.values()) for name, row in table.items() if name != "(none)") == len(reference)
    assert sum(n for row in table.values() for name, n in row.items() if name != "(none)") == len(estimate)


def test_confusion_prefers_the_right_label():
    truth = {"v": [Event(0, 10, "x")], "w": [Event(0, 5, "y")]}
    guess = {"v": [Event(0, 10, "y"), Event(2, 9, "x")], "w": []}
    table = confusion(truth, guess)
    assert table == {"x": {"x": 1}, "y": {"(none)": 1}, "(none)": {"y": 1}}


def test_empty_and_refused():
    assert confusion({}, {}) == {}
    assert find_mistakes({}, {}).num_reference == 0
    with pytest.raises(InvalidInput, match="share"):
        find_mistakes({}, {}, share=0.0)
