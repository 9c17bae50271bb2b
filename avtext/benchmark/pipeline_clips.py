"""Generated videos for the pipeline's figures: a moving picture with cuts and a changing sound, any length, H.264."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

FPS = 30
LOOP = 12  # seconds that are encoded; longer videos repeat their packets
AUDIO_RATE = 32_000  # 12 s are 375 AAC frames
SHOT = 2  # seconds between cuts


def make_video(path: Path, seconds: int, height: int = 720) -> Path:
    """A 16:9 video at 30 frames a second with sound, of ``seconds`` rounded up to whole loops of 12 s.

    Args:
        path: an MP4 file.
        seconds: how long.
        height: lines of the picture, such as 720 or 360.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     make_video(Path(folder) / "a.mp4", 12, height=90).stat().st_size > 10_000
        True
    """
    import av

    loops = -(-seconds // LOOP)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "23", "g": "60"})
        video.width, video.height, video.pix_fmt = width_of(height), height, "yuv420p"
        audio = container.add_stream("aac", rate=AUDIO_RATE, layout="mono")
        packets = _encoded(video, height)
        for loop in range(loops):
            _repeat(container, packets, loop)
            container.mux(audio.encode(_sound(loop)))
        container.mux(audio.encode(None))
    return path


def width_of(height: int) -> int:
    """Pixels in a line of a 16:9 picture, even.

    Example:
        >>> width_of(720), width_of(360)
        (1280, 640)
    """
    return height * 16 // 9 // 2 * 2


def _encoded(stream: Any, height: int) -> list[tuple[Any, int, int]]:
    """The packets of one loop with their presentation and decoding times in the stream's time base."""
    packets = [packet for frame in _pictures(height) for packet in stream.encode(frame)] + stream.encode(None)
    return [(packet, packet.pts, packet.dts) for packet in packets]


def _repeat(container: Any, packets: list[tuple[Any, int, int]], loop: int) -> None:
    import av

    for packet, pts, dts in packets:
        copy = av.Packet(bytes(packet))
        copy.stream, copy.time_base, copy.is_keyframe = packet.stream, packet.time_base, packet.is_keyframe
        shift = round(loop * LOOP / packet.time_base)
        copy.pts, copy.dts = pts + shift, dts + shift
        container.mux(copy)


def _pictures(height: int) -> Iterator[Any]:
    """A camera moving over a textured plane, another plane every shot, with a little noise in it."""
    import av

    rng = np.random.default_rng(0)
    width = width_of(height)
    for shot in range(LOOP // SHOT):
        plane = _plane(rng, height * 3 // 2, width * 3 // 2)
        for k in range(SHOT * FPS):
            top, left = (round((side / 4) * (1 + np.sin(k / 20 + shot))) for side in (height, width))
            picture = plane[top : top + height, left : left + width]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = shot * SHOT * FPS + k, Fraction(1, FPS)
            yield frame


def _plane(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Patches of colour with structure at three scales, ``(height, width, 3)`` uint8."""
    total = np.zeros((height, width, 3), np.float32)
    for size, strength in ((180, 0.6), (24, 0.25), (3, 0.15)):
        coarse = rng.random((height // size + 1, width // size + 1, 3), dtype=np.float32)
        total += strength * coarse.repeat(size, 0).repeat(size, 1)[:height, :width]
    return (total * 255).astype(np.uint8)


def _sound(loop: int) -> Any:
    """Tones that change every second in soft noise."""
    import av

    rng = np.random.default_rng(loop)
    time = np.arange(LOOP * AUDIO_RATE) / AUDIO_RATE
    pitch = 200.0 * 2.0 ** (rng.integers(0, 24, LOOP) / 12.0)
    wave = 0.2 * np.sin(2 * np.pi * pitch.repeat(AUDIO_RATE) * time) + 0.02 * rng.standard_normal(len(time))
    frame = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.time_base, frame.pts = AUDIO_RATE, Fraction(1, AUDIO_RATE), loop * len(wave)
    return frame
