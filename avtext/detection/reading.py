"""Where windows come from: a file that is decoded, or a clip that is in memory."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

import numpy as np

from avtext.clip import AUDIO_RATE, Clip, Cue, Stream
from avtext.errors import InvalidInput
from avtext.features import frozen
from avtext.kernels.picture import SIZE
from avtext.media import Limits, MediaOptions, MediaReader, Quality
from avtext.media.cues import find_cues, read_cues
from avtext.media.opening import shown
from avtext.timeline import GRID_RATE, num_steps

_LOUDEST = 1e10  # more than 32 bits hold; far beyond it a spectrum is infinite
Transcript = str | Path | Sequence[Cue] | None
T = TypeVar("T")


class Reading(Protocol):
    """Windows in order of time, and the account of the whole once they were read.

    ``total`` is where the last window will end, in seconds, None where that is not known yet.
    """

    name: str
    total: float | None
    start_time: float
    cues: tuple[Cue, ...]

    def clips(self) -> Iterator[Clip]:
        """The windows, with their cues."""
        ...

    def account(self, seen: float) -> tuple[Mapping[str, Any], float]:
        """The quality block and where the video, or the wanted part, ends; ``seen`` is the end of the last window."""
        ...


class InMemory(ABC):
    """What is in memory and becomes a clip for the encoders of a model, such as :class:`avtext.Tensors`."""

    @abstractmethod
    def clip(self, encoders: Mapping[str, Any]) -> Clip:
        """The clip that a model with these encoders, by stream name, is given."""


class FileReading:
    """Windows of a file, with its cues.

    Raises:
        MediaError: the file or its transcript cannot be read.
        InvalidInput: the source is neither a path nor a file object, or the transcript has something but cues.
    """

    def __init__(
        self,
        source: str | Path | BinaryIO,
        transcript: Transcript,
        options: MediaOptions,
        limits: Limits | None,
        stack: ExitStack,
    ) -> None:
        if not (isinstance(source, str | os.PathLike) or hasattr(source, "read")):
            raise InvalidInput(f"source: must be a path, a binary file object or a Clip, got {type(source).__name__}")
        self._reader = stack.enter_context(MediaReader(source, options, limits))
        cues = given_cues(source, transcript)
        self.name = self._reader.name
        self.start_time = self._reader.info.start_time
        ends = [t for t in (self._reader.info.duration, options.end) if t is not None]
        self.total = min(ends) if ends else None
        self.cues = self._reader.cues if cues is None else cues

    def clips(self) -> Iterator[Clip]:
        """See :class:`Reading`."""
        for clip in self._reader:
            inside = tuple(cue for cue in self.cues if cue.end > clip.start and cue.start < clip.end)
            yield replace(clip, cues=inside)

    def account(self, seen: float) -> tuple[Mapping[str, Any], float]:
        """See :class:`Reading`."""
        quality = self.quality
        end = quality.decoded_duration or seen
        if self._reader.options.end is not None:
            end = min(end, self._reader.options.end)
        return quality.to_dict(), end

    @property
    def quality(self) -> Quality:
        """The account of the file, once it was read to its end."""
        return self._reader.quality


class ClipReading:
    """A clip that is in memory already, as one window.

    Raises:
        InvalidInput: a stream is not as the model's encoders take it, or the clip begins before the video does.
    """

    start_time = 0.0

    def __init__(self, clip: Clip, encoders: Mapping[str, Any]) -> None:
        if clip.start < 0:
            raise InvalidInput(f"clip: start must not be negative, since a result counts from 0, got {clip.start}")
        if not num_steps(clip.duration, GRID_RATE):
            raise InvalidInput(f"clip: duration must be of a sample at least, got {clip.duration:g} s")
        for name, encoder in encoders.items():
            stream = getattr(clip, name)
            if stream is not None:
                _check_stream(name, stream, encoder)
        self._clip = clip
        self.name = shown(clip.name or "clip")
        self.total: float | None = clip.end
        self.cues = clip.cues

    def clips(self) -> Iterator[Clip]:
        """See :class:`Reading`."""
        yield self._clip

    def account(self, seen: float) -> tuple[Mapping[str, Any], float]:
        """See :class:`Reading`."""
        return {"status": "ok", "reasons": []}, self._clip.end


def _check_stream(name: str, stream: Stream, encoder: Any) -> None:
    """Refuse what the encoder would take for something else: another rate, shape or type of values."""
    shape, rate, kind = _expected(name, stream, encoder)
    values = stream.values
    if values.shape[1:] != shape or abs(stream.rate - rate) > 1e-6 or not np.issubdtype(values.dtype, kind):
        raise InvalidInput(
            f"clip: {name} must have the shape {('time', *shape)} at {rate:g} a second and be {kind.__name__}, "
            f"got {('time', *values.shape[1:])} at {stream.rate:g} of {values.dtype}: resample or convert it first"
        )
    if kind is not np.floating:
        return
    known = values if stream.real.all() else values[stream.real]
    peak = float(max(known.max(initial=0), -known.min(initial=0)))  # NaN where one is
    if not np.isfinite(peak):
        raise InvalidInput(f"clip: {name} holds values that are not finite: mask them or set them to 0")
    if name == "audio" and not shape and peak > _LOUDEST:
        raise InvalidInput(f"clip: audio must lie in about [-1, 1], got values up to {peak:g}: divide them first")


def _expected(name: str, stream: Stream, encoder: Any) -> tuple[tuple[int, ...], float, type]:
    """Shape of one step, steps per second and kind of values."""
    if hasattr(encoder, "of") and (stream.values.ndim == 2 or name == "text"):
        return (encoder.size,), encoder.rate, np.floating
    if name == "audio":
        return (), float(AUDIO_RATE), np.floating
    if name == "video":
        side = int(frozen(encoder).frame_size)
        return (side, side, 3), float(encoder.rate), np.uint8
    if name == "picture":
        return (SIZE,), float(encoder.rate), np.floating
    raise InvalidInput("clip: text features came, but this model reads cues: give cues")


def held(values: Any) -> Any:
    """What a caller gave, an iterator as a tuple: it is read more than once."""
    return tuple(values) if isinstance(values, Iterator) else values


def given_cues(source: object, transcript: Transcript) -> tuple[Cue, ...] | None:
    """Cues that were given or lie beside the file; None where neither.

    Raises:
        MediaError: the subtitle file cannot be read.
        InvalidInput: something but a path or cues was given.
    """
    if transcript is None:
        beside = find_cues(Path(source)) if isinstance(source, str | os.PathLike) else None
        return None if beside is None else read_cues(beside)
    if isinstance(transcript, str | os.PathLike):
        return read_cues(transcript)
    cues = tuple(transcript) if isinstance(transcript, Iterable) else None
    if cues is None or not all(isinstance(cue, Cue) for cue in cues):
        raise InvalidInput("transcript: must be a subtitle file or a sequence of Cue(start, end, text)")
    return cues


def with_next(values: Iterable[T]) -> Iterator[tuple[T, T | None]]:
    """Each value and the one after it, None after the last.

    Example:
        >>> list(with_next("abc"))
        [('a', 'b'), ('b', 'c'), ('c', None)]
    """
    return pairwise(chain(values, (None,)))  # type: ignore[arg-type]  # of values, and of None at the end
