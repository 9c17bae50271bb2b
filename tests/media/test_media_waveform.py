"""Audio frames of every kind land on the 16 kHz track where their times say."""

from __future__ import annotations

import numpy as np
import pytest
from media_files import sound_frame, tone

from avtext.media.track import Track
from avtext.media.waveform import Waveform, to_mono


def _waveform() -> Waveform:
    return Waveform(Track((), np.float32, 16_000))


def _feed(waveform: Waveform, samples: np.ndarray, rate: int, start: float, shifts: list[float] | None = None) -> None:
    """Frames of 1024 samples, each at its true time plus a shift."""
    for number, first in enumerate(range(0, len(samples), 1024)):
        frame = sound_frame(samples[first : first + 1024], "fltp", "mono", rate)
        shift = shifts[number % len(shifts)] if shifts else 0.0
        waveform.add(frame, start + first / rate + shift)


@pytest.mark.parametrize("kind", ["u8", "u8p", "s16", "s16p", "s32", "s32p", "flt", "fltp", "dbl", "dblp"])
@pytest.mark.parametrize(("layout", "channels"), [("mono", 1), ("stereo", 2), ("5.1", 6), ("hexadecagonal", 16)])
def test_mono_is_the_mean_of_the_channels(kind: str, layout: str, channels: int) -> None:
    samples = np.random.default_rng(0).uniform(-0.9, 0.9, (300, channels)).astype(np.float32)
    mono = to_mono(sound_frame(samples, kind, layout, 48_000))
    assert mono.dtype == np.float32
    assert np.abs(mono - samples.mean(1)).max() < (0.016 if kind.startswith("u8") else 1e-4)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000, 192_000])
def test_a_tone_keeps_its_pitch_level_and_place(rate: int) -> None:
    waveform = _waveform()
    _feed(waveform, tone(2.0, rate), rate, start=0.5)
    waveform.close()
    values, mask = waveform.track.cut(0, 48_000)
    assert np.flatnonzero(mask)[[0, -1]].tolist() == [8000, 39_999]
    middle = values[10_000:38_000]
    expected = 0.5 * np.sin(2 * np.pi * 440 * (np.arange(48_000) / 16_000 - 0.5))[10_000:38_000]
    assert np.abs(middle - expected).max() < 0.01
    assert waveform.end == pytest.approx(2.5)
    assert waveform.seconds == pytest.approx(2.0)


def test_a_gap_is_masked_zeros_and_noted() -> None:
    waveform = _waveform()
    _feed(waveform, tone(1.024, 16_000), 16_000, 0.0)
    _feed(waveform, tone(1.0, 16_000), 16_000, 1.5)
    waveform.close()
    values, mask = waveform.track.cut(0, 40_000)
    assert mask[:16_384].all()
    assert not mask[16_384:24_000].any()
    assert (values[16_384:24_000] == 0).all()
    assert mask[24_000:].all()
    assert waveform.gaps == [(pytest.approx(1.024), pytest.approx(1.5))]


def test_what_was_heard_is_not_heard_again() -> None:
    waveform = _waveform()
    ramp = np.linspace(0, 1, 16_000, dtype=np.float32)[:, None]
    waveform.add(sound_frame(ramp[:8000], "fltp", "mono", 16_000), 0.0)
    waveform.add(sound_frame(ramp[4000:12_000], "fltp", "mono", 16_000), 0.25)
    waveform.add(sound_frame(ramp[:1000], "fltp", "mono", 16_000), 0.1)  # wholly in the past
    waveform.close()
    values, mask = waveform.track.cut(0, 12_000)
    assert mask.all()
    assert np.abs(values - ramp[:12_000, 0]).max() < 1e-6
    assert waveform.gaps == []
    assert waveform.seconds == pytest.approx(0.75)


@pytest.mark.parametrize(
    "shifts", [[0.0, -0.002, 0.002], [0.0, -0.0013, -0.0027, -0.004, -0.0053, -0.0067], [0.005, -0.005]]
)
def test_jitter_that_evens_out_loses_nothing(shifts: list[float]) -> None:
    waveform = _waveform()
    samples = tone(4.096, 16_000)
    _feed(waveform, samples, 16_000, 0.0, shifts)
    waveform.close()
    assert waveform.gaps == []
    assert waveform.seconds == pytest.approx(4.096, abs=0.005)
    assert abs(waveform.end - 4.096) < 0.01


def test_a_small_shift_that_stays_is_believed() -> None:
    waveform = _waveform()
    _feed(waveform, tone(2.048, 16_000), 16_000, 0.0)
    _feed(waveform, tone(2.048, 16_000), 16_000, 2.048 + 0.008)
    waveform.close()
    assert sum(end - start for start, end in waveform.gaps) == pytest.approx(0.008, abs=0.001)
    assert waveform.end == pytest.approx(4.104, abs=0.001)


def test_a_clock_that_drifts_stays_within_some_milliseconds() -> None:
    waveform = _waveform()
    samples = tone(20.48, 16_000)
    for number in range(20):
        first = number * 16_384
        _feed(waveform, samples[first : first + 16_384], 16_000, number * 1.024 * 1.002)  # 0.2 % slow
    waveform.close()
    assert waveform.end == pytest.approx(19 * 1.024 * 1.002 + 1.024, abs=0.02)


def test_another_rate_goes_on_without_a_gap() -> None:
    waveform = _waveform()
    _feed(waveform, tone(1.0, 44_100), 44_100, 0.0)
    _feed(waveform, tone(1.0, 22_050), 22_050, 1.0)
    _feed(waveform, tone(1.0, 16_000), 16_000, 2.0)
    waveform.close()
    values, mask = waveform.track.cut(0, 48_000)
    assert mask.all()
    assert np.abs(values).max() < 0.6
    for middle in (8_000, 24_000, 40_000):
        assert np.sqrt((values[middle - 800 : middle + 800] ** 2).mean()) == pytest.approx(0.3535, abs=0.01)
    assert waveform.gaps == []


def test_numbers_that_are_none_become_silence_and_are_counted() -> None:
    samples = tone(1.0, 16_000)
    samples[100], samples[200], samples[300], samples[400] = np.nan, np.inf, -np.inf, 1e30
    waveform = _waveform()
    waveform.add(sound_frame(samples, "fltp", "mono", 16_000), 0.0)
    waveform.close()
    values, mask = waveform.track.cut(0, 16_000)
    assert np.isfinite(values).all()
    assert (values[[100, 200, 300, 400]] == 0).all()
    assert waveform.sanitised == 4
    assert mask.all()


def test_nan_does_not_spread_through_the_resampler() -> None:
    samples = tone(1.0, 48_000)
    samples[24_000] = np.nan
    waveform = _waveform()
    _feed(waveform, samples, 48_000, 0.0)
    waveform.close()
    values, _ = waveform.track.cut(0, 16_000)
    assert np.isfinite(values).all()
    assert np.abs(values).max() > 0.4


def test_frames_without_times_follow_each_other() -> None:
    waveform = _waveform()
    for _ in range(4):
        waveform.add(sound_frame(tone(0.5, 16_000), "fltp", "mono", 16_000), None)
    waveform.close()
    assert waveform.end == pytest.approx(2.0)
    assert waveform.expected == pytest.approx(2.0)


def test_nothing_at_all() -> None:
    waveform = _waveform()
    waveform.close()
    assert waveform.expected is None
    assert (waveform.end, waveform.ready, waveform.seconds) == (0.0, 0.0, 0.0)
