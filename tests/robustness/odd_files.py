"""Odd media files that are made here, each with what reading it must give; see ``zoo.py``."""

from __future__ import annotations

import os
import struct
import wave
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from tests.media.media_files import grey, rotate_mp4, steady, tone, write
from tests.robustness.trial import clip, moving
from tests.tiny import write_no_streams


class Expected(NamedTuple):
    """``status`` is ok, degraded or an error's code; counts are of what was decoded, None where nothing is expected."""

    status: str
    frames: int | None = None
    audio: float | None = None  # seconds


def _wav(path: Path, samples: np.ndarray, tag: int = 1, rate: int = 16_000) -> Path:
    """A WAV of any sample type; ``tag`` 1 is PCM, 3 floating point."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    size = samples.dtype.itemsize
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * size * channels, size * channels, 8 * size)
    data = samples.tobytes()
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def _cut(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def _patched(path: Path, box: bytes, offset: int, content: bytes) -> Path:
    """Overwrite what lies ``offset`` bytes behind the first box of a kind."""
    data = bytearray(path.read_bytes())
    at = data.find(box) + 4 + offset
    data[at : at + len(content)] = content
    path.write_bytes(bytes(data))
    return path


def _noise(path: Path, start: float, stop: float) -> Path:
    data = bytearray(path.read_bytes())
    first, last = int(len(data) * start), int(len(data) * stop)
    data[first:last] = np.random.default_rng(1).integers(0, 256, last - first, dtype=np.uint8).tobytes()
    path.write_bytes(bytes(data))
    return path


def _pixels(path: Path, codec: str, pixels: str, height: int = 48, width: int = 64) -> Path:
    """A second of video in a pixel format that players hardly see."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        for k in range(25):
            frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 9 * k, np.uint8), format="rgb24")
            output.mux(stream.encode(frame.reformat(format=pixels)))
        output.mux(stream.encode(None))
    return path


def _titled(path: Path) -> Path:
    """An MKV whose title is not UTF-8."""
    with av.open(str(path), "w") as output:
        output.metadata["title"] = "XXXXXXXX"
        stream = output.add_stream("pcm_s16le", rate=16_000, layout="mono")
        samples = (tone(1.0, 16_000)[:, 0] * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = 16_000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    path.write_bytes(path.read_bytes().replace(b"XXXXXXXX", b"\xff\xfe\xe9\x80\x1b[2J"))
    return path


def _joined(path: Path, *parts: Path) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def _adts(folder: Path, rate: int) -> Path:
    return write(folder / f"{rate}.aac", sounds=[(0.0, tone(1.0, rate))], rate=rate)


def _two_rates(path: Path) -> Path:
    return _joined(path, _adts(path.parent, 44_100), _adts(path.parent, 22_050))


def _appearing(path: Path) -> Path:
    """A transport stream in which the sound begins with its second half."""
    first = write(path.parent / "first.ts", moving(50))
    return _joined(path, first, clip(path.parent / "second.ts", start=2.0))


def _pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _link(path: Path, target: Path) -> Path:
    path.symlink_to(target)
    return path


def _bytes(content: bytes) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return make


def _empty_wav(path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
    return path


def _with_gap(path: Path) -> Path:
    return write(path, moving(100), [(0.0, tone(1.5)), (2.5, tone(1.5))])


def _turned(matrix: tuple[int, int, int, int]) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        rotate_mp4(clip(path), matrix)
        return path

    return make


_FAST = {"options": {"movflags": "faststart"}}
_NAN = np.where(np.arange(16_000) % 100 < 3, np.nan, tone(1.0, 16_000)[:, 0]).astype(np.float32)
_PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x75\x30\0\0\x75\x30\x08\x02\0\0\0"

MADE: dict[str, tuple[Callable[[Path], Path], Expected]] = {
    "gap_in_sound.mkv": (_with_gap, Expected("degraded", 100, 3.0)),
    "late_sound.mkv": (lambda p: write(p, moving(100), [(2.0, tone(2.0))]), Expected("ok", 100, 2.0)),
    "late_picture.mkv": (lambda p: write(p, moving(50, start=2.0), [(0.0, tone(4.0))]), Expected("ok", 50, 4.0)),
    "starts_at_2.ts": (lambda p: clip(p, start=2.0), Expected("ok", 50, 2.0)),
    "starts_at_1000.mkv": (lambda p: clip(p, start=1000.0), Expected("ok", 50, 2.0)),
    "sound_10_times_longer.mkv": (lambda p: write(p, moving(25), [(0.0, tone(10.0))]), Expected("ok", 25, 10.0)),
    "two_sample_rates.aac": (_two_rates, Expected("ok", 0, 2.0)),
    "sound_appears.ts": (_appearing, Expected("ok", 100)),
    "fragmented.mp4": (lambda p: clip(p, options={"movflags": "frag_keyframe+empty_moov"}), Expected("ok", 50, 2.0)),
    "live.mkv": (lambda p: clip(p, options={"live": "1"}), Expected("ok", 50, 2.0)),
    "one_frame.mp4": (lambda p: write(p, steady(1)), Expected("ok", 1)),
    "slow.mp4": (lambda p: write(p, steady(4, fps=1.0)), Expected("ok", 4)),
    "fast.mp4": (lambda p: write(p, moving(240, fps=240.0)), Expected("ok", 240)),
    "huge_frame_gap.mkv": (lambda p: write(p, [*steady(25), (60.0, grey(99))]), Expected("ok", 26)),
    "odd_size.mkv": (lambda p: _pixels(p, "ffv1", "yuv444p", 35, 63), Expected("ok", 25)),
    "narrow.mkv": (lambda p: _pixels(p, "ffv1", "yuv444p", 720, 2), Expected("ok", 25)),
    "grey.mkv": (lambda p: _pixels(p, "ffv1", "gray"), Expected("ok", 25)),
    "ten_bits.mkv": (lambda p: _pixels(p, "ffv1", "yuv422p10le"), Expected("ok", 25)),
    "sixteen_bits.mkv": (lambda p: _pixels(p, "ffv1", "gray16le"), Expected("ok", 25)),
    "alpha.mkv": (lambda p: _pixels(p, "ffv1", "yuva420p"), Expected("ok", 25)),
    "rgb.mkv": (lambda p: _pixels(p, "ffv1", "bgr0"), Expected("ok", 25)),
    "turned_90.mp4": (_turned((0, 1, -1, 0)), Expected("ok", 50, 2.0)),
    "turned_180.mp4": (_turned((-1, 0, 0, -1)), Expected("ok", 50, 2.0)),
    "turned_270.mp4": (_turned((0, -1, 1, 0)), Expected("ok", 50, 2.0)),
    "five_one.mkv": (lambda p: write(p, sounds=[(0.0, tone(1.0, channels=6))], audio_codec="flac"), Expected("ok", 0, 1.0)),
    "eight_khz.wav": (lambda p: _wav(p, (tone(1.0, 8000)[:, 0] * 99).astype(np.int16), rate=8000), Expected("ok", 0, 1.0)),
    "sixteen_channels.wav": (lambda p: _wav(p, tone(1.0, 16_000, 16), 3), Expected("ok", 0, 1.0)),
    "eight_bits.wav": (lambda p: _wav(p, np.full(8000, 128, np.uint8)), Expected("ok", 0, 0.5)),
    "doubles.wav": (lambda p: _wav(p, tone(1.0, 16_000).astype(np.float64), 3), Expected("ok", 0, 1.0)),
    "nan.wav": (lambda p: _wav(p, _NAN, 3), Expected("ok", 0, 1.0)),
    "infinite.wav": (lambda p: _wav(p, np.full(16_000, np.inf, np.float32), 3), Expected("ok", 0, 1.0)),
    "huge_values.wav": (lambda p: _wav(p, np.full(16_000, 3e38, np.float32), 3), Expected("ok", 0, 1.0)),
    "silent.wav": (lambda p: _wav(p, np.zeros(16_000, np.int16)), Expected("ok", 0, 1.0)),
    "one_sample.wav": (lambda p: _wav(p, np.ones(1, np.int16)), Expected("ok", 0, 0.0)),
    "no_samples.wav": (_empty_wav, Expected("TRUNCATED")),
    "title_not_utf8.mkv": (_titled, Expected("ok", 0, 1.0)),
    "wrong_ending.avi": (lambda p: clip(p.with_suffix(".mp4")).rename(p), Expected("ok", 50, 2.0)),
    "new\nline\x1b[2J.mp4": (clip, Expected("ok", 50, 2.0)),
    os.fsdecode(b"not_utf8_\xff.wav"): (lambda p: _wav(p, np.zeros(1600, np.int16)), Expected("ok", 0, 0.1)),
    "link.mp4": (lambda p: _link(p, clip(p.parent / "linked to.mp4")), Expected("ok", 50, 2.0)),
    "dangling.mp4": (lambda p: _link(p, p.parent / "nowhere"), Expected("NOT_MEDIA")),
    "empty.mp4": (_bytes(b""), Expected("NOT_MEDIA")),
    "folder.mp4": (_folder, Expected("NOT_MEDIA")),
    "pipe.mp4": (_pipe, Expected("NOT_MEDIA")),
    "text.mp4": (_bytes("Grüße aus der Ferne\n".encode() * 9), Expected("NOT_MEDIA")),
    "zip.mp4": (_bytes(b"PK\x03\x04" + bytes(range(256)) * 9), Expected("NOT_MEDIA")),
    "noise.mp4": (_bytes(np.random.default_rng(0).bytes(20_000)), Expected("NOT_MEDIA")),
    "picture.mp4": (_bytes(_PICTURE), Expected("UNSUPPORTED")),
    "no_streams.mp4": (write_no_streams, Expected("NO_STREAMS")),
    "cut_index.mp4": (lambda p: _cut(clip(p), 0.6), Expected("TRUNCATED")),
    "cut.mp4": (lambda p: _cut(clip(p, **_FAST), 0.6), Expected("degraded")),
    "cut.mkv": (lambda p: _cut(clip(p), 0.6), Expected("degraded")),
    "cut.wav": (lambda p: _cut(_wav(p, np.ones(16_000, np.int16)), 0.6), Expected("degraded", 0, 0.6)),
    "cut.ts": (lambda p: _cut(clip(p), 0.601), Expected("degraded")),
    "cut.ogg": (lambda p: _cut(write(p, sounds=[(0.0, tone(9.0))], audio_codec="libopus"), 0.6), Expected("degraded")),
    "noise_inside.mp4": (lambda p: _noise(clip(p, 8.0, **_FAST), 0.4, 0.6), Expected("degraded")),
    "noise_inside.mkv": (lambda p: _noise(clip(p, 8.0), 0.4, 0.6), Expected("degraded")),
    "duration_lie.mp4": (lambda p: _patched(clip(p), b"mvhd", 16, struct.pack(">I", 3_600_000)), Expected("ok", 50, 2.0)),
    "timescale_lie.mp4": (lambda p: _patched(clip(p), b"mdhd", 12, struct.pack(">I", 9)), Expected("degraded")),
}  # fmt: skip
