"""Subtitles brought to where speech is."""

from __future__ import annotations

import numpy as np
import pytest

from avtext.alignment import retime, sync_cues
from avtext.clip import Cue
from avtext.errors import InvalidInput
from avtext.timeline import ClockMap


def talk(seed: int, duration: float) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """A noisy curve of speech, and the lines a subtitler would write, some missing, some on music."""
    rng = np.random.default_rng(seed)
    lines, end = [], 0.0
    while end < duration - 10:
        start = end + 0.3 + rng.exponential(3.0)
        end = start + rng.uniform(0.8, 4.0)
        lines.append((start, end))
    curve = np.zeros(int(duration * 25))
    music = [(start, start + rng.uniform(0.5, 3)) for start in rng.uniform(0, duration, len(lines) // 5)]
    for start, end in lines + music:
        curve[int(start * 25) : int(end * 25)] = 1.0
    curve = np.clip(curve + 0.2 * rng.normal(size=len(curve)), 0, 1)
    return curve, [line for line in lines if rng.random() > 0.15]


def moved(lines: list[tuple[float, float]], how) -> list[Cue]:
    return [Cue(max(0.0, how(start)), max(0.0, how(end)), "words") for start, end in lines]


@pytest.mark.parametrize(
    "how",
    [
        lambda t: t,
        lambda t: t + 17.3,
        lambda t: 1.0005 * t - 0.5,
        lambda t: t * 24 / 25 + 2,
        lambda t: t * 25 / 23.976,
        lambda t: t + (2 if t < 400 else 14),
    ],
    ids=["in sync", "offset", "drift", "24 for 25", "25 for 23.976", "break"],
)
def test_cues_come_to_where_they_were(how):
    curve, lines = talk(1, 900.0)
    found = sync_cues(moved(lines, how), curve)
    assert not found.abstained
    fixed = retime(moved(lines, how), found.clock)
    errors = [abs(cue.start - start) for cue, (start, _) in zip(fixed, lines, strict=True)]
    assert np.median(errors) < 0.1
    assert np.quantile(errors, 0.9) < 0.25


def test_a_break_between_cues_is_reported():
    curve, lines = talk(2, 900.0)
    found = sync_cues(moved(lines, lambda t: t if t < 450 else t - 10), curve)
    assert len(found.breaks) == 1
    at, jump = found.breaks[0]
    assert at == pytest.approx(445, abs=6.0)
    assert jump == pytest.approx(10.0, abs=0.2)


def test_subtitles_of_something_else_are_left_alone():
    locked = 0
    for seed in range(6):
        curve, _ = talk(seed, 240.0)
        _, lines = talk(seed + 100, 240.0)
        locked += not sync_cues(moved(lines, lambda t: t), curve).abstained
    assert locked <= 1


def test_no_cues_or_no_speech_abstain():
    curve, lines = talk(0, 60.0)
    for found in (sync_cues([], curve), sync_cues(moved(lines, lambda t: t), np.zeros(1500))):
        assert found.abstained
        assert found.clock.is_identity
    assert sync_cues(moved(lines, lambda t: t), np.zeros(0)).abstained


def test_retime_moves_a_cue_by_its_clock():
    cue = Cue(4.0, 6.0, "hello")
    assert retime([cue], ClockMap.shift(-5.0)) == (Cue(0.0, 1.0, "hello"),)
    assert retime([cue], ClockMap.shift(-6.0)) == ()
    assert retime([cue], ClockMap.shift(1.0, 1.5)) == (Cue(7.0, 10.0, "hello"),)
    slight = ClockMap((0.0, 5.0), (0.0, 0.2), (1.0, 1.0))
    assert retime([cue], slight) == (Cue(4.0, 6.2, "hello"),)


def test_retime_lets_no_cue_stand_over_a_scene_that_comes_into_it():
    """As a break is found to within a second only, it is most often one that ends before it or begins after it."""
    advert = ClockMap((0.0, 5.0, 9.0), (0.0, 30.0, 60.0), (1.0, 1.02, 1.0))
    cues = [Cue(4.0, 5.5, "before"), Cue(4.5, 6.5, "after"), Cue(8.0, 9.5, "again"), Cue(10.0, 11.0, "clear")]
    found = retime(cues, advert)
    assert [cue.text for cue in found] == ["before", "after", "again", "clear"]
    times = [time for cue in found for time in (cue.start, cue.end)]
    assert times == pytest.approx([4.0, 5.5, 34.59, 36.63, 38.16, 39.69, 70.0, 71.0])


def test_retime_never_turns_a_cue_around():
    back = ClockMap((0.0, 5.5), (0.0, -3.0), (1.0, 1.0))  # 6 s becomes 3 s, before 4 s
    assert retime([Cue(4.0, 6.0, "a")], back) == (Cue(4.0, 6.0, "a"),)


def test_retime_leaves_out_a_scene_that_the_video_lacks():
    clock = ClockMap((0.0, 300.0), (0.0, -30.0), (1.0, 1.0))
    kept = [Cue(270.0, 272.0, "earlier"), Cue(298.0, 301.0, "across"), Cue(330.5, 332.0, "later")]
    surplus = [Cue(299.5, 302.0, "begins before it"), Cue(303.9, 305.6, "surplus"), Cue(328.0, 330.5, "ends after it")]
    moved = (Cue(270.0, 272.0, "earlier"), Cue(298.0, 301.0, "across"), Cue(300.5, 302.0, "later"))
    assert retime(sorted(kept + surplus), clock) == moved
    assert retime([Cue(298.0, 333.0, "around it")], clock) == (Cue(298.0, 303.0, "around it"),)
    short = ClockMap((0.0, 300.0), (0.0, -0.2), (1.0, 1.0))
    assert retime([Cue(300.0, 300.1, "kept")], short)[0].start == pytest.approx(299.8)


def test_bad_arguments():
    with pytest.raises(InvalidInput, match="speech_activity"):
        sync_cues([], np.zeros((5, 2)))
    with pytest.raises(InvalidInput, match="speech_activity"):
        sync_cues([], np.array([np.nan]))
    with pytest.raises(InvalidInput, match="ratios"):
        sync_cues([], np.zeros(5), ratios=[0.0])
    for rate in (0.0, -1.0, np.nan):
        with pytest.raises(InvalidInput, match=f"rate must be positive and finite, got .* and {rate}"):
            sync_cues([], np.zeros(5), rate=rate)


def test_a_cue_hours_after_the_end_costs_nothing_and_changes_nothing():
    curve, lines = talk(1, 240.0)
    cues = moved(lines, lambda t: t + 3.0)
    alone = sync_cues(cues, curve)
    late = sync_cues([*cues, Cue(3.6e11, 3.6e11 + 1.0, "late")], curve)
    assert late.clock.offset == pytest.approx(alone.clock.offset, abs=0.05)
    assert not late.abstained
