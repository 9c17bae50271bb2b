from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.tags import TagScheme

LABELS = ("bell", "dog", "speech")


@st.composite
def apart(draw: st.DrawFn) -> list[Event]:
    """Events on the 25 Hz grid, those of one label not overlapping."""
    events = []
    for label in LABELS:
        at = 0
        for _ in range(draw(st.integers(0, 3))):
            at += draw(st.integers(0, 20))
            length = draw(st.integers(1, 15))
            events.append(Event(at / 25, (at + length) / 25, label))
            at += length
    return events


@given(apart())
def test_overlapping_events_survive_the_round_trip(events: list[Event]) -> None:
    scheme = TagScheme(LABELS, "overlapping")
    tags = scheme.encode(events, 250, 25.0)
    found = scheme.decode(tags, np.ones((250, 3)), 25.0)
    key = [(round(e.start * 25), round(e.end * 25), e.label) for e in sorted(events)]
    assert sorted((round(e.start * 25), round(e.end * 25), e.label) for e in found) == sorted(key)


@given(apart())
def test_tags_obey_the_grammar(events: list[Event]) -> None:
    for kind in ("overlapping", "exclusive"):
        scheme = TagScheme(LABELS, kind)  # type: ignore[arg-type]
        grammar = scheme.grammar()
        for row in np.atleast_2d(scheme.encode(events, 250, 25.0)):
            assert grammar.starts[row[0]]
            assert all(grammar.transitions[a, b] for a, b in itertools.pairwise(row))


def test_exclusive_events_that_touch_stay_apart() -> None:
    scheme = TagScheme(LABELS, "exclusive")
    events = [Event(0.0, 0.4, "bell"), Event(0.4, 0.8, "bell"), Event(0.8, 1.0, "dog")]
    tags = scheme.encode(events, 25, 25.0)
    assert scheme.spans(tags) == [(0, 0, 10), (0, 10, 20), (1, 20, 25)]


def test_in_one_chain_the_later_event_wins_and_the_rest_goes_on() -> None:
    scheme = TagScheme(LABELS, "exclusive")
    tags = scheme.encode([Event(0.0, 1.0, "bell"), Event(0.4, 0.6, "dog")], 25, 25.0)
    assert scheme.spans(tags) == [(0, 0, 10), (1, 10, 15), (0, 15, 25)]


def test_any_tags_can_be_read_even_an_inside_without_its_begin() -> None:
    assert TagScheme(("a",), "overlapping").spans(np.array([[2, 2, 0, 2, 1]])) == [
        (0, 0, 2),
        (0, 3, 4),
        (0, 4, 5),
    ]


def test_an_event_across_the_grids_edge_is_cut() -> None:
    scheme = TagScheme(("a",), "overlapping")
    assert scheme.spans(scheme.encode([Event(9.0, 10.5, "a")], 25, 25.0, origin=10.0)) == [(0, 0, 12)]
    assert scheme.spans(scheme.encode([Event(5.0, 6.0, "a")], 25, 25.0, origin=10.0)) == []


def test_an_unknown_label_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"'cat'.*bell, dog, speech"):
        TagScheme(LABELS).encode([Event(0, 1, "cat")], 25, 25.0)


def test_scores_are_mean_activity_and_shares_are_mean_gates() -> None:
    scheme = TagScheme(("a",), "overlapping")
    tags = scheme.encode([Event(0.0, 0.16, "a")], 5, 25.0)
    gates = np.tile([0.5, 0.25, 0.25], (5, 1))
    (event,) = scheme.decode(tags, np.array([[0.8], [0.6], [0.8], [0.6], [0.0]]), 25.0, 2.0, gates)
    assert (event.start, event.score, event.shares) == (
        2.0,
        pytest.approx(0.7),
        pytest.approx((0.5, 0.25, 0.25)),
    )


@pytest.mark.parametrize("kind", ["overlapping", "exclusive"])
def test_activity_sums_the_tags_of_a_label(kind: str) -> None:
    scheme = TagScheme(("a", "b"), kind)  # type: ignore[arg-type]
    shape = (2, 7, 3) if kind == "overlapping" else (7, 5)
    marginals = np.random.default_rng(0).dirichlet(np.ones(shape[-1]), shape[:-1])
    activity = scheme.activity(marginals)
    assert activity.shape == (7, 2)
    want = marginals[1, :, 1] + marginals[1, :, 2] if kind == "overlapping" else marginals[:, 3] + marginals[:, 4]
    np.testing.assert_allclose(activity[:, 1], want)
    batch = scheme.activity(torch.from_numpy(marginals).expand(2, *shape))
    np.testing.assert_array_equal(batch[1].numpy(), activity)


@pytest.mark.parametrize("kind", ["overlapping", "exclusive"])
def test_tags_of_any_integers_have_the_same_spans(kind: str) -> None:
    scheme = TagScheme(("a", "b", "c"), kind)  # type: ignore[arg-type]
    shape = (3, 60) if kind == "overlapping" else (60,)
    tags = np.random.default_rng(0).integers(0, scheme.num_tags, shape)
    assert scheme.spans(tags.astype(np.int8)) == scheme.spans(tags) != []


def test_empty_tags_have_no_spans() -> None:
    assert TagScheme(("a",)).spans(np.zeros((1, 0), np.int64)) == []
    assert TagScheme(("a",), "exclusive").spans(np.zeros(0, np.int64)) == []


def test_shares_are_what_each_modality_says_of_the_label_alone():
    scheme = TagScheme(("bell", "cut"))
    tags = np.array([[0, 1, 2, 0], [0, 1, 2, 2]])
    gates = np.tile([0.9, 0.1, 0.0], (4, 1))
    alone = np.zeros((4, 2, 3))
    alone[1:3, 0] = [0.6, 0.2, 0.0]
    alone[1:, 1] = [0.0, 0.5, 0.0]
    activity = np.ones((4, 2))
    found = {event.label: event.shares for event in scheme.decode(tags, activity, 25.0, 0.0, gates, alone)}
    assert found["bell"] == pytest.approx((0.75, 0.25, 0.0))
    assert found["cut"] == pytest.approx((0.0, 1.0, 0.0))
    small = np.round(255 * alone).astype(np.uint8)
    assert scheme.decode(tags, activity, 25.0, 0.0, gates, small)[0].shares == pytest.approx(
        (0.75, 0.25, 0.0), abs=0.01
    )
    silent = scheme.decode(tags, activity, 25.0, 0.0, gates, np.zeros_like(alone))
    assert silent[0].shares == pytest.approx((0.9, 0.1, 0.0))  # nobody says it alone: the gates
    assert scheme.decode(tags, activity, 25.0)[0].shares is None
