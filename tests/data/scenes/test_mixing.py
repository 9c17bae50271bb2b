"""The sound track: levels are those asked for, and the channel leaves sounds in their place."""

import numpy as np
import pytest

from avtext.clip import AUDIO_RATE
from avtext.data.scenes.chance import generator
from avtext.data.scenes.mixing import background, envelope, finish, gain_for, lay, through_channel


def _db(loud, quiet):
    return 10 * np.log10(np.mean(np.square(loud, dtype=np.float64)) / np.mean(np.square(quiet, dtype=np.float64)))


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 7.5, 20.0])
def test_the_ratio_over_the_span_is_the_one_asked(snr_db):
    rng = np.random.default_rng(0)
    bed = rng.standard_normal(AUDIO_RATE).astype(np.float32)
    bed[: AUDIO_RATE // 2] *= 0.01  # the level elsewhere must not matter
    track = bed.copy()
    sound = rng.standard_normal(5000).astype(np.float32)
    lay(track, bed, sound, 4000, 9000, snr_db)
    difference = track - bed
    assert _db(difference[9000:13000], bed[9000:13000]) == pytest.approx(snr_db, abs=0.01)
    assert not difference[:9000].any()
    assert not difference[14000:].any()


def test_what_reaches_past_the_end_is_cut():
    bed = np.full(100, 0.1, np.float32)
    track = bed.copy()
    added = lay(track, bed, np.ones(80, np.float32), 20, 80, 0.0)
    assert len(added) == 20
    np.testing.assert_allclose(track[80:], 0.2, rtol=1e-5)


def test_silence_gets_a_finite_gain():
    assert np.isfinite(gain_for(np.zeros(10), np.ones(10), 20.0))


@pytest.mark.parametrize("count", [1, 2, 1000, 48_001])
def test_background_is_finite_and_not_silent(count):
    noise = background(generator(count, "x"), count)
    assert noise.shape == (count,)
    assert noise.dtype == np.float32
    assert np.isfinite(noise).all()
    assert np.abs(noise).max() > 0


def test_background_colours_differ():
    ratios = []
    for seed in range(12):
        power = np.abs(np.fft.rfft(background(generator(seed, "x"), 32_000))) ** 2
        ratios.append(10 * np.log10(power[8000:].mean() / power[400:2000].mean()))
    assert max(ratios) - min(ratios) > 15


def test_channel_keeps_length_and_start_and_limits_the_band():
    click = np.zeros(8000, np.float32)
    click[2000] = 1.0
    highs = []
    for seed in range(30):
        out = through_channel(generator(seed, "c"), click)
        assert len(out) >= len(click)
        assert np.abs(out).max() == pytest.approx(1.0, abs=0.03)
        assert abs(int(np.abs(out).argmax()) - 2000) <= 4
        power = np.abs(np.fft.rfft(out)) ** 2
        hertz = np.fft.rfftfreq(len(out), 1 / AUDIO_RATE)
        highs.append(power[hertz > 5000].sum() / power.sum() < 0.02)
    assert 0.2 < np.mean(highs) < 0.9  # some sound like a telephone, whatever they are


def test_the_track_never_exceeds_one():
    track = np.random.default_rng(0).standard_normal(1000).astype(np.float32) * 50
    for seed in range(20):
        out = finish(generator(seed, "f"), track)
        assert 0.05 < np.abs(out).max() <= 1.0


def test_envelope_counts_frames_of_the_track():
    sound = np.concatenate([np.ones(640), np.zeros(640), np.full(640, 0.5)]).astype(np.float32)
    level = envelope(sound, 25.0)
    assert level[0] == pytest.approx(1.0)
    assert level[1] == 0.0
    assert level[2] == pytest.approx(0.5**0.6, rel=1e-5)
    late = envelope(sound, 25.0, first=640 * 3 + 320)  # begins in the middle of a frame: four frames see it
    assert len(late) == 4
    assert late[0] == pytest.approx(late[1])
    assert envelope(np.zeros(0, np.float32), 25.0).shape == (0,)
    assert not envelope(np.zeros(640, np.float32), 25.0).any()
