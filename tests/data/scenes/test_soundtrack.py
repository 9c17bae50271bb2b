"""What sounds when: ratios over real scenes, and hits seen, heard, or both."""

import itertools

import numpy as np
import pytest

from avtext.clip import AUDIO_RATE
from avtext.data.scenes.chance import generator
from avtext.data.scenes.soundtrack import Sound, mix, plan_beyond, plan_hits, plan_music, plan_sounds, pulses
from avtext.data.scenes.timing import Timeline, how_many


def test_sounds_have_the_ratio_they_were_planned_with(real_recipe):
    checked = 0
    for seed in range(6):
        for sound in plan_sounds(seed, real_recipe, 20.0):
            track = mix(seed, real_recipe, 20.0, [sound])
            first = round(sound.start * AUDIO_RATE)
            if np.abs(track.wave).max() >= 1.0 or first < 1000:
                continue  # clipped on purpose, or no room to measure the track's level
            before, bed = track.wave[:first].astype(np.float64), track.bed.astype(np.float64)
            level = np.dot(before, bed[:first]) / np.dot(bed[:first], bed[:first])
            span = slice(first, first + sound.length)
            added = track.wave[span] / level - bed[span]
            ratio = 20 * np.log10(np.linalg.norm(added) / np.linalg.norm(bed[span]))
            assert ratio == pytest.approx(sound.snr_db, abs=0.1)
            assert -5 <= sound.snr_db <= 20
            checked += 1
    assert checked > 8


def test_impacts_are_heard_in_their_frame_and_decoys_are_apart(short_recipe):
    recipe = short_recipe.model_copy(update={"impacts": (3, 3), "decoys": (4, 4)})
    silent = alone = 0
    for seed in range(10):
        hits = plan_hits(seed, recipe, 30.0, Timeline(30.0, gap=0.5))
        starts = [thud.start for thud in hits.thuds]
        for number, frame in enumerate(hits.impacts):
            assert 0.0 <= starts[number] - frame / 25 <= 0.0201
        for start in starts[len(hits.impacts) :]:
            alone += 1
            assert all(abs(start - frame / 25) > 0.5 for frame in (*hits.impacts, *hits.silent))
        for frame in hits.silent:
            silent += 1
            assert all(abs(start - frame / 25) > 0.3 for start in starts)
    assert min(silent, alone) > 20


def test_no_hits_where_impacts_are_not_asked_for(short_recipe):
    recipe = short_recipe.model_copy(update={"labels": ("cut",)})
    assert plan_hits(0, recipe, 30.0, Timeline(30.0, gap=0.5)) == ((), (), ())


def test_music_fits_into_the_scene(short_recipe):
    recipe = short_recipe.model_copy(update={"music_chance": 1.0})
    for seed in range(10):
        (music,) = plan_music(seed, recipe, 4.0)
        assert music.start >= 0
        assert music.end <= 4.0
    assert plan_music(0, short_recipe.model_copy(update={"music_chance": 0.0}), 4.0) == []


def test_the_background_goes_on_over_the_borders_as_one(short_recipe):
    """Neither a seam nor a mirror tells where a scene begins: a detector would find that instead of what happens."""
    for seed in range(8):
        wave = mix(seed, short_recipe, 6.0, [], margin=1.0).wave
        assert len(wave) == 8 * AUDIO_RATE
        for border in (AUDIO_RATE, 7 * AUDIO_RATE):
            before, after = wave[border - 8000 : border], wave[border : border + 8000]
            assert 0.4 < before.std() / after.std() < 2.5
            steps = np.abs(np.diff(wave[border - 8000 : border + 8000]))
            assert steps[7999] <= steps.max() * 0.99
            mirrored, moved = (abs(np.corrcoef(np.diff(x), np.diff(after))[0, 1]) for x in (before[::-1], before))
            assert mirrored < 0.15 + moved


def test_the_world_goes_on_beyond_the_scene(real_recipe):
    """Before and after sounds are as many as within, none reaches into the scene, and none is cut at its borders."""
    before = after = within = 0
    for seed in range(30):
        beyond = plan_beyond(seed, real_recipe, 6.0, 6.0)
        within += len(plan_sounds(seed, real_recipe, 6.0))
        for sound in beyond:
            ends = sound.start + len(sound.wave) / AUDIO_RATE
            assert ends <= 1e-4 or sound.start >= 6.0
            assert -6.0001 <= sound.start <= 12.0
            before, after = before + (sound.start < 0), after + (sound.start >= 6.0)
        inside = slice(6 * AUDIO_RATE, 12 * AUDIO_RATE)
        plain, wide = (mix(seed, real_recipe, 6.0, sounds, margin=6.0).wave[inside] for sounds in ([], beyond))
        np.testing.assert_array_equal(wide, plain)
    assert min(before, after) > 0.6 * within


@pytest.mark.parametrize("margin", [1.23455, 1.23456, 1.23457, 0.70004])  # drift ends between two samples
def test_no_sound_begins_before_the_track(short_recipe, margin):
    for seed in range(20):
        beyond = plan_beyond(seed, short_recipe, 6.0, margin)
        assert all(round(sound.start * AUDIO_RATE) + round(margin * AUDIO_RATE) >= 0 for sound in beyond)
        assert np.isfinite(mix(seed, short_recipe, 6.0, beyond, margin).wave).all()


def test_a_sound_goes_on_past_the_border(short_recipe):
    loud = Sound("bell", 5.5, AUDIO_RATE, np.ones(AUDIO_RATE, np.float32), "", 20.0)
    quiet, track = mix(0, short_recipe, 6.0, [], margin=1.0), mix(0, short_recipe, 6.0, [loud], margin=1.0)
    rise = np.abs(track.wave).reshape(-1, AUDIO_RATE // 4).mean(1) / np.abs(quiet.wave).reshape(
        -1, AUDIO_RATE // 4
    ).mean(1)
    inside, past = rise[26:28].mean(), rise[28:30].mean()
    assert past == pytest.approx(inside, rel=0.5)


@pytest.mark.parametrize("count", [1, 10, 70])
def test_pulses_lie_between_rest_and_full_action(count):
    for seed in range(6):
        level = pulses(generator(seed, "p"), count)
        assert level.shape == (count,)
        assert level.min() >= 0
        assert 0 < level.max() <= 1


def test_timelines_fill_up_and_then_refuse():
    line = Timeline(10.0, gap=0.5)
    starts = [line.place(generator(n, "l"), 1.0) for n in range(60)]
    placed = sorted(start for start in starts if start is not None)
    assert 3 <= len(placed) <= 6
    assert all(b - a >= 1.5 for a, b in itertools.pairwise(placed))
    assert line.place(generator(0, "x"), 10.0) is None
    assert line.place(generator(0, "x"), 12.0) is None
    snapped = Timeline(10.0, gap=0.0).place(generator(0, "x"), 1.0, grid=0.04)
    assert snapped / 0.04 == pytest.approx(round(snapped / 0.04))


def test_counts_grow_with_the_duration():
    means = [np.mean([how_many(generator(s, "n"), (2, 4), d) for s in range(300)]) for d in (5.0, 20.0, 60.0)]
    np.testing.assert_allclose(means, [0.75, 3.0, 9.0], rtol=0.15)
    assert how_many(generator(0, "n"), (0, 0), 60.0) == 0
