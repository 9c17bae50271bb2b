"""Sound and pictures that are in memory, at any rate and size, as a model's encoders take them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from av import AudioFrame
from torch import Tensor
from torch.nn.functional import interpolate

from avtext.clip import AUDIO_RATE, Clip, Cue, Stream
from avtext.detection.reading import InMemory
from avtext.errors import InvalidInput
from avtext.features import frozen
from avtext.kernels.picture import frame_statistics, place_on_grid
from avtext.media.track import Track
from avtext.media.waveform import Waveform
from avtext.timeline import GRID_RATE, num_steps

MEASURED = 64  # pixels of a side of what is measured, as in scenes
SAMPLE_RATES = (1, 1_000_000)  # Hz, of what is resampled
_BATCH = 256  # frames resized at once
_SAMPLES = 1 << 20  # resampled at once

Array = np.ndarray | Tensor


@dataclass(frozen=True)
class Tensors(InMemory):
    """A video in memory, for a pipeline or a runtime; any part of it may be absent.

    Args:
        waveform: ``(samples,)`` or ``(channels, samples)``, floats in about [-1, 1], all finite.
        sample_rate: of the waveform, Hz; 1 to a million.
        frames: ``(frames, height, width, 3)`` uint8 RGB.
        frame_rate: of the frames, per second.
        cues: text with times.
        name: for messages and the result.

    Raises:
        InvalidInput: a shape, type, rate or value that is not as above, or nothing at all.

    Example:
        >>> from avtext import Pipeline
        >>> silence, grey = torch.zeros(2, 88_200), torch.full((60, 90, 160, 3), 128, dtype=torch.uint8)
        >>> result = Pipeline.from_pretrained()(Tensors(silence, 44_100, grey, 30.0))
        >>> result.duration, result.modalities
        (2.0, ('audio', 'video'))
    """

    waveform: Array | None = None
    sample_rate: float | None = None
    frames: Array | None = None
    frame_rate: float | None = None
    cues: Sequence[Cue] = ()
    name: str = "tensors"

    def __post_init__(self) -> None:
        if self.waveform is None and self.frames is None:
            raise InvalidInput("Tensors: give a waveform, frames, or both")
        if self.waveform is not None:
            waveform = _tensor("waveform", self.waveform)
            if waveform.ndim not in (1, 2) or not waveform.is_floating_point() or waveform.numel() == 0:
                raise InvalidInput(
                    "Tensors: waveform must be floats of shape (samples,) or (channels, samples), "
                    f"got {tuple(waveform.shape)} of {waveform.dtype}"
                )
            if waveform.ndim == 2 and len(waveform) > waveform.shape[1]:
                channels, samples = waveform.shape
                raise InvalidInput(f"Tensors: waveform has {channels} channels of {samples} samples: transpose it")
            if not waveform.isfinite().all():
                raise InvalidInput("Tensors: waveform holds values that are not finite: set them to 0")
            self._set(waveform=waveform, sample_rate=_rate("sample_rate", self.sample_rate, *SAMPLE_RATES))
        if self.frames is not None:
            frames = _tensor("frames", self.frames)
            if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != torch.uint8 or frames.numel() == 0:
                raise InvalidInput(
                    f"Tensors: frames must be uint8 of shape (frames, height, width, 3), got {tuple(frames.shape)} of "
                    f"{frames.dtype}"
                )
            self._set(frames=frames, frame_rate=_rate("frame_rate", self.frame_rate))
        cues = tuple(self.cues) if isinstance(self.cues, Iterable) else (self.cues,)
        strange = [cue for cue in cues if not isinstance(cue, Cue)]
        if strange:
            raise InvalidInput(f"Tensors: cues must be Cue(start, end, text), got {strange[0]!r}")
        self._set(cues=cues)

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def clip(self, encoders: Mapping[str, Any]) -> Clip:
        """The clip that a model with these encoders, by stream name, is given."""
        streams: dict[str, Stream] = {}
        if self.waveform is not None and self.sample_rate and "audio" in encoders:
            streams["audio"] = _heard(torch.as_tensor(self.waveform), self.sample_rate)
        if self.frames is not None and self.frame_rate:
            frames = torch.as_tensor(self.frames)
            if "video" in encoders:
                video = encoders["video"]
                streams["video"] = _seen(frames, self.frame_rate, float(video.rate), int(frozen(video).frame_size))
            if "picture" in encoders:
                streams["picture"] = _measured(frames, self.frame_rate)
        return Clip(self._duration(), cues=tuple(self.cues), name=self.name, **streams)  # type: ignore[arg-type]

    def _duration(self) -> float:
        lengths = [0.0 if self.waveform is None else self.waveform.shape[-1] / (self.sample_rate or 1)]
        lengths += [0.0 if self.frames is None else len(self.frames) / (self.frame_rate or 1)]
        return max(lengths)


def _tensor(name: str, value: Any) -> Tensor:
    """An array of any strides and byte order; one that must not be written is copied, since torch warns of it."""
    if isinstance(value, Tensor):
        return value
    try:
        array = np.require(value, requirements=("C", "W"))
        return torch.as_tensor(array.astype(array.dtype.newbyteorder("="), copy=False))
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"Tensors: {name} must be an array of numbers, got {type(value).__name__}: {error}"
        ) from None


def _rate(name: str, rate: Any, low: float = 0.0, high: float = math.inf) -> float:
    try:
        value = float(rate)
    except (TypeError, ValueError):
        value = math.nan
    if not 0 < value < math.inf:
        raise InvalidInput(f"Tensors: {name} must be a positive number, got {rate}")
    if not low <= value <= high:
        raise InvalidInput(f"Tensors: {name} must lie in [{low:,}, {high:,}] Hz, got {rate}")
    return value


def _heard(waveform: Tensor, rate: float) -> Stream:
    """Mean over the channels at 16 kHz."""
    mono = waveform.detach().cpu().float()
    mono = mono.mean(0) if mono.ndim == 2 else mono
    return Stream(_resampled(mono.numpy(), round(rate)), float(AUDIO_RATE))


def _resampled(samples: np.ndarray, rate: int) -> np.ndarray:
    """Samples at 16 kHz, as those of a file are: the cost does not grow where the rates have no common divisor."""
    if rate == AUDIO_RATE:
        return samples
    track = Track((), np.float32, block=AUDIO_RATE)
    sound = Waveform(track)
    for first in range(0, len(samples), _SAMPLES):
        frame = AudioFrame.from_ndarray(samples[None, first : first + _SAMPLES], format="fltp", layout="mono")
        frame.sample_rate = rate
        sound.add(frame, None)
    sound.close()
    return track.cut(0, max(1, round(len(samples) * AUDIO_RATE / rate)))[0]


def _seen(frames: Tensor, rate: float, wanted: float, size: int) -> Stream:
    """For each step the frame on show at its centre, resized."""
    count = num_steps(len(frames) / rate, wanted)
    shown = ((torch.arange(count) + 0.5) / wanted * rate).long().clamp(max=len(frames) - 1)
    return Stream(_resized(frames[shown], size), wanted)


def _measured(frames: Tensor, rate: float) -> Stream:
    """Statistics of every frame on the common grid."""
    times, end = np.arange(len(frames)) / rate, len(frames) / rate
    statistics = frame_statistics(_resized(frames, MEASURED))
    values, mask = place_on_grid(statistics, times, end, 0.0, GRID_RATE, num_steps(end, GRID_RATE))
    return Stream(values, GRID_RATE, 0.0, mask)


def _resized(frames: Tensor, size: int) -> np.ndarray:
    """Frames ``(n, size, size, 3)``, each pixel the mean of those it stands for."""
    pieces = [
        interpolate(part.permute(0, 3, 1, 2).float(), (size, size), mode="area").round().byte().permute(0, 2, 3, 1)
        for part in frames.detach().cpu().split(_BATCH)
    ]
    return torch.cat(pieces).numpy()
