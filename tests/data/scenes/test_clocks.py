"""Clocks that run beside the video's, against a ramp whose value is its own time."""

import numpy as np
import pytest

from avtext.clip import AUDIO_RATE, Cue
from avtext.data.scenes import SceneRecipe
from avtext.data.scenes.clocks import heard_part, plan_absence, plan_clocks, played, shifted_cues
from avtext.timeline import ClockMap

MARGIN = 3.0


def _ramp(duration):
    """A wave on the video's clock whose value is the time in seconds."""
    return (np.arange(round((duration + 2 * MARGIN) * AUDIO_RATE)) / AUDIO_RATE - MARGIN).astype(np.float64)


@pytest.mark.parametrize(
    "clock",
    [
        ClockMap.shift(-1.5),
        ClockMap.shift(0.75),
        ClockMap.shift(-0.5, 1.0005),
        ClockMap((0.0, 2.0), (-0.5, 0.75), (1.0, 1.0)),
        ClockMap((0.0, 2.0), (-0.5, 0.75), (0.9995, 0.9995)),
    ],
)
def test_the_stream_plays_what_the_map_says(clock):
    out = played(_ramp(4.0), clock, 4.0, MARGIN)
    times = np.arange(4 * AUDIO_RATE) / AUDIO_RATE
    expected = [
        clock.offsets[sum(t >= s for s in clock.starts[1:])] + clock.rates[0] * t for t in times[::997]
    ]  # the definition, written out
    np.testing.assert_allclose(out[::997], expected, atol=2e-5)


def test_identity_is_the_wave_itself():
    wave = np.arange(AUDIO_RATE, dtype=np.float32)
    np.testing.assert_array_equal(played(wave, ClockMap.shift(), 1.0, 0.0), wave)


def test_plans_are_what_the_recipe_asks():
    calm = plan_clocks(0, SceneRecipe(), 20.0)
    assert calm.audio.is_identity
    assert calm.text.is_identity
    assert calm.margin == 0.0
    recipe = SceneRecipe(offset_chance=1, drift_chance=1, break_chance=1, offset=(0.5, 1.0))
    for seed in range(10):
        clocks = plan_clocks(seed, recipe, 20.0)
        assert -1.0 <= clocks.audio.offset <= -0.5  # late by 0.5 to 1 s
        assert -1.0 <= clocks.text.offset <= -0.5
        assert clocks.audio.offset != clocks.text.offset
        assert 0 < abs(clocks.audio.drift_ppm) <= 500
        ((at, jump),) = clocks.audio.breaks
        assert 5 <= at <= 15
        assert 0.5 <= jump <= 2.0
        ends = clocks.audio.to_video(np.array([0.0, 20.0]))
        assert ends[0] >= -clocks.margin
        assert ends[1] <= 20 + clocks.margin


def test_what_is_heard_of_a_span():
    lost = ClockMap((0.0, 5.0), (0.0, 2.0), (1.0, 1.0))  # the sound from 5 to 7 s is missing
    assert heard_part(lost, 1.0, 3.0, 20.0) == 1.0
    assert heard_part(lost, 5.0, 7.0, 20.0) == 0.0
    assert heard_part(lost, 4.0, 6.0, 20.0) == pytest.approx(0.5)
    assert heard_part(ClockMap.shift(1.0), 0.0, 1.0, 20.0) == 0.0


def test_cues_move_and_those_outside_are_gone():
    cues = [Cue(5.0, 6.0, "b"), Cue(0.5, 2.0, "a"), Cue(9.0, 10.0, "c")]
    early = shifted_cues(cues, ClockMap.shift(1.0), 10.0)
    assert early == (Cue(0.0, 1.0, "a"), Cue(4.0, 5.0, "b"), Cue(8.0, 9.0, "c"))
    late = shifted_cues(cues, ClockMap.shift(-1.5), 10.0)
    assert late == (Cue(2.0, 3.5, "a"), Cue(6.5, 7.5, "b"))
    assert shifted_cues([], ClockMap.shift(), 10.0) == ()


def test_absence_follows_its_chances():
    never = SceneRecipe(missing_chance=0, dropout_chance=0)
    always = SceneRecipe(missing_chance=1, dropout_chance=1)
    assert all(plan_absence(seed, never, 20.0) == ("", {}) for seed in range(10))
    plans = [plan_absence(seed, always, 20.0) for seed in range(20)]
    assert {plan.missing for plan in plans} == {"audio", "video", "text"}
    for plan in plans:
        for low, high in plan.dropouts.values():
            assert 0 <= low < high <= 20.05
            assert 0.9 <= high - low <= 4.05
