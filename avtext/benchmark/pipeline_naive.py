"""What one writes first with transformers and pytorchvideo: whole files, overlapping windows, everything eager."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

RATE, FRAMES, HOP = 15, 32, 8  # frames a second, of a window, and from one window to the next: three quarters overlap
SIZE = 256  # pixels of a side
RATIO = 4  # frames of the fast pathway to one of the slow


def naive_pipeline(video: str, audio: Mapping[str, Any], picture: Mapping[str, Any]) -> Callable[[], int]:
    """Loads both models, with random weights, and warms them; returns what encodes the video and counts its features.

    Args:
        video: a path.
        audio: settings of `transformers.Wav2Vec2Config`; none for the base model.
        picture: arguments of `pytorchvideo`'s ``create_slowfast``; none for R50.
    """
    import torch
    from pytorchvideo.models.slowfast import create_slowfast
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    torch.manual_seed(0)
    hearing = Wav2Vec2Model(Wav2Vec2Config(**audio)).eval()
    seeing = create_slowfast(**picture).eval()
    with torch.inference_mode():  # as the teacher is: what a first call prepares is nobody's time
        hearing(torch.zeros(1, 16000))
        seeing([torch.zeros(1, 3, count, SIZE, SIZE) for count in (FRAMES // RATIO, FRAMES)])

    @torch.inference_mode()
    def run() -> int:
        sound, frames = _read(Path(video))
        heard = hearing(torch.from_numpy(sound)[None]).last_hidden_state
        fast = torch.from_numpy(frames).permute(3, 0, 1, 2).float().div(255).sub(0.45).div(0.225)[None]
        seen = [
            seeing([window[:, :, ::RATIO], window])
            for first in range(0, max(1, fast.shape[2] - FRAMES + 1), HOP)
            if (window := fast[:, :, first : first + FRAMES]).shape[2] == FRAMES
        ]
        return heard.shape[1] + len(seen)

    return run


def _read(video: Path) -> tuple[Any, Any]:
    """The whole sound at 16 kHz, and every second frame of 30 resized: two passes, one after the other."""
    import av
    import numpy as np

    with av.open(str(video)) as container:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=16000)
        pieces = [part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    with av.open(str(video)) as container:
        step = round(float(container.streams.video[0].average_rate or RATE) / RATE)
        frames = [
            frame.reformat(SIZE, SIZE, "rgb24").to_ndarray()
            for number, frame in enumerate(container.decode(video=0))
            if number % step == 0
        ]
    return np.concatenate(pieces), np.stack(frames)
