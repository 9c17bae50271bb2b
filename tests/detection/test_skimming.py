"""Skimming: pictures are decoded where something is heard, where keyframes differ, and where nobody can tell."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from avtext.clip import AUDIO_RATE
from avtext.detection import Result
from avtext.media import MediaOptions, MediaReader
from avtext.pipeline import Pipeline
from tests.tiny import write_video, write_wav

FPS = 10
MOVED, SIREN = (46.0, 50.0), 84.0  # seconds: when the picture changes for good, and when something is heard
LENGTH = 120


def pictures(length: int) -> Iterator[np.ndarray]:
    """A still texture with noise; a bright square comes at the first of MOVED and stays."""
    rng = np.random.default_rng(0)
    texture = rng.integers(60, 180, (8, 8, 3)).repeat(8, 0).repeat(8, 1)
    for number in range(length * FPS):
        picture = np.clip(texture + rng.normal(0, 3, texture.shape), 0, 255).astype(np.uint8)
        if number >= MOVED[0] * FPS:
            picture[20:36, 20:36] = 250
        yield picture


def sound(length: int) -> np.ndarray:
    """Silence, but for a siren of three seconds."""
    time = np.arange(length * AUDIO_RATE) / AUDIO_RATE
    phase = 2 * np.pi * np.cumsum(900 + 300 * np.sin(2 * np.pi * 0.8 * time)) / AUDIO_RATE
    return (0.3 * np.sign(np.sin(phase)) * ((time >= SIREN) & (time < SIREN + 3))).astype(np.float32)


def write(path: Path, keyint: int, length: int = LENGTH, codec: str = "libx264") -> Path:
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "g": str(keyint), "sc_threshold": "0"} if codec == "libx264" else {}
        video = container.add_stream(codec, rate=FPS, options=options)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p" if codec == "libx264" else "yuvj420p"
        audio = container.add_stream("aac", rate=AUDIO_RATE, layout="mono")
        for number, picture in enumerate(pictures(length)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(video.encode(frame))
        wave = sound(length)
        for first in range(0, len(wave), 1024):
            block = av.AudioFrame.from_ndarray(wave[None, first : first + 1024], format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = AUDIO_RATE, first, Fraction(1, AUDIO_RATE)
            container.mux(audio.encode(block))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("archive") / "a.mp4", keyint=4 * FPS)


@pytest.fixture
def pipe() -> Pipeline:
    return Pipeline.from_pretrained(device="cpu")


def both(pipe: Pipeline, path: Path) -> tuple[Result, Result]:
    """The file whole, and skimmed."""
    whole = pipe(path)
    pipe.skim = True
    return whole, pipe(path)


def is_seen(result: Result, time: float) -> bool:
    return any(start <= time < end for start, end in result.quality["pictures_seen"])


def test_pictures_are_decoded_where_something_happens(pipe: Pipeline, archive: Path) -> None:
    whole, skimmed = both(pipe, archive)
    assert is_seen(skimmed, MOVED[0])
    assert is_seen(skimmed, SIREN)
    assert not any(is_seen(skimmed, time) for time in (2.0, 10.0, 20.0, LENGTH - 2.0))
    assert (skimmed.duration, skimmed.status) == (whole.duration, "ok")
    assert "pictures_seen" not in whole.quality
    for result in (whole, skimmed):
        assert [e.label for e in result.events if abs(e.start - SIREN) < 0.2 and e.label == "siren"]


def test_what_was_skimmed_is_kept_as_such(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = Pipeline.from_pretrained(device="cpu", cache=tmp_path, skim=True)
    first = pipe(archive)
    monkeypatch.setattr(pipe.network, "encode", None)
    assert pipe(archive).to_dict() == first.to_dict()
    pipe.skim = False
    with pytest.raises(TypeError):  # is encoded anew
        pipe(archive)


def test_where_keyframes_are_far_apart_everything_is_decoded(pipe: Pipeline, tmp_path: Path) -> None:
    path = write(tmp_path / "far.mp4", keyint=10_000, length=50)
    whole, skimmed = both(pipe, path)
    assert skimmed.quality["pictures_seen"] == ((0.0, whole.duration),)
    assert skimmed.events == whole.events


@pytest.mark.parametrize(
    "name",
    ["androidx_mp4_sample_with_invalid_nalu.mp4", "androidx_mp4_sample_edit_list_only_preroll_sync_sample.mp4"],
)
def test_what_is_wrong_with_pictures_that_were_looked_at_is_told(pipe: Pipeline, data_dir: Path, name: str) -> None:
    """A frame is lost in the first; in the second no keyframe is shown, and nothing is wrong."""
    whole, skimmed = both(pipe, data_dir / "odd_media" / name)
    for field in ("status", "reasons", "frames_expected", "frames_decoded", "modalities"):
        assert skimmed.quality[field] == whole.quality[field]


@pytest.mark.parametrize("name", ["a.ts", "a.wav"])
def test_what_cannot_be_skimmed_is_read_whole(pipe: Pipeline, tmp_path: Path, name: str) -> None:
    path = write_wav(tmp_path / name, 3.0) if name.endswith(".wav") else write_video(tmp_path / name, 3.0)
    whole, skimmed = both(pipe, path)
    assert "pictures_seen" not in skimmed.quality
    assert skimmed.events == whole.events


@pytest.mark.parametrize(("codec", "seconds"), [("libx264", 4.0), ("mjpeg", 0.5)])
def test_keyframes_alone(tmp_path: Path, codec: str, seconds: float) -> None:
    """Each at its own step, two a second at most; the file is as long as it is, and nothing is missing."""
    path = write(tmp_path / "a.mov", keyint=4 * FPS, length=10, codec=codec)
    options = MediaOptions(keyframes=True, statistics=False)
    with MediaReader(path, options) as reader, MediaReader(path) as full:
        (clip,), (whole,) = list(reader), list(full)
    assert clip.video is not None
    assert whole.video is not None
    times = np.flatnonzero(clip.video.real) / clip.video.rate
    assert times == pytest.approx(np.arange(0, 10, seconds), abs=1 / clip.video.rate)
    steps = np.flatnonzero(clip.video.real)
    assert np.abs(clip.video.values[steps].astype(int) - whole.video.values[steps]).max() <= 3 * 8
    assert (reader.quality.status, reader.quality.decoded_duration) == ("ok", full.quality.decoded_duration)
