"""From windows to a whole: seams, clocks, gaps, text on the grid, and the real encoders in one go."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from avtext.clip import Clip, Cue, Stream
from avtext.encoders.slowfast import SlowFastEncoder
from avtext.encoders.wav2vec2 import Wav2Vec2Encoder
from avtext.errors import InvalidInput
from avtext.features import FeatureCache, FeatureKey, extract, fingerprint

HOP = 320


class BlockMeans(nn.Module):
    """50 Hz: the mean of every 320 samples, after ``skip`` samples; nothing depends on the window."""

    rate, size = 50.0, 1

    def __init__(self, skip: int = 0) -> None:
        super().__init__()
        self.skip, self.start = skip, skip / 16_000

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        count = (values.shape[1] - self.skip) // HOP
        blocks = slice(self.skip, self.skip + count * HOP)
        return values[:, blocks].reshape(1, count, HOP, 1).mean(2), mask[:, blocks].reshape(1, count, HOP).all(2)


class FrameMeans(nn.Module):
    """One step per frame: its mean."""

    size, start = 1, 0.0

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        return values.float().mean((2, 3, 4))[..., None], mask


class Lengths(nn.Module):
    """A cue's vector is (its number of letters, 1); one without letters is not real."""

    size = 2

    def forward(self, cues: list[list[str]]) -> tuple[Tensor, Tensor]:
        vectors = torch.tensor([[[float(len(text)), 1.0] for text in row] for row in cues])
        return vectors, torch.tensor([[bool(text) for text in row] for row in cues])


def windows(whole: Clip, window: float, overlap: float) -> Iterator[Clip]:
    """The clips that a reader would give of ``whole``: windows on the same clock."""
    begin = whole.start
    while True:
        end = min(begin + window, whole.end)
        cues = tuple(c for c in whole.cues if c.start < end and c.end > begin)
        streams = {name: _part(getattr(whole, name), begin, end) for name in ("audio", "video", "picture")}
        yield Clip(end - begin, begin, cues=cues, **streams)
        if end >= whole.end:
            return
        begin += window - overlap


def _part(stream: Stream | None, begin: float, end: float) -> Stream | None:
    if stream is None:
        return None
    first, last = (max(0, round((t - stream.start) * stream.rate)) for t in (begin, end))
    values, mask = stream.values[first:last], stream.real[first:last]
    return Stream(values, stream.rate, stream.start + first / stream.rate, mask) if len(values) else None


def recording(seconds: float, start: float = 0.0, frame_rate: float = 15.0) -> Clip:
    rng = np.random.default_rng(0)
    audio = rng.standard_normal(round(seconds * 16_000)).astype(np.float32)
    frames = rng.integers(0, 256, (round(seconds * frame_rate), 32, 32, 3), dtype=np.uint8)
    picture = rng.standard_normal((round(seconds * 25), 5)).astype(np.float32)
    return Clip(
        seconds,
        start,
        audio=Stream(audio, 16_000.0, start),
        video=Stream(frames, frame_rate, start),
        picture=Stream(picture, 25.0, start),
    )


ENCODERS = {"audio": BlockMeans(), "video": FrameMeans(15.0)}


@pytest.mark.parametrize(("window", "overlap"), [(4.0, 1.0), (4.0, 0.0), (3.0, 0.4), (3.2, 2.0), (60.0, 4.0)])
@pytest.mark.parametrize("start", [0.0, 7.0])
def test_windows_equal_the_whole(window: float, overlap: float, start: float) -> None:
    whole = recording(11.4, start)
    expected, found = extract([whole], ENCODERS), extract(windows(whole, window, overlap), ENCODERS)
    assert list(found) == ["audio", "video", "picture"]
    for name, stream in expected.items():
        assert found[name].real.all()
        assert np.array_equal(found[name].values, stream.values)
        assert found[name].start == pytest.approx(start)
        assert found[name].rate == {"audio": 50.0, "video": 15.0, "picture": 25.0}[name]


def test_start_of_the_encoder_is_added() -> None:
    whole = recording(9.0, 2.0)
    found = extract(windows(whole, 4.0, 1.0), {"audio": BlockMeans(skip=40)})["audio"]
    assert found.start == pytest.approx(2.0025)
    assert np.array_equal(found.values, extract([whole], {"audio": BlockMeans(skip=40)})["audio"].values)
    assert found.real.all()


def test_windows_off_the_frame_grid_move_by_half_a_frame_at_most() -> None:
    """Windows start on multiples of 40 ms, which 8 frames a second do not."""
    ramp = np.repeat(np.arange(96, dtype=np.uint8), 32 * 32 * 3).reshape(96, 32, 32, 3)  # its value is its number
    clips = [
        Clip(4.0, s, video=Stream(ramp[first : first + 32], 8.0, s))
        for s, first in ((0.0, 0), (2.96, 24), (5.92, 47), (8.0, 64))
    ]
    video = extract(clips, {"video": FrameMeans(8.0)})["video"]
    assert len(video) == 96
    assert video.real.all()
    assert np.abs(video.values[:, 0] - np.arange(96)).max() <= 1


def test_each_window_gives_its_side_of_the_middle() -> None:
    clips = [Clip(4.0, s, audio=Stream(np.full(64_000, float(s), np.float32), 16_000.0, float(s))) for s in (0, 3, 6)]
    audio = extract(clips, {"audio": BlockMeans()})["audio"]
    assert np.flatnonzero(np.diff(audio.values[:, 0])).tolist() == [174, 324]  # at 3.5 s and 6.5 s
    assert audio.end == pytest.approx(10.0)


def test_a_gap_between_windows_is_masked() -> None:
    ones = np.ones(32_000, np.float32)
    clips = [Clip(2.0, s, audio=Stream(ones, 16_000.0, s)) for s in (0.0, 5.0)]
    audio = extract(clips, {"audio": BlockMeans()})["audio"]
    assert audio.real.tolist() == [True] * 100 + [False] * 150 + [True] * 100
    assert np.array_equal(audio.values[:, 0], audio.real.astype(np.float32))


def test_a_stream_that_some_windows_lack() -> None:
    sound = Stream(np.ones(32_000, np.float32), 16_000.0, 2.0)
    clips = [Clip(2.0, 0.0), Clip(2.0, 2.0, audio=sound), Clip(2.0, 4.0)]
    audio = extract(clips, ENCODERS)["audio"]
    assert (audio.start, len(audio)) == (2.0, 100)
    assert audio.real.all()


def test_masked_samples_stay_masked() -> None:
    mask = np.ones(64_000, bool)
    mask[16_000:32_000] = False
    audio = extract([Clip(4.0, audio=Stream(np.ones(64_000, np.float32), 16_000.0, 0.0, mask))], ENCODERS)["audio"]
    assert audio.real.tolist() == [True] * 50 + [False] * 50 + [True] * 100


def test_cues_lie_on_the_grid() -> None:
    cues = (Cue(0.2, 0.4, "four"), Cue(0.36, 0.48, "sixsix"), Cue(0.6, 0.8, ""))
    text = extract([Clip(1.0, cues=cues)], {"text": Lengths()})["text"]
    assert (text.rate, text.start, len(text)) == (25.0, 0.0, 25)
    assert text.values[:, 0].tolist() == [0.0] * 5 + [4.0] * 4 + [5.0] + [6.0] * 2 + [0.0] * 13
    assert np.flatnonzero(text.real).tolist() == list(range(5, 12))


def test_cues_across_windows_equal_the_whole() -> None:
    cues = (Cue(1.0, 3.3, "long"), Cue(3.4, 3.5, "x"), Cue(8.0, 9.0, "later"))
    whole = Clip(10.0, 0.0, cues=cues)
    expected = extract([whole], {"text": Lengths()})["text"]
    found = extract(windows(whole, 4.0, 1.0), {"text": Lengths()})["text"]
    assert found.start == 0.0
    assert np.array_equal(found.values, expected.values[: len(found)])
    assert np.array_equal(found.real, expected.real[: len(found)])
    assert not expected.real[len(found) :].any()


@pytest.mark.parametrize("clips", [[], [Clip(1.0)]])
def test_nothing(clips: list[Clip]) -> None:
    assert extract(clips, {**ENCODERS, "text": Lengths()}) == {}


class TestRefusals:
    def test_unknown_stream(self) -> None:
        with pytest.raises(InvalidInput, match="no stream is called 'sound'; known: audio, video"):
            extract([], {"sound": BlockMeans()})

    def test_order(self) -> None:
        with pytest.raises(InvalidInput, match=r"clip at 0\.0 s comes after one at 3\.0 s"):
            extract([Clip(1.0, 3.0), Clip(1.0, 0.0)], {})

    def test_rates(self) -> None:
        with pytest.raises(InvalidInput, match="video comes at 15 a second, its encoder takes 8"):
            extract([recording(1.0)], {"video": FrameMeans(8.0)})
        with pytest.raises(InvalidInput, match="audio comes at 8000 a second, its encoder takes 16000"):
            extract([Clip(1.0, audio=Stream(np.zeros(8_000, np.float32), 8_000.0))], ENCODERS)


@pytest.fixture(scope="module")
def teachers() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    tiny = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "conv_dim": [8] * 7,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 2,
    }
    return {
        "audio": Wav2Vec2Encoder(config=tiny),
        "video": SlowFastEncoder(config={"model_depth": 18, "stem_dim_outs": [8, 1]}),
    }


def test_teachers_through_the_cache(teachers: dict[str, nn.Module], tmp_path: object) -> None:
    whole = recording(5.0)
    for encoder in teachers.values():
        encoder.train()
    cache = FeatureCache(str(tmp_path))
    key = FeatureKey("00", {name: fingerprint(encoder) for name, encoder in teachers.items()})
    made = extract(windows(whole, 3.0, 1.0), teachers)
    cache.put(key, made)
    assert made["audio"].values.shape == (249, 16)
    assert made["video"].values.shape == (75, 288)
    assert made["audio"].start == pytest.approx(0.0025)
    assert all(encoder.training for encoder in teachers.values())  # as it was before
    again = cache.get(key)
    assert again is not None
    assert all(np.array_equal(again[name].values, made[name].values) for name in made)


def test_fingerprint_depends_on_weights_and_settings(teachers: dict[str, nn.Module]) -> None:
    encoder = teachers["video"]
    first = fingerprint(encoder)
    settings = {"model_depth": 18, "stem_dim_outs": [8, 1]}
    other_weights, other_clips = (
        SlowFastEncoder(config=settings),
        SlowFastEncoder(config=settings, clip_frames=16),
    )
    other_clips.load_state_dict(encoder.state_dict())
    assert fingerprint(other_weights) != first
    assert fingerprint(other_clips) != first
    other_weights.load_state_dict(encoder.state_dict())
    assert fingerprint(other_weights.eval()) == first
