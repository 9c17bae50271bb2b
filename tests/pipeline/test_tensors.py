"""Sound and pictures in memory are heard and seen as the same ones in a file are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from avtext.clip import Clip, Cue
from avtext.errors import InvalidInput
from avtext.media import MediaReader
from avtext.pipeline import Pipeline, Tensors
from tests.tiny import FPS, RATE, level, sound_of, talkative, write_video

FRAMES = np.stack([np.full((48, 80, 3), level(k // FPS), np.uint8) for k in range(3 * FPS)])
WAVE = sound_of(3.0).astype(np.float32) / 32768


@pytest.fixture(scope="module")
def pipe() -> Pipeline:
    return Pipeline(talkative())


def as_clip(pipe: Pipeline, **values: Any) -> Clip:
    return Tensors(**values).clip(dict(pipe.model.encoders.items()))


def test_tensors_are_what_a_file_of_them_gives(pipe: Pipeline, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mkv", 3.0)
    with MediaReader(tmp_path / "a.mkv", pipe._options(None, None)) as reader:
        (read,) = reader
    made = as_clip(pipe, waveform=WAVE, sample_rate=RATE, frames=FRAMES, frame_rate=FPS)
    assert made.duration == 3.0
    for name, tolerance in (("audio", 1e-3), ("video", 3.0), ("picture", 0.05)):
        ours, theirs = getattr(made, name), getattr(read, name)
        assert (len(ours), ours.rate) == (len(theirs), theirs.rate)
        difference = np.abs(ours.values.astype(float) - theirs.values.astype(float))
        assert np.median(difference) <= tolerance
        np.testing.assert_array_equal(ours.real, theirs.real)


def test_any_rate_and_any_number_of_channels(pipe: Pipeline) -> None:
    time = torch.arange(44_100) / 44_100
    left, right = torch.sin(2 * torch.pi * 440 * time), torch.zeros(44_100)
    clip = as_clip(pipe, waveform=torch.stack([left, right]), sample_rate=44_100)
    assert clip.audio is not None
    assert len(clip.audio) == RATE
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    np.testing.assert_allclose(clip.audio.values[100:-100], expected[100:-100], atol=5e-3)
    assert clip.video is None


def test_a_frame_is_shown_until_the_next_one(pipe: Pipeline) -> None:
    frames = torch.arange(4, dtype=torch.uint8)[:, None, None, None].expand(4, 10, 12, 3) * 60
    clip = as_clip(pipe, frames=frames, frame_rate=2.0)  # 2 s: each frame half a second
    assert clip.video is not None
    assert clip.picture is not None
    step = round(clip.video.rate / 2)
    assert clip.video.values[:, 0, 0, 0].tolist() == [k * 60 for k in range(4) for _ in range(step)]
    assert len(clip.picture) == 50


def test_the_pipeline_takes_them_with_words(pipe: Pipeline) -> None:
    tensors = Tensors(WAVE, RATE, FRAMES, FPS, (Cue(1.0, 2.0, "[dog barks]"),), "mine")
    result = pipe(tensors)
    assert (result.file, result.duration, result.modalities) == ("mine", 3.0, ("audio", "video", "text"))
    with pytest.raises(InvalidInput, match="give the Clip its cues"):
        pipe(tensors, transcript=())


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "give a waveform, frames, or both"),
        ({"waveform": WAVE}, "sample_rate must be a positive number, got None"),
        ({"waveform": WAVE, "sample_rate": 0}, "sample_rate must be a positive number, got 0"),
        ({"waveform": WAVE[:0], "sample_rate": RATE}, r"got \(0,\)"),
        ({"waveform": sound_of(1.0), "sample_rate": RATE}, r"waveform must be floats .* of torch.int16"),
        ({"waveform": WAVE[None, None], "sample_rate": RATE}, r"got \(1, 1, 48000\)"),
        ({"frames": FRAMES}, "frame_rate must be a positive number, got None"),
        ({"frames": FRAMES / 255, "frame_rate": 25}, "frames must be uint8"),
        ({"frames": FRAMES.transpose(0, 3, 1, 2), "frame_rate": 25}, r"got \(75, 3, 48, 80\)"),
    ],
)
def test_what_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        Tensors(**values)
