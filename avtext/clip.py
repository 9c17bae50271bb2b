"""The values that flow: a clip and its streams, cues and events; numpy, frozen, and they refuse to be built wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sized
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from avtext.errors import InvalidInput
from avtext.timeline import ClockMap

MODALITIES = ("audio", "video", "text")  # always in this order
STREAMS = ("audio", "video", "picture", "text")  # of a Clip; text only where its features were extracted earlier
AUDIO_RATE = 16_000  # Hz, what every audio encoder here hears


def modality_of(stream: str) -> str:
    """The modality that a stream belongs to: statistics of the picture are video.

    Example:
        >>> modality_of("picture"), modality_of("audio")
        ('video', 'audio')
    """
    return "video" if stream == "picture" else stream


def _is_finite(value: Any) -> bool:
    """Whether it is a number, and finite."""
    try:
        return math.isfinite(value)
    except (TypeError, OverflowError):  # no number, or an integer that no float can hold
        return False


def _check_span(kind: str, start: float, end: float) -> None:
    if not (_is_finite(start) and _is_finite(end)):
        raise InvalidInput(f"{kind}: start and end must be finite seconds, got start={start!r}, end={end!r}")
    if end < start:
        raise InvalidInput(f"{kind}: end must not be before start, got start={start}, end={end}")


def _as_floats(value: Event | Cue | Stream | Clip, *names: str) -> None:
    """Numbers of any kind, such as numpy's, become floats: JSON knows no others, and equal times are kept as equal."""
    for name in names:
        number = getattr(value, name)
        if type(number) is not float:
            object.__setattr__(value, name, float(number))


def is_share(value: Any) -> bool:
    """Whether it is a number in [0, 1]."""
    return _is_finite(value) and 0.0 <= value <= 1.0


def has_half_character(text: str) -> bool:
    r"""Whether a text has a lone surrogate, as JSON may, which UTF-8 cannot hold.

    Example:
        >>> has_half_character("\ud800"), has_half_character("\U0001f514")
        (True, False)
    """
    return any("\ud800" <= character <= "\udfff" for character in text)


@dataclass(frozen=True, order=True)
class Event:
    """A labelled span of time.

    Args:
        start: seconds on the video's presentation clock.
        end: seconds, not before ``start``.
        label: what happens, not empty.
        score: how sure, in [0, 1]; 1 for a truth.
        shares: how much audio, video and text each spoke for it, summing to one; None when not known.

    Raises:
        InvalidInput: a time that is not finite, an end before the start, an empty label, a score outside [0, 1], or
            shares that are not three numbers in [0, 1].

    Example:
        >>> Event(1.0, 2.5, "bell", 0.9).duration
        1.5
    """

    start: float
    end: float
    label: str
    score: float = 1.0
    shares: tuple[float, float, float] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _check_span("Event", self.start, self.end)
        if not isinstance(self.label, str) or not self.label:
            raise InvalidInput(f"Event: label must be a text that is not empty, got {self.label!r}")
        if has_half_character(self.label):
            raise InvalidInput(f"Event: label has a lone surrogate, which no file can hold, got {self.label!r}")
        if not is_share(self.score):
            raise InvalidInput(f"Event: score must lie in [0, 1], got {self.score!r}")
        _as_floats(self, "start", "end", "score")
        if self.shares is None:
            return
        several = isinstance(self.shares, Sized) and len(self.shares) == len(MODALITIES)
        if not (several and all(map(is_share, self.shares))):
            raise InvalidInput(f"Event: shares must be of {', '.join(MODALITIES)} in [0, 1], got {self.shares!r}")
        object.__setattr__(self, "shares", tuple(map(float, self.shares)))

    @property
    def duration(self) -> float:
        """Seconds from start to end."""
        return self.end - self.start


@dataclass(frozen=True, order=True)
class Cue:
    """A timed piece of text, such as one subtitle; times in seconds, ``end`` not before ``start``.

    Raises:
        InvalidInput: a time that is not finite, an end before the start, or a text that UTF-8 cannot hold.
    """

    start: float
    end: float
    text: str

    def __post_init__(self) -> None:
        _check_span("Cue", self.start, self.end)
        _as_floats(self, "start", "end")
        if not isinstance(self.text, str):
            raise InvalidInput(f"Cue: text must be a str, got {type(self.text).__name__}")
        if has_half_character(self.text):
            raise InvalidInput(f"Cue: text has a lone surrogate, which no file can hold, got {self.text!r}")


@dataclass(frozen=True)
class Stream:
    """Values with a clock and a mask.

    Args:
        values: ``(time, *features)``.
        rate: steps per second.
        start: seconds at which step 0 begins (its centre is half a step later).
        mask: boolean ``(time,)``, true where a step is real; None means all are.

    Raises:
        InvalidInput: no time axis, a rate not positive, or a mask of another length or type.

    Example:
        >>> Stream(np.zeros((50, 4), np.float32), rate=25.0, start=1.0).end
        3.0
    """

    values: np.ndarray
    rate: float
    start: float = 0.0
    mask: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.values, np.ndarray) or self.values.ndim < 1:
            raise InvalidInput("Stream: values must be a numpy array with time first")
        if not (_is_finite(self.rate) and self.rate > 0 and _is_finite(self.start)):
            raise InvalidInput(f"Stream: rate must be positive and start finite, got {self.rate!r}, {self.start!r}")
        _as_floats(self, "rate", "start")
        if self.mask is None:
            object.__setattr__(self, "mask", np.ones(len(self.values), dtype=bool))
        elif not isinstance(self.mask, np.ndarray):
            raise InvalidInput(f"Stream: mask must be a boolean numpy array, got {type(self.mask).__name__}")
        elif self.mask.dtype != bool or self.mask.shape != (len(self.values),):
            raise InvalidInput(
                f"Stream: mask must be boolean of shape ({len(self.values)},), "
                f"got {self.mask.dtype} of shape {self.mask.shape}"
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Stream):
            return NotImplemented
        same = (self.rate, self.start) == (other.rate, other.start) and np.array_equal(self.real, other.real)
        return same and np.array_equal(self.values, other.values)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def real(self) -> np.ndarray:
        """The mask, never None."""
        assert self.mask is not None  # set in __post_init__
        return self.mask

    @property
    def end(self) -> float:
        """Seconds at which the last step ends."""
        return self.start + len(self.values) / self.rate


@dataclass(frozen=True)
class Clip:
    """One example: a span of a video with whatever streams it has.

    Args:
        duration: seconds.
        start: where the span begins on the video's presentation clock; streams' starts, cues and events are on
            that clock too.
        audio: waveform ``(samples,)`` float32 in about [-1, 1] at 16 kHz, or features ``(steps, size)``.
        video: frames ``(frames, height, width, 3)`` uint8 RGB, or features ``(steps, size)``.
        picture: statistics of the picture at full frame rate, ``(steps, size)`` float32
            (:mod:`avtext.kernels.picture`); part of the video modality.
        text: features of the cues, laid on the grid ``(steps, size)``, where they were extracted earlier.
        cues: text with times, possibly none.
        events: the truth; None where nobody said when something happens (an empty tuple says that nothing does).
        present: labels that occur somewhere in the clip, in place of ``events`` where their times are not known; None
            where that is not known either.
        annotated: the only labels that ``events`` or ``present`` speak about; None: all.
        clocks: per modality the map from its clock to the video's, where it is known (scenes know it).
        name: for messages.

    Raises:
        InvalidInput: a duration not positive, an unknown modality in ``clocks``, ``present`` beside ``events``, or a
            label that is not in ``annotated``.
    """

    duration: float
    start: float = 0.0
    audio: Stream | None = None
    video: Stream | None = None
    picture: Stream | None = None
    text: Stream | None = None
    cues: tuple[Cue, ...] = ()
    events: tuple[Event, ...] | None = None
    present: tuple[str, ...] | None = None
    annotated: tuple[str, ...] | None = None
    clocks: Mapping[str, ClockMap] = field(default_factory=dict)  # a read-only view could not be pickled
    name: str = ""

    def __post_init__(self) -> None:
        if not (_is_finite(self.duration) and self.duration > 0 and _is_finite(self.start)):
            raise InvalidInput(f"Clip: duration must be positive seconds, got {self.duration!r} from {self.start!r}")
        _as_floats(self, "duration", "start")
        unknown = set(self.clocks) - set(MODALITIES)
        if unknown:
            raise InvalidInput(f"Clip: clocks of unknown modalities {sorted(unknown)}; known: {MODALITIES}")
        if self.events is not None and self.present is not None:
            raise InvalidInput("Clip: has events and present: give present only where times are not known")
        named = self.present or tuple(event.label for event in self.events or ())
        strange = [label for label in named if self.annotated is not None and label not in self.annotated]
        if strange:
            raise InvalidInput(f"Clip: label {strange[0]!r} is not one of annotated: {', '.join(self.annotated or ())}")

    @property
    def end(self) -> float:
        """Where the span ends on the video's presentation clock."""
        return self.start + self.duration

    @property
    def streams(self) -> dict[str, Stream]:
        """The streams that it has, by name."""
        return {name: stream for name in STREAMS if (stream := getattr(self, name)) is not None}

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that have something real in this span."""
        real = {modality_of(name) for name, stream in self.streams.items() if stream.real.any()}
        return tuple(name for name in MODALITIES if name in real or (name == "text" and self.cues))
