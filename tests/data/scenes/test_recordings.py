"""Recorded sources: split without a shared recording, speaker or word, and cut to where they sound."""

import wave

import av
import numpy as np
import pytest

from avtext.clip import AUDIO_RATE
from avtext.data.scenes.chance import generator
from avtext.data.scenes.recipe import RECORDED
from avtext.data.scenes.recordings import (
    DIGITS,
    active_spans,
    at_speed,
    decoded,
    loudness,
    recorded_sound,
    signed,
    signing_files,
    sound_files,
    speech_files,
    spoken_digits,
)
from avtext.errors import ConfigError, MediaError


def test_recordings_are_split_by_fold_and_share_no_source(data_dir):
    train, test = (sound_files(data_dir / "esc10", split) for split in ("train", "test"))
    assert tuple(train) == tuple(test) == RECORDED
    for label in RECORDED:
        assert {path.name[0] for path in train[label]} == {"1", "2", "3"}
        assert {path.name[0] for path in test[label]} == {"4"}
        sources = [{path.name.split("-")[1] for path in files[label]} for files in (train, test)]
        assert not sources[0] & sources[1]


def test_each_class_comes_from_its_own_folder(data_dir):
    folders = {
        label: {p.parent.name for p in paths} for label, paths in sound_files(data_dir / "esc10", "train").items()
    }
    words = {label: label.split("_")[-1] for label in RECORDED} | {"crying_baby": "baby"}
    for label, names in folders.items():
        (name,) = names
        assert words[label] in name.lower()
    assert len(set.union(*folders.values())) == 10


def test_speakers_are_split(data_dir):
    train, test = (speech_files(data_dir / "fsdd", split) for split in ("train", "test"))
    assert len(train) == 3
    assert len(test) == 1
    assert not set(train) & set(test)
    assert all(sorted(digits) == list("0123456789") for digits in (*train.values(), *test.values()))


def test_signed_words_are_split_eight_to_five(data_dir):
    train, test = (signing_files(data_dir / "asl", split) for split in ("train", "test"))
    assert (len(train), len(test)) == (8, 5)
    assert not set(train) & set(test)
    clip = signed(train[0])
    assert clip.shape[1:] == (96, 128, 3)
    assert 30 < len(clip) < 120
    assert not clip.flags.writeable


@pytest.mark.parametrize("label", RECORDED)
def test_pieces_start_when_the_sound_starts(data_dir, label):
    for seed in range(4):
        piece = recorded_sound(generator(seed, label), data_dir / "esc10", "test", label)
        assert 0.1 <= len(piece) / AUDIO_RATE <= 5.01
        level = loudness(piece)
        assert level[:8].max() > 0.02 * level.max()


def test_digits_are_said_in_a_row_by_one_speaker(data_dir):
    lengths = []
    for seed in range(12):
        spoken = spoken_digits(generator(seed, "d"), data_dir / "fsdd", "test")
        words = spoken.text.split()
        assert set(words) <= set(DIGITS)
        assert 2 <= len(words) <= 16
        assert len(spoken.wave) / AUDIO_RATE < 1.3 * len(words)
        lengths.append(len(words))
    assert len(set(lengths)) > 2


def test_half_of_the_speech_has_something_above_four_kilohertz(data_dir):
    shares = []
    for seed in range(20):
        power = np.abs(np.fft.rfft(spoken_digits(generator(seed, "u"), data_dir / "fsdd", "train").wave)) ** 2
        shares.append(power[len(power) // 2 :].sum() / power.sum() > 1e-4)
    assert 0.2 < np.mean(shares) < 0.9


def test_active_spans_merge_short_gaps_and_split_at_long_ones():
    tone = np.zeros(3 * AUDIO_RATE, np.float32)
    for begin, end in ((0.5, 0.8), (1.0, 1.2), (2.0, 2.5)):  # gaps of 0.2 and 0.8 s
        tone[int(begin * AUDIO_RATE) : int(end * AUDIO_RATE)] = 0.3
    assert active_spans(tone) == [(8000, 19200), (32000, 40000)]
    assert len(active_spans(tone, merge=0.1)) == 3
    assert active_spans(np.zeros(1000, np.float32)) == []
    assert active_spans(np.zeros(0, np.float32)) == []
    assert active_spans(np.ones(160, np.float32)) == [(0, 160)]


def test_speed_changes_length_and_pitch():
    tone = np.sin(2 * np.pi * 440 * np.arange(AUDIO_RATE) / AUDIO_RATE).astype(np.float32)
    fast = at_speed(tone, 1.25)
    assert len(fast) == 12_800
    assert np.abs(np.fft.rfft(fast)).argmax() / (len(fast) / AUDIO_RATE) == pytest.approx(550, abs=2)
    np.testing.assert_allclose(at_speed(tone, 1.0), tone, atol=1e-6)
    assert len(at_speed(tone[:1], 1.2)) == 1


def test_folders_that_lack_something_are_refused(tmp_path):
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "1-1-A.ogg").write_bytes(b"")
    with pytest.raises(ConfigError, match="has no train recording of dog_bark"):
        sound_files(tmp_path, "train")
    with wave.open(str(tmp_path / "1_anna_0.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
    with pytest.raises(ConfigError, match=r"speech_dir: .* two speakers or more.*\['anna'\]"):
        speech_files(tmp_path, "test")
    (tmp_path / "a.mkv").write_bytes(b"")
    with pytest.raises(ConfigError, match="nine words or more"):
        signing_files(tmp_path, "train")


def write_sound(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((np.asarray(samples) * 32767).astype("<i2").tobytes())


@pytest.mark.parametrize("samples", [[], [0.5] * 100, [0.0] * 16_000], ids=["empty", "6 ms", "silent"])
def test_a_recording_in_which_nothing_is_heard_is_no_event(tmp_path, samples):
    for name in ("0_anna_0.wav", "0_bert_0.wav"):
        write_sound(tmp_path / name, samples)
    with pytest.raises(MediaError, match=r"0_anna_0\.wav: has no sound of 10 ms or more in it; replace or remove it"):
        spoken_digits(generator(1, "x"), tmp_path, "train")


def test_what_follows_the_speaker_in_a_name_may_have_more_parts(tmp_path):
    for name in ("0_anna_0_loud.wav", "0_bert_0.wav"):
        write_sound(tmp_path / name, [0.5] * 1600)
    assert list(speech_files(tmp_path, "train")) == ["anna"]


def test_a_signed_word_shorter_than_a_frame_is_named(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("mpeg4", rate=60)
        stream.width, stream.height = 64, 48
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(MediaError, match=r"a\.mkv: is shorter than a frame at 25 per second; replace or remove it"):
        signed(tmp_path / "a.mkv")


def test_a_file_that_is_no_recording_is_named(tmp_path):
    bad = tmp_path / "bad.ogg"
    bad.write_text("not a sound")
    with pytest.raises(MediaError, match=r"bad\.ogg: cannot be read as sound"):
        decoded(bad)
    with pytest.raises(MediaError, match=r"bad\.ogg: cannot be read as video"):
        signed(bad)
