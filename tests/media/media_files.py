"""Media files with known content, written by PyAV for the tests."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

CLOCK = 90_000  # ticks per second of the frames' times

Frames = list[tuple[float, np.ndarray]]  # (seconds, height x width x 3 uint8)
Sounds = list[tuple[float, np.ndarray]]  # (seconds, samples x channels float32)

LAYOUTS = [
    ("a.mp4", "libx264", "aac"),
    ("b.mp4", "mpeg4", "libmp3lame"),
    ("a.mkv", "libx264", "flac"),
    ("b.mkv", "libx264", "libopus"),
    ("a.mov", "mpeg4", "pcm_s16le"),
    ("a.avi", "mpeg4", "pcm_s16le"),
    ("b.avi", "mpeg4", "libmp3lame"),
    ("a.ts", "libx264", "mp2"),
    ("b.ts", "mpeg2video", "aac"),
    ("a.webm", "libvpx", "libopus"),
    ("a.flv", "flv", "aac"),
    ("a.mpg", "mpeg2video", "mp2"),
]


def grey(value: int, size: int = 64) -> np.ndarray:
    """A picture of one grey."""
    return np.full((size, size, 3), value, np.uint8)


def steady(count: int, fps: float = 25.0, size: int = 64, start: float = 0.0) -> Frames:
    """Frames that each have a grey of their own, 8 levels apart, in a saw tooth."""
    return [(start + i / fps, grey(16 + 8 * (i % 26), size)) for i in range(count)]


def tone(seconds: float, rate: int = 48_000, channels: int = 1, hertz: float = 440.0) -> np.ndarray:
    """A sine of amplitude 0.5, the same in every channel."""
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, 1).astype(np.float32)


def write(
    path: Path,
    frames: Frames | None = None,
    sounds: Sounds | None = None,
    *,
    rate: int = 48_000,
    video_codec: str = "libx264",
    audio_codec: str = "aac",
    video_options: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    sound_first: bool = True,
    interleave: bool = True,
) -> Path:
    """Mux frames and pieces of sound at the times given."""
    with av.open(str(path), "w", options=options or {}) as output:
        video = _video(output, frames, video_codec, video_options) if frames else None
        audio = _audio(output, sounds, audio_codec, rate) if sounds else None
        packets = [*_encoded_frames(video, frames or [])], [*_encoded_sounds(audio, sounds or [], rate)]
        every = [*packets[1], *packets[0]] if sound_first else [*packets[0], *packets[1]]
        if interleave:
            every.sort(key=lambda packet: float((packet.dts or 0) * packet.time_base))
        for packet in every:
            output.mux(packet) if interleave else output.mux_one(packet)
    return path


def click_and_flash(path: Path, video: str, audio: str, start: float = 0.0) -> Path:
    """Three seconds of black and silence with one white frame and one click, both at ``start`` + 2 s."""
    frames = [(start + i / 25, grey(235 if i == 50 else 16)) for i in range(75)]
    sound = np.zeros((3 * 48_000, 1), np.float32)
    sound[96_000:96_240, 0] = 0.8 * np.sin(np.arange(240) * 0.4)
    return write(path, frames, [(start, sound)], video_codec=video, audio_codec=audio)


def _video(output, frames, codec, options):
    stream = output.add_stream(codec, rate=25, options=options or {})
    stream.height, stream.width = frames[0][1].shape[:2]
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, CLOCK) if codec not in ("mpeg4", "mpeg2video") else Fraction(1, 25)
    stream.time_base = stream.codec_context.time_base
    return stream


def _audio(output, sounds, codec, rate):
    channels = sounds[0][1].shape[1]
    layout = {1: "mono", 2: "stereo", 6: "5.1", 16: "hexadecagonal"}[channels]
    stream = output.add_stream(codec, rate=rate, layout=layout)
    stream.codec_context.time_base = Fraction(1, rate)
    return stream


def _encoded_frames(stream, frames):
    if stream is None:
        return
    base = stream.codec_context.time_base
    for seconds, picture in frames:
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = round(seconds / base), base
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _encoded_sounds(stream, sounds, rate):
    if stream is None:
        return
    stream.codec_context.open()
    kind = stream.codec_context.format.name
    size = stream.codec_context.frame_size or 1024
    for seconds, samples in sounds:
        first = round(seconds * rate)
        for i in range(0, len(samples), size):
            frame = sound_frame(samples[i : i + size], kind, stream.codec_context.layout.name, rate)
            frame.pts, frame.time_base = first + i, Fraction(1, rate)
            yield from stream.encode(frame)
    yield from stream.encode(None)


def sound_frame(samples: np.ndarray, kind: str, layout: str, rate: int) -> av.AudioFrame:
    """An audio frame in any of FFmpeg's usual sample formats."""
    scales = {"u8": 127.0, "s16": 32767.0, "s32": 2147483647.0, "flt": 1.0, "dbl": 1.0}
    dtypes = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "flt": np.float32, "dbl": np.float64}
    plain = kind.rstrip("p")
    values = (samples * scales[plain] + (128.0 if plain == "u8" else 0.0)).astype(dtypes[plain])
    wide = values.shape[1] >= 8  # PyAV reads past the end of that many planes: write one, then split it
    planar = kind.endswith("p") and not wide
    array = np.ascontiguousarray(values.T if planar else values.reshape(1, -1))
    frame = av.AudioFrame.from_ndarray(array, format=kind if planar else kind.rstrip("p"), layout=layout)
    frame.sample_rate = rate
    if wide and kind.endswith("p"):
        (frame,) = av.AudioResampler(format=kind, layout=layout, rate=rate).resample(frame)
    return frame


def rotate_mp4(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Write a rotation ``(a, b, c, d)`` into the header of every track of an MP4 file."""
    content = bytearray(path.read_bytes())
    at = content.find(b"tkhd")
    while at >= 0:
        a, b, c, d = (value << 16 for value in matrix)
        one = (1 << 30).to_bytes(4, "big")
        zero = bytes(4)
        values = [v.to_bytes(4, "big", signed=True) for v in (a, b, c, d)]
        content[at + 44 : at + 80] = b"".join([values[0], values[1], zero, values[2], values[3], zero, zero, zero, one])
        at = content.find(b"tkhd", at + 4)
    path.write_bytes(bytes(content))
