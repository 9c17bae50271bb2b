"""A tiny detector that does find events, and tiny videos whose content says what time it is."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch

from avtext.data.scenes import SceneRecipe, make_scene
from avtext.model import EventDetector, collate, save_detector
from tests.model.test_detector import make

RATE = 16_000
FPS = 25
SRT = "1\n00:00:01,000 --> 00:00:02,000\n[dog barks]\n\n2\n00:00:02,500 --> 00:00:03,500\nhello\n"


def talkative(seed: int = 0, **changes: object) -> EventDetector:
    """A random detector whose events come and go: its emissions are centred on those of a scene."""
    model = make(seed, **changes)
    scene = make_scene(SceneRecipe(duration=(8.0, 8.0), no_cues_chance=0.0, missing_chance=0.0), 3)
    chains = model.scheme.num_chains
    with torch.no_grad():
        weights, bias = model.emit.weight.view(chains, 3, -1), model.emit.bias.view(chains, 3)
        weights.mul_(10.0)
        weights[:, 1] = weights[:, 2]
        bias.zero_()
        emissions = model(collate([scene])).emissions[0]
        bias[:, 1:] += (emissions[..., 0] - emissions[..., 2]).mean(1, keepdim=True)
        model.crf.transitions.add_(torch.tensor([[0.0, -3.0, 0.0], [-3.0, -3.0, 3.0], [-3.0, -3.0, 3.0]]))
    return model


def save_talkative(folder: Path) -> Path:
    """The folder of :func:`talkative`."""
    save_detector(folder, talkative(), "# tiny\n")
    return folder


def level(second: int) -> int:
    """The grey of the picture and, in 256ths, the loudness of the sound in that second."""
    return 40 + 20 * (second % 8)


def sound_of(seconds: float) -> np.ndarray:
    """A square wave of 250 Hz whose amplitude is :func:`level`, int16."""
    time = np.arange(round(seconds * RATE))
    loud = np.array([level(int(t)) for t in range(int(np.ceil(seconds)) or 1)])[time // RATE]
    return (loud * 100 * np.where(time // 32 % 2, 1, -1)).astype(np.int16)


def write_video(
    path: Path,
    seconds: float,
    *,
    picture: bool = True,
    sound: bool = True,
    subtitles: bool = False,
    heard: float | None = None,
) -> Path:
    """A video whose every second has a grey and a loudness of its own; with ``subtitles`` those of ``SRT`` inside.

    ``heard`` are the seconds of its sound where it ends before the picture.
    """
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS) if picture else None
        audio = container.add_stream("aac" if path.suffix == ".mp4" else "pcm_s16le", rate=RATE) if sound else None
        said = _subtitles(path) if subtitles else None
        text = container.add_stream_from_template(said.streams[0]) if said is not None else None
        if audio is not None:
            audio.layout = "mono"
        if video is not None:
            video.width = video.height = 64
            video.pix_fmt = "yuv420p"
            video.codec_context.thread_count = 1
            video.options = {"preset": "ultrafast", "crf": "10"}
            for number in range(round(seconds * FPS)):
                grey = np.full((64, 64, 3), level(number // FPS), np.uint8)
                frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, FPS)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        if audio is not None:
            wave_form = sound_of(seconds if heard is None else heard)
            for first in range(0, len(wave_form), 1024):
                block = av.AudioFrame.from_ndarray(wave_form[None, first : first + 1024], format="s16", layout="mono")
                block.sample_rate, block.pts, block.time_base = RATE, first, Fraction(1, RATE)
                container.mux(audio.encode(block))
            container.mux(audio.encode(None))
        if said is not None:
            for packet in said.demux():
                if packet.dts is not None:
                    packet.stream = text
                    container.mux(packet)
            said.close()
    return path


def _subtitles(path: Path) -> av.container.InputContainer:
    beside = path.with_suffix(".inside.srt")
    beside.write_text(SRT)
    return av.open(str(beside))


def write_wav(path: Path, seconds: float) -> Path:
    """The sound alone."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(sound_of(seconds).tobytes())
    return path


def write_no_streams(path: Path) -> Path:
    """An MP4 with headers and nothing in it."""
    zero, one = bytes(4), b"\0\1\0\0"
    matrix = one + bytes(12) + one + bytes(12) + b"\x40\0\0\0"
    header = bytes(12) + (1000).to_bytes(4, "big") + zero + one + b"\1\0" + bytes(10) + matrix + bytes(24) + b"\0\0\0\1"
    boxes = (b"ftyp", b"isom\0\0\2\0isomiso2"), (b"moov", _box(b"mvhd", header)), (b"mdat", b"")
    path.write_bytes(b"".join(_box(name, content) for name, content in boxes))
    return path


def _box(name: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + name + content
