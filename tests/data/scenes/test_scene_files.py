"""Scenes written as MP4, SRT and truth, read back with PyAV."""

import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from avtext.clip import AUDIO_RATE, Cue
from avtext.data.scenes import clip_of, make_scene_frames
from avtext.data.scenes.clocks import Absent
from avtext.data.scenes.files import write_scene
from avtext.errors import InvalidInput, StorageError
from avtext.formats.schema import SCHEMA
from avtext.media import read_cues


def _sound(path: Path) -> np.ndarray:
    """The sound of a file at 16 kHz, from presentation time 0."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=AUDIO_RATE)
        frames = list(container.decode(audio=0))
        first = round(float(frames[0].time) * AUDIO_RATE)
        parts = [p.to_ndarray()[0] for frame in frames for p in resampler.resample(frame)]
        parts += [p.to_ndarray()[0] for p in resampler.resample(None)]
    return np.concatenate([np.zeros(max(first, 0), np.float32), *parts])


def _frames(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Frames of a file and when they are shown."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return np.stack([f.to_ndarray(format="rgb24") for f in frames]), np.array([f.time for f in frames])


def _lag(late: np.ndarray, early: np.ndarray) -> int:
    """Samples by which one sound comes after another."""
    size = 2 * max(len(late), len(early))
    likeness = np.fft.irfft(np.fft.rfft(late, size) * np.conj(np.fft.rfft(early, size)))
    best = int(likeness.argmax())
    return best if best < size // 2 else best - size


@pytest.fixture(scope="module")
def offset_scene(short_recipe):
    """A scene whose sound comes late or early."""
    update = {"offset_chance": 1.0, "no_cues_chance": 0.0, "cue_chance": 1.0}
    return make_scene_frames(short_recipe.model_copy(update=update), 5, 96, 128)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_file_holds_the_scene(offset_scene, tmp_path, rate):
    paths = write_scene(offset_scene, tmp_path / "new", "a", audio_rate=rate)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.mp4", "a.srt", "a.truth.json"]
    frames, times = _frames(paths.media)
    assert frames.shape == offset_scene.frames.shape
    np.testing.assert_allclose(times, np.arange(150) / 25, atol=1e-6)
    assert np.abs(frames.astype(int) - offset_scene.frames).mean() < 12
    sound = _sound(paths.media)
    assert abs(len(sound) - 6 * AUDIO_RATE) <= 2048
    assert abs(_lag(sound, offset_scene.waveform)) <= 2
    with av.open(str(paths.media)) as container:
        assert container.duration / 1e6 == pytest.approx(6.0, abs=0.05)


def test_the_truth_and_the_cues_are_those_of_the_scene(offset_scene, tmp_path):
    paths = write_scene(offset_scene, tmp_path, "a")
    truth = json.loads(paths.truth.read_text())
    assert (truth["schema"], truth["file"], truth["duration"]) == (SCHEMA, "a.mp4", 6.0)
    assert [(e["start"], e["end"], e["label"]) for e in truth["events"]] == [
        (e.start, e.end, e.label) for e in offset_scene.events
    ]
    text = paths.cues.read_text(encoding="utf-8")
    assert text.count(" --> ") == len(offset_scene.cues) > 0
    assert all(cue.text in text for cue in offset_scene.cues)


def test_an_offset_is_in_the_file(short_recipe, offset_scene, tmp_path):
    plain = make_scene_frames(short_recipe, 5, 32, 32)
    paths = write_scene(offset_scene, tmp_path, "a")
    asked = -offset_scene.clocks.audio.offset
    assert abs(asked) > 0.1
    assert _lag(_sound(paths.media), plain.waveform) / AUDIO_RATE == pytest.approx(asked, abs=0.001)


def test_missing_streams_and_dropouts_are_in_the_file(short_recipe, tmp_path):
    kinds = set()
    for seed in range(8):
        scene = make_scene_frames(short_recipe.model_copy(update={"missing_chance": 1.0}), seed, 32, 32)
        paths = write_scene(scene, tmp_path, f"m{seed}")
        with av.open(str(paths.media)) as container:
            kinds.add((scene.absent.missing, tuple(sorted(s.type for s in container.streams)), paths.cues is None))
    assert {kind[:2] for kind in kinds} <= {
        ("audio", ("video",)), ("video", ("audio",)), ("text", ("audio", "video")),
    }  # fmt: skip
    assert all(no_cues for missing, _, no_cues in kinds if missing == "text")
    scene = make_scene_frames(short_recipe.model_copy(update={"dropout_chance": 1.0}), 2, 32, 32)
    paths = write_scene(scene, tmp_path, "drop")
    _, times = _frames(paths.media)
    low, high = scene.absent.dropouts["video"]
    inside = ((np.arange(150) + 0.5) / 25 >= low) & ((np.arange(150) + 0.5) / 25 < high)
    assert len(times) == 150 - inside.sum()
    assert not ((times >= low - 1e-6) & (times < high - 1e-6)).any()
    low, high = scene.absent.dropouts["audio"]
    sound = _sound(paths.media)
    quiet = sound[round((low + 0.15) * AUDIO_RATE) : round((high - 0.15) * AUDIO_RATE)]
    assert np.abs(quiet).max() < 1e-3 * np.abs(sound).max()


def test_a_file_lacks_the_frames_that_its_clip_lacks(short_recipe, tmp_path):
    scene = make_scene_frames(short_recipe, 2, 32, 32)
    scene = replace(scene, absent=Absent("", {"video": (1 / 25, 1 / 25 + 28 / 25)}))  # ends by rounding after 29 / 25
    _, times = _frames(write_scene(scene, tmp_path, "drop").media)
    real = clip_of(scene).picture.real
    assert np.round(times * 25).astype(int).tolist() == np.flatnonzero(real).tolist()


@pytest.mark.parametrize("dropout", [(0.0, 2.4), (4.0, 6.0)])
def test_a_dropout_at_an_end_of_a_silent_film_moves_no_time(short_recipe, tmp_path, dropout):
    scene = make_scene_frames(short_recipe, 2, 32, 32)
    paths = write_scene(replace(scene, absent=Absent("audio", {"video": dropout})), tmp_path, "a")
    _, times = _frames(paths.media)
    assert (times[0], times[-1]) == (0.0, pytest.approx(149 / 25))
    assert len(times) == 150 - round((dropout[1] - dropout[0]) * 25) + 1
    with av.open(str(paths.media)) as container:
        assert container.duration / 1e6 == pytest.approx(6.0, abs=0.05)


def test_a_cue_cannot_end_its_block_or_begin_another(short_recipe, tmp_path):
    scene = make_scene_frames(short_recipe, 0, 32, 32)
    said = (Cue(0.0, 1.0, "1 --> 2\n\nb"), Cue(2.0, 3.0, "after"))
    paths = write_scene(replace(scene, cues=said), tmp_path, "a")
    assert [cue.text for cue in read_cues(paths.cues)] == ["1 → 2\nb", "after"]


def test_odd_sizes_and_names_are_refused_and_nothing_is_left(short_recipe, tmp_path):
    scene = make_scene_frames(short_recipe, 0, 33, 32)
    with pytest.raises(InvalidInput, match="must be even in height and width, got 33 x 32"):
        write_scene(scene, tmp_path, "a")
    even = make_scene_frames(short_recipe, 0, 32, 32)
    for stem in ("", "x/y", ".."):
        with pytest.raises(InvalidInput, match="stem: must be a file name without a folder"):
            write_scene(even, tmp_path, stem)
    with pytest.raises(InvalidInput, match=r"audio_rate: must be one of 7350, .* 96000 Hz, got 12345"):
        write_scene(even, tmp_path, "a", audio_rate=12345)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        write_scene(even, tmp_path / "file", "a")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_that_cannot_be_encoded_is_named_as_it_would_be(short_recipe, tmp_path, monkeypatch):
    def fail(*_):
        raise av.FFmpegError(1, "no encoder")

    monkeypatch.setattr("avtext.data.scenes.files._encode_audio", fail)
    with pytest.raises(StorageError, match=rf"^{tmp_path}/a\.mp4: the scene cannot be encoded"):
        write_scene(make_scene_frames(short_recipe, 0, 32, 32), tmp_path, "a")
    assert not list(tmp_path.iterdir())
