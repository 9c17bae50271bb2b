"""Sound and pictures in memory are heard and seen as the same ones in a file are."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from avtext.clip import Clip, Cue
from avtext.errors import InvalidInput
from avtext.media import MediaReader
from avtext.media.opening import shown
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
        assert np.corrcoef(ours.values.ravel(), theirs.values.ravel())[0, 1] > 0.99, name
        np.testing.assert_array_equal(ours.real, theirs.real)


def test_any_rate_and_any_number_of_channels(pipe: Pipeline) -> None:
    seconds = torch.arange(44_100) / 44_100
    left, right = torch.sin(2 * torch.pi * 440 * seconds), torch.zeros(44_100)
    clip = as_clip(pipe, waveform=torch.stack([left, right]), sample_rate=44_100)
    assert clip.audio is not None
    assert len(clip.audio) == RATE
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    np.testing.assert_allclose(clip.audio.values[100:-100], expected[100:-100], atol=5e-3)
    assert clip.video is None


class Elements(TorchDispatchMode):
    """Counts the elements of all tensors that torch makes meanwhile."""

    count = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        self.count += sum(part.numel() for part in tree_leaves(made) if isinstance(part, Tensor))
        return made


def test_rates_without_a_common_divisor_cost_no_more(pipe: Pipeline) -> None:
    counts, peaks = [], []
    for rate in (22_050, 22_051):
        samples = np.sin(2 * np.pi * 440 * np.arange(rate * 5) / rate).astype(np.float32)
        tracemalloc.start()
        with Elements() as elements:
            clip = as_clip(pipe, waveform=samples, sample_rate=rate)
        counts.append(elements.count)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert counts[1] < 1.01 * counts[0]
    assert peaks[1] < 1.1 * peaks[0]
    assert clip.audio is not None
    expected = np.sin(2 * np.pi * 440 * np.arange(5 * RATE) / RATE)
    np.testing.assert_allclose(clip.audio.values[100:-100], expected[100:-100], atol=5e-3)


@pytest.mark.parametrize("rate", [1, 8_000, 192_000, 999_983, 1_000_000])
@pytest.mark.parametrize("count", [1, 2, 48_000])
def test_sound_keeps_its_length_at_any_rate(pipe: Pipeline, rate: int, count: int) -> None:
    count = min(count, 20) if rate == 1 else count
    clip = as_clip(pipe, waveform=np.ones(count, np.float32), sample_rate=rate)
    assert clip.audio is not None
    assert len(clip.audio) == max(1, round(count * RATE / rate))


def test_arrays_of_any_strides_and_byte_order(pipe: Pipeline) -> None:
    flipped = Tensors(WAVE[::-1], RATE, FRAMES[..., ::-1], FPS).clip(dict(pipe.model.encoders.items()))
    copied = Tensors(WAVE[::-1].copy(), RATE, FRAMES[..., ::-1].copy(), FPS).clip(dict(pipe.model.encoders.items()))
    for name in ("audio", "video", "picture"):
        np.testing.assert_array_equal(getattr(flipped, name).values, getattr(copied, name).values)
    read_only = np.frombuffer(WAVE[:100].tobytes(), np.float32)
    for waveform in (WAVE[:100].astype(">f4"), WAVE[:100].tolist(), read_only):
        clip = as_clip(pipe, waveform=waveform, sample_rate=RATE)
        assert clip.audio is not None
        np.testing.assert_allclose(clip.audio.values, WAVE[:100])


@pytest.mark.parametrize("rate", [np.float32(RATE), torch.tensor(RATE)])
def test_a_rate_of_another_type_becomes_a_number(rate: Any) -> None:
    tensors = Tensors(WAVE, rate)
    assert type(tensors.sample_rate) is float
    assert tensors.sample_rate == RATE


def test_a_frame_is_shown_until_the_next_one(pipe: Pipeline) -> None:
    frames = torch.arange(4, dtype=torch.uint8)[:, None, None, None].expand(4, 10, 12, 3) * 60
    clip = as_clip(pipe, frames=frames, frame_rate=3.0)
    assert clip.video is not None
    assert clip.picture is not None
    assert clip.video.rate == 8.0
    assert clip.video.values[:, 0, 0, 0].tolist() == [0] * 3 + [60] * 2 + [120] * 3 + [180] * 3  # at centres of steps
    assert len(clip.picture) == 34


def test_the_pipeline_takes_them_with_words(pipe: Pipeline) -> None:
    tensors = Tensors(WAVE, RATE, FRAMES, FPS, (Cue(1.0, 2.0, "[dog barks]"),), "mine")
    result = pipe(tensors)
    assert (result.file, result.duration, result.modalities) == ("mine", 3.0, ("audio", "video", "text"))
    with pytest.raises(InvalidInput, match="give the Clip its cues"):
        pipe(tensors, transcript=())


def test_cues_that_are_an_iterator_are_kept(pipe: Pipeline) -> None:
    spoken = [Cue(0.0, 1.0, "hi"), Cue(1.0, 2.0, "ho")]
    assert as_clip(pipe, waveform=WAVE, sample_rate=RATE, cues=iter(spoken)).cues == tuple(spoken)


@pytest.mark.parametrize("name", [Path("a.wav"), "\udcff.wav"])
def test_the_result_of_any_name_can_be_written(pipe: Pipeline, tmp_path: Path, name: Any) -> None:
    result = pipe(Tensors(WAVE, RATE, name=name))
    result.to_json(tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["file"] == result.file == shown(name)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "give a waveform, frames, or both"),
        ({"waveform": WAVE}, "sample_rate must be a positive number, got None"),
        ({"waveform": WAVE, "sample_rate": 0}, "sample_rate must be a positive number, got 0"),
        ({"waveform": WAVE[:0], "sample_rate": RATE}, r"got \(0,\)"),
        ({"waveform": WAVE[None][:0], "sample_rate": RATE}, r"got \(0, 48000\)"),
        ({"waveform": sound_of(1.0), "sample_rate": RATE}, r"waveform must be floats .* of torch.int16"),
        ({"waveform": WAVE[None, None], "sample_rate": RATE}, r"got \(1, 1, 48000\)"),
        ({"frames": FRAMES}, "frame_rate must be a positive number, got None"),
        ({"frames": FRAMES / 255, "frame_rate": 25}, "frames must be uint8"),
        ({"frames": FRAMES.transpose(0, 3, 1, 2), "frame_rate": 25}, r"got \(75, 3, 48, 80\)"),
        ({"frames": FRAMES[:, :0], "frame_rate": 25}, r"got \(75, 0, 80, 3\)"),
        ({"waveform": WAVE.reshape(-1, 2), "sample_rate": RATE}, "24000 channels of 2 samples: transpose it"),
        ({"waveform": WAVE, "sample_rate": 0.3}, r"sample_rate must lie in \[1, 1,000,000\] Hz, got 0.3"),
        ({"waveform": WAVE, "sample_rate": 1e9}, r"sample_rate must lie in \[1, 1,000,000\] Hz"),
        ({"waveform": WAVE + np.inf, "sample_rate": 44_100}, "waveform holds values that are not finite"),
        ({"waveform": WAVE, "sample_rate": "fast"}, "sample_rate must be a positive number, got fast"),
        ({"waveform": WAVE.astype(object), "sample_rate": RATE}, "waveform must be an array of numbers"),
        ({"waveform": ["a"], "sample_rate": RATE}, "waveform must be an array of numbers, got list"),
        ({"waveform": WAVE, "sample_rate": RATE, "cues": ["x"]}, r"cues must be Cue\(start, end, text\), got 'x'"),
        ({"waveform": WAVE, "sample_rate": RATE, "cues": None}, r"cues must be Cue\(start, end, text\), got None"),
    ],
)
def test_what_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        Tensors(**values)
