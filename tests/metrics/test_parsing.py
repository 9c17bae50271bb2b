"""Audio-visual parsing by hand and against a slow oracle that counts segment by segment."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.metrics.parsing import Parsed, audio_visual_parsing, parsed_by_prefix

EVENTS = st.lists(
    st.builds(lambda s, n, label: Event(s, s + n, label), st.integers(0, 9), st.integers(1, 4), st.sampled_from("ab")),
    max_size=3,
)  # fmt: skip
Sides = st.tuples(EVENTS, EVENTS, EVENTS, EVENTS)
LENGTH = 14


def roll(events: list[Event], label: str) -> list[bool]:
    return [any(e.label == label and e.start <= k < e.end for e in events) for k in range(LENGTH)]


def runs(active: list[bool]) -> list[set[int]]:
    found: list[set[int]] = []
    for k, on in enumerate(active):
        if on and k and active[k - 1]:
            found[-1].add(k)
        elif on:
            found.append({k})
    return found


def counts(truth: list[bool], guess: list[bool], level: str) -> tuple[int, int, int]:
    if level == "segment":
        pairs = list(zip(truth, guess, strict=True))
        return sum(t and g for t, g in pairs), sum(g and not t for t, g in pairs), sum(t and not g for t, g in pairs)
    true_runs, found = runs(truth), runs(guess)
    hit = [any(len(t & g) >= 0.5 * len(t | g) for t in true_runs) for g in found]
    seen = [any(len(t & g) >= 0.5 * len(t | g) for g in found) for t in true_runs]
    return sum(hit), len(hit) - sum(hit), len(seen) - sum(seen)


def mean_f(rows: list[tuple[int, int, int]]) -> float:
    values = [2 * hit / (2 * hit + false + missed) for hit, false, missed in rows if hit + false + missed]
    return sum(values) / len(values) if values else 1.0


def slow(sides: tuple, level: str) -> list[float]:
    """Audio, video, both, Type@AV and Event@AV of one file."""
    rows: dict[str, list] = {"a": [], "v": [], "av": [], "sum": []}
    for label in "ab":
        heard, seen, guess_heard, guess_seen = (roll(side, label) for side in sides)
        both = [x and y for x, y in zip(heard, seen, strict=True)]
        guess_both = [x and y for x, y in zip(guess_heard, guess_seen, strict=True)]
        rows["a"].append(counts(heard, guess_heard, level))
        rows["v"].append(counts(seen, guess_seen, level))
        rows["av"].append(counts(both, guess_both, level))
        rows["sum"].append(tuple(x + y for x, y in zip(rows["a"][-1], rows["v"][-1], strict=True)))
    a, v, av, together = (mean_f(rows[key]) for key in ("a", "v", "av", "sum"))
    return [a, v, av, (a + v + av) / 3, together]


@settings(max_examples=150, deadline=None)
@given(first=Sides, second=Sides)
def test_two_files_agree_with_the_slow_oracle(first, second):
    files = {"x": first, "y": second}
    heard, seen, guess_heard, guess_seen = ({f: sides[k] for f, sides in files.items()} for k in range(4))
    scores = audio_visual_parsing(Parsed(heard, seen), Parsed(guess_heard, guess_seen))
    for level in ("segment", "event"):
        got = getattr(scores, level)
        ours = [got.audio, got.video, got.audio_visual, got.type_at_av, got.event_at_av]
        expected = [(p + q) / 2 for p, q in zip(slow(first, level), slow(second, level), strict=True)]
        assert ours == pytest.approx(expected), level
    assert scores.num_files == 2


def test_perfect_and_silent_files_score_one():
    parsed = Parsed({"x": [Event(0, 3, "a")], "y": []}, {"x": [Event(1, 3, "a")], "y": []})
    scores = audio_visual_parsing(parsed, parsed)
    assert (scores.segment.type_at_av, scores.segment.event_at_av, scores.event.type_at_av) == (1.0, 1.0, 1.0)


def test_nothing_found_scores_zero():
    truth = Parsed({"x": [Event(0, 3, "a")]}, {"x": [Event(0, 3, "a")]})
    assert audio_visual_parsing(truth, Parsed({}, {})).event.type_at_av == 0.0


def test_durations_cut_and_resolution_splits():
    truth = Parsed({"x": [Event(0, 3, "a")]}, {"x": []})
    guess = Parsed({"x": [Event(0, 9, "a")]}, {"x": []})
    assert audio_visual_parsing(truth, guess, durations={"x": 3.0}).segment.audio == 1.0
    assert audio_visual_parsing(truth, guess, resolution=0.5).segment.audio == pytest.approx(0.5)


def test_prefixes():
    parsed = parsed_by_prefix({"x": [Event(0, 1, "audio:a: b"), Event(2, 3, "video:c", 0.5)], "y": []})
    assert parsed.audio == {"x": [Event(0, 1, "a: b")], "y": []}
    assert parsed.video == {"x": [Event(2, 3, "c", 0.5)], "y": []}
    with pytest.raises(InvalidInput, match="must begin with 'audio:' or 'video:'"):
        parsed_by_prefix({"x": [Event(0, 1, "dog")]})


def test_a_file_that_lasts_for_ever_is_named():
    heard = Parsed({"x": [Event(0, 1e15, "a")]}, {})
    with pytest.raises(InvalidInput, match=r"x: lasts 1e\+15 s, .* are its times in seconds"):
        audio_visual_parsing(heard, heard)


def test_bad_arguments_are_refused():
    nothing = Parsed({"x": []}, {})
    with pytest.raises(InvalidInput, match="resolution"):
        audio_visual_parsing(nothing, nothing, resolution=-1.0)
    with pytest.raises(InvalidInput, match="durations: 'x' is missing"):
        audio_visual_parsing(nothing, nothing, durations={})
