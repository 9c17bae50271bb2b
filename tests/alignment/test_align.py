"""Planted offsets, drifts and breaks are found; what is not there is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from avtext.alignment import Alignment, AlignmentSettings, align
from avtext.alignment.evidence import gather, prepare
from avtext.errors import InvalidInput
from avtext.timeline import ClockMap


def clock_error(found: Alignment, truth: ClockMap, duration: float) -> float:
    times = np.linspace(0, duration, 200)
    return float(np.median(np.abs(found.clock.to_video(times) - truth.to_video(times))))


def test_offsets_within_two_seconds_are_found_to_a_step(scene):
    errors, abstained = [], 0
    for seed in range(30):
        one = scene(seed, 20.0)
        offset = one.rng.uniform(-2, 2)
        found = align(one.seen(one.times()), one.seen(one.times() + offset))
        abstained += found.abstained
        errors.append(clock_error(found, ClockMap.shift(offset), 20.0))
    assert abstained <= 3
    assert np.median(errors) <= 0.035
    assert np.quantile(errors, 0.9) <= 0.14


def test_streams_in_sync_stay_as_they_are(scene):
    found = []
    for seed in range(25):
        one = scene(seed, 20.0)
        found.append(align(one.seen(one.times()), one.seen(one.times())))
    assert sum(one.clock.is_identity for one in found) >= 23
    assert sum(not one.abstained for one in found) >= 23
    assert max(abs(float(one.clock.to_video(10.0)) - 10.0) for one in found) < 0.08


@pytest.mark.parametrize("strength", [0.12, 0.2, 0.3])
def test_a_sound_without_a_picture_at_the_end_is_no_break(strength):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        video, sound = rng.normal(size=(4000, 8)), rng.normal(size=(4000, 8))
        sound[:3200] += strength * video[:3200]
        found = align(video, sound)
        assert not found.abstained
        assert found.clock.is_identity


def test_a_stream_that_goes_on_after_the_video_has_no_break():
    for seed in range(3):
        rng = np.random.default_rng(seed)
        video, sound = rng.normal(size=(4000, 8)), rng.normal(size=(5000, 8))
        sound[:4000] += 0.2 * video
        video[3000:3600] *= 0.01  # where little is seen, there is nothing against what comes after the end
        assert align(video, sound).clock.is_identity


def test_unrelated_streams_are_left_alone(scene):
    locked = 0
    for seed in range(30):
        one, other = scene(seed, 30.0), scene(seed + 1000, 30.0)
        found = align(one.seen(one.times()), other.seen(other.times()))
        locked += not found.abstained
        assert found.clock.is_identity or not found.abstained
        assert found.abstained == (found.confidence < AlignmentSettings().min_confidence)
    assert locked <= 1


def test_noise_is_left_alone():
    rng = np.random.default_rng(0)
    for count in (100, 1500):
        found = align(rng.normal(size=(count, 8)), rng.normal(size=(count, 8)))
        assert found.abstained
        assert found.path is None


@pytest.mark.parametrize("ppm", [1000.0, -1000.0])
def test_drift_of_ten_minutes_is_found(scene, ppm: float):
    for seed in range(3):
        one = scene(seed, 600.0)
        truth = ClockMap.shift(one.rng.uniform(-2, 2), 1 + ppm * 1e-6)
        found = align(one.seen(one.times()), one.seen(truth.to_video(one.times())))
        assert clock_error(found, truth, 600.0) <= 0.03
        assert found.breaks == ()
        assert found.clock.drift_ppm == pytest.approx(ppm, abs=100)


def test_a_long_stream_gets_longer_blocks_and_its_drift_is_found(scene):
    one = scene(0, 2400.0)
    truth = ClockMap.shift(1.3, 1 + 80e-6)
    found = align(
        one.seen(one.times()),
        one.seen(truth.to_video(one.times())),
        settings=AlignmentSettings(block=1.0),
    )
    assert found.path is not None
    assert len(found.path) <= 1800  # blocks
    assert clock_error(found, truth, 2400.0) <= 0.03


@pytest.mark.parametrize("lost_by", ["stream", "video"])
def test_a_break_is_found_within_a_second(scene, lost_by: str):
    hits = 0
    for seed in range(10):
        one = scene(seed, 180.0, per_20s=25.0)
        offset, cut = one.rng.uniform(-2, 2), one.rng.uniform(40, 130)
        jump = 10.0 if lost_by == "stream" else -10.0
        video_times, stream_times = one.times(), one.times() + offset
        if lost_by == "stream":
            stream_times = np.where(one.times() < cut, stream_times, stream_times + 10)
        else:
            video_times = np.where(video_times < cut + offset, video_times, video_times + 10)
        found = align(one.seen(video_times), one.seen(stream_times))
        assert len(found.breaks) == 1
        at, size = found.breaks[0]
        assert size == pytest.approx(jump, abs=0.1)
        assert found.clock.offset == pytest.approx(offset, abs=0.05)
        hits += abs(at - cut) < 1.0
    assert hits >= 9


def test_files_without_a_break_get_none(scene):
    for seed in range(6):
        one = scene(seed, 200.0)
        assert align(one.seen(one.times()), one.seen(one.times() - 0.7)).breaks == ()


def test_a_clock_that_wavers_is_followed_better_than_by_a_line(scene):
    one = scene(3, 600.0, per_20s=15.0, noise=0.3)
    times = one.times()
    wavering = times + 0.2 * np.sin(2 * np.pi * times / 300)
    found = align(one.seen(times), one.seen(wavering))
    assert np.median(np.abs(found.clock.to_video(times) - wavering)) < 0.06  # 0.1 by the best line
    assert found.breaks == ()
    assert len(found.clock.starts) > 10


def test_a_map_does_not_bend_where_the_stream_has_not_begun(scene):
    one = scene(0, 600.0, per_20s=15.0, noise=0.3)
    times = one.times()
    wavering = times + 1.0 + 0.2 * np.sin(2 * np.pi * times / 300)
    found = align(one.seen(times), one.seen(wavering), stream_mask=times >= 60)
    assert len(found.clock.starts) > 10
    assert found.clock.offset == pytest.approx(1.0, abs=0.2)  # not where the path goes in the silence before it
    assert abs(found.clock.drift_ppm) < 5000
    assert np.median(np.abs(found.clock.to_video(times) - wavering)[times >= 60]) < 0.06


@pytest.mark.parametrize("rate", [0.3, 0.8])
def test_steps_of_more_than_a_second_are_aligned(rate: float):
    moments = np.random.default_rng(0).normal(size=(301, 8))
    between = (moments[:-1] + moments[1:]) / 2
    found = align(moments[:-1], between, rate=rate)
    assert found.clock.offset == pytest.approx(0.5 / rate, abs=0.05 / rate)


def test_padding_is_inert_and_masked_steps_take_no_part(scene):
    one = scene(1, 30.0)
    video, stream = one.seen(one.times()), one.seen(one.times() + 1.0)
    alone = align(video, stream)
    hole = np.zeros((100, video.shape[1]), np.float32) * np.nan
    padded = align(
        np.concatenate([video, hole]),
        np.concatenate([stream, hole]),
        video_mask=np.arange(850) < 750,
        stream_mask=np.arange(850) < 750,
    )
    assert not alone.abstained
    assert padded.clock.offset == pytest.approx(alone.clock.offset, abs=0.005)
    assert padded.confidence == pytest.approx(alone.confidence, abs=0.05)


def test_activity_of_zero_silences_a_misleading_part(scene):
    one = scene(2, 40.0)
    video, stream = one.seen(one.times()), one.seen(one.times() + 1.0)
    loud = 5 * np.random.default_rng(0).normal(size=(100, video.shape[1])).astype(np.float32)
    video[500:600], stream[800:900] = loud, loud  # the same burst twelve seconds apart
    activity = np.ones(1000)
    activity[800:900] = 0
    misled = align(video, stream)
    shown = np.ones(1000)
    shown[500:600] = 0
    found = align(video, stream, video_activity=shown, stream_activity=activity)
    assert abs(misled.clock.offset - 1.0) > 1.0 or misled.abstained
    assert found.clock.offset == pytest.approx(1.0, abs=0.12)


def test_the_result_does_not_depend_on_scale_or_on_what_is_constant(scene):
    one = scene(4, 20.0)
    video, stream = one.seen(one.times()), one.seen(one.times() - 1.4)
    first = align(video, stream)
    second = align(7 * video + 3, 0.01 * stream - 5)
    assert second.clock.offset == pytest.approx(first.clock.offset, abs=1e-3)
    assert second.confidence == pytest.approx(first.confidence, abs=1e-3)


def test_the_other_way_round_gives_the_opposite_offset(scene):
    one = scene(5, 30.0)
    video, stream = one.seen(one.times()), one.seen(one.times() + 1.2)
    there, back = align(video, stream), align(stream, video)
    assert there.clock.offset == pytest.approx(1.2, abs=0.06)
    assert back.clock.offset == pytest.approx(-there.clock.offset, abs=0.02)


def test_the_path_is_the_clock_in_seconds(scene):
    one = scene(6, 30.0)
    found = align(one.seen(one.times()), one.seen(one.times() + 1.0))
    assert found.path is not None
    np.testing.assert_allclose(found.path[:, 1], found.clock.to_video(found.path[:, 0]))


@pytest.mark.parametrize(("video", "stream"), [(0, 0), (0, 50), (50, 0), (1, 1), (1, 50), (2, 3)])
def test_next_to_nothing_abstains(video: int, stream: int):
    rng = np.random.default_rng(0)
    found = align(rng.normal(size=(video, 4)), rng.normal(size=(stream, 4)))
    assert found.abstained
    assert found.clock.is_identity


def test_constant_or_wholly_masked_streams_abstain():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(200, 4))
    assert align(noise, np.ones((200, 4))).confidence == 0.0
    assert align(noise, noise, stream_mask=np.zeros(200, bool)).abstained
    assert align(noise * np.nan, noise, video_mask=np.zeros(200, bool)).abstained


@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 9999), st.sampled_from([0.0, 1.0]))
@settings(max_examples=40, deadline=None)
def test_any_streams_give_a_valid_answer(video, stream, seed, confidence):
    rng = np.random.default_rng(seed)
    found = align(
        rng.normal(size=(video, 3)).round(1),
        rng.normal(size=(stream, 3)).round(1),
        video_mask=rng.random(video) < 0.8,
        settings=AlignmentSettings(min_confidence=confidence, block=0.4, min_piece=0.5, break_cost=1.0),
    )
    assert 0.0 <= found.confidence <= 1.0
    assert found.clock.is_identity or not found.abstained
    assert np.isfinite(found.clock.to_video(np.linspace(0, 5, 10))).all()


@given(arrays(np.float64, (40, 2), elements=st.floats(-3, 3)), st.integers(0, 30))
@settings(max_examples=30, deadline=None)
def test_evidence_is_the_sum_of_inner_products(values, size):
    stream = prepare("stream", values, None, None)
    video = prepare("video", values[::-1][:33], None, None)
    real = np.arange(33) % 5 > 0
    size, wide = size + 1, 12
    found = gather(stream, video, real, size=size, max_lag=wide)
    for k in range(len(found.scores)):
        for lag in (-12, -3, 0, 7, 12):
            steps = [i for i in range(k * size, min(40, k * size + size)) if 0 <= i + lag < 33]
            score = sum(float(stream[i] @ video[i + lag]) for i in steps)
            energy = sum(float(stream[i] @ stream[i]) for i in steps if real[i + lag])
            assert found.scores[k, lag + wide] == pytest.approx(score, abs=1e-3)
            assert found.energies[k, lag + wide] == pytest.approx(energy, abs=1e-3)


def test_bad_arguments_are_refused_by_name():
    ones = np.ones((50, 4))
    with pytest.raises(InvalidInput, match="video: must have shape"):
        align(np.ones(50), ones)
    with pytest.raises(InvalidInput, match="one size"):
        align(ones, np.ones((50, 3)))
    with pytest.raises(InvalidInput, match="stream_mask: must be boolean"):
        align(ones, ones, stream_mask=np.ones(50))
    with pytest.raises(InvalidInput, match="video_activity: must have shape"):
        align(ones, ones, video_activity=np.ones(3))
    with pytest.raises(InvalidInput, match="stream: a real step holds"):
        align(ones, ones * np.nan)
    with pytest.raises(InvalidInput, match="stream: a real step holds"):
        align(ones, ones, stream_activity=-np.ones(50))
    with pytest.raises(InvalidInput, match="rate"):
        align(ones, ones, rate=0.0)
    for name, value in (
        ("max_offset", 0.0),
        ("block", -1.0),
        ("max_drift_ppm", -1.0),
        ("min_confidence", 1.1),
        ("min_overlap", float("nan")),
    ):
        with pytest.raises(InvalidInput, match=name):
            AlignmentSettings(**{name: value})
