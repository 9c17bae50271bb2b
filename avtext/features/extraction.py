"""From a video's windows to the features of the whole: encoded one by one, sewn where they overlap."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from avtext.clip import AUDIO_RATE, STREAMS, Clip, Stream
from avtext.errors import InvalidInput
from avtext.features.cues import lay_cues
from avtext.timeline import GRID_RATE, num_steps

if TYPE_CHECKING:
    import torch
    from torch import nn


def extract(clips: Iterable[Clip], encoders: Mapping[str, nn.Module]) -> dict[str, Stream]:
    """Features of a whole video from its windows; where windows overlap, each gives its side of the middle.

    ::

        window 0   |===========:-------|
        window 1           |---:===============:----|         : is the middle of what two windows share

    Args:
        clips: media of one video in order of time, as :class:`avtext.media.MediaReader` gives them; one clip
            for a short one. They are read one at a time.
        encoders: by stream name: ``audio``, ``video``, ``picture``, ``text``. Computed on the device they are
            on, in evaluation mode.

    Returns:
        One float32 Stream ``(steps, size)`` for each name in ``encoders`` that any clip has, on the video's
        clock. Text is laid on the grid: a step has the mean of the cues over it. A picture without an encoder
        is passed through.

    Raises:
        InvalidInput: an unknown name, clips out of order, or a stream at another rate than its encoder's.
    """
    unknown = sorted(set(encoders) - set(STREAMS))
    if unknown:
        raise InvalidInput(f"extract: no stream is called {unknown[0]!r}; known: {', '.join(STREAMS)}")
    seams: dict[str, _Seam] = {}
    begin, previous, waiting = -math.inf, None, {}
    for clip in clips:
        if previous is not None:
            if clip.start < previous[0]:
                raise InvalidInput(f"extract: clip at {clip.start} s comes after one at {previous[0]} s; sort them")
            middle = (previous[1] + clip.start) / 2
            _keep(seams, waiting, begin, middle)
            begin = middle
        waiting, previous = _encode(clip, encoders), (clip.start, clip.end)
    _keep(seams, waiting, begin, math.inf)
    return {name: seams[name].whole() for name in STREAMS if name in seams}


def on_media_clock(features: Mapping[str, Stream], encoders: Mapping[str, Any]) -> dict[str, Stream]:
    """Features as a :class:`avtext.clip.Clip` carries them: a stream starts where its medium does.

    The model adds the encoder's own ``start`` to whatever comes.

    Args:
        features: as :func:`extract` gives them.
        encoders: that made them, by stream name.
    """
    return {
        name: replace(stream, start=stream.start - float(getattr(encoders.get(name), "start", 0.0)))
        for name, stream in features.items()
    }


def _keep(seams: dict[str, _Seam], streams: Mapping[str, Stream], begin: float, end: float) -> None:
    for name, stream in streams.items():
        seams.setdefault(name, _Seam(stream.start, stream.rate)).add(stream, begin, end)


class _Seam:
    """Pieces of one stream on the step grid of the first; another grid moves by half a step at most."""

    def __init__(self, origin: float, rate: float) -> None:
        self._origin, self._rate = origin, rate
        self._pieces: list[tuple[int, np.ndarray, np.ndarray]] = []

    def add(self, stream: Stream, begin: float, end: float) -> None:
        """Keep the steps whose centres lie in ``[begin, end)`` seconds."""
        shift = round((stream.start - self._origin) * self._rate)
        first, last = (
            min(max(self._step_after(t) - shift, 0), len(stream)) if math.isfinite(t) else (len(stream) if t > 0 else 0)
            for t in (begin, end)
        )
        if last > first:
            self._pieces.append((first + shift, stream.values[first:last], stream.real[first:last]))

    def _step_after(self, time: float) -> int:
        """The first step whose centre is at ``time`` or later."""
        return math.ceil((time - self._origin) * self._rate - 0.5 - 1e-6)

    def whole(self) -> Stream:
        """All pieces as one stream; steps that no piece covers are zero and masked."""
        offset = min((first for first, _, _ in self._pieces), default=0)
        length = max((first + len(mask) for first, _, mask in self._pieces), default=offset) - offset
        width = self._pieces[0][1].shape[1:] if self._pieces else (0,)
        values, real = np.zeros((length, *width), np.float32), np.zeros(length, dtype=bool)
        for first, piece, mask in self._pieces:
            place = slice(first - offset, first - offset + len(mask))
            values[place], real[place] = piece, mask
        return Stream(values, self._rate, self._origin + offset / self._rate, real)


def _encode(clip: Clip, encoders: Mapping[str, nn.Module]) -> dict[str, Stream]:
    """Features of one window."""
    found = {}
    for name, stream in (("audio", clip.audio), ("video", clip.video), ("picture", clip.picture)):
        if stream is not None and name in encoders:
            found[name] = _encode_stream(name, stream, encoders[name])
        elif stream is not None and name == "picture":
            found[name] = stream
    if "text" in encoders and clip.cues:
        found["text"] = _encode_cues(clip, encoders["text"])
    return found


def _encode_stream(name: str, stream: Stream, encoder: Any) -> Stream:
    import torch

    expected = AUDIO_RATE if name == "audio" else encoder.rate  # a picture's encoder has one step per frame
    if abs(stream.rate - expected) > 1e-6:
        raise InvalidInput(f"extract: {name} comes at {stream.rate:g} a second, its encoder takes {expected:g}")
    with _evaluating(encoder) as device:
        values = torch.from_numpy(stream.values)[None].to(device)
        features, mask = encoder(values, torch.from_numpy(stream.real)[None].to(device))
    return Stream(
        features[0].float().cpu().numpy(),
        float(encoder.rate),
        stream.start + float(encoder.start),
        mask[0].cpu().numpy(),
    )


def _encode_cues(clip: Clip, encoder: Any) -> Stream:
    """The mean of the cues' vectors at each grid step that any covers."""
    count = num_steps(clip.duration, GRID_RATE)
    with _evaluating(encoder):
        vectors, real = (found[0].cpu().numpy() for found in encoder([[cue.text for cue in clip.cues]]))
    cues = list(itertools.compress(clip.cues, real))
    values, speaking = lay_cues(cues, vectors[real], GRID_RATE, count, clip.start)
    return Stream(values, GRID_RATE, clip.start, speaking)


@contextmanager
def _evaluating(encoder: nn.Module) -> Iterator[torch.device]:
    """Evaluation mode without gradients, undone afterwards; gives the device that the encoder is on."""
    import torch

    from avtext.layers.modes import evaluating

    with evaluating(encoder), torch.inference_mode():
        yield next((p.device for p in encoder.parameters()), torch.device("cpu"))
