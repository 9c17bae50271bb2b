"""Time arithmetic: the only place where seconds become indices and one clock becomes another.

Seconds are floats on a clock. A *grid* of ``rate`` steps per second has step ``i`` covering the half-open
span ``[i / rate, (i + 1) / rate)``; a step's time is its centre::

    step     0      1      2      3
          |------|------|------|------|
    centre   .5     1.5    2.5    3.5      (divided by rate)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from avtext.errors import InvalidInput

GRID_RATE = 25.0  # steps per second on which the modalities meet: 40 ms
_MARGIN = 1e-3  # seconds; more than rounding moves the border of a piece


def num_steps(duration: float, rate: float) -> int:
    """Steps needed to cover ``duration`` seconds; a remainder under a millionth of a step adds none.

    Example:
        >>> num_steps(2.0, 25.0), num_steps(2.01, 25.0), num_steps(0.0, 25.0)
        (50, 51, 0)
    """
    return max(0, int(np.ceil(duration * rate - 1e-6)))


def centres(count: int, rate: float, start: float = 0.0) -> np.ndarray:
    """Times in seconds of the centres of ``count`` steps that begin at ``start``; float64 ``(count,)``.

    Example:
        >>> centres(3, 10.0).tolist()
        [0.05, 0.15, 0.25]
    """
    return start + (np.arange(count) + 0.5) / rate


def span_to_steps(start: float, end: float, rate: float, count: int, origin: float = 0.0) -> tuple[int, int]:
    """The half-open range of steps whose centres lie in ``[start, end)``, clipped to ``[0, count)``.

    A span inside the grid that is too short to hold a centre gets the one step it falls in, so that no
    event vanishes; a span outside the grid gives an empty range.

    Example:
        >>> span_to_steps(0.04, 0.12, 25.0, 10), span_to_steps(0.05, 0.051, 25.0, 10)
        ((1, 3), (1, 2))
        >>> span_to_steps(5.0, 6.0, 25.0, 10)
        (10, 10)
    """
    low, high = (start - origin) * rate, (end - origin) * rate
    first, last = int(np.ceil(low - 0.5 - 1e-9)), int(np.ceil(high - 0.5 - 1e-9))
    if last <= first and low < count and (high > 0 or low >= 0):
        first = min(max(int(np.floor(low + 1e-9)), 0), count - 1)
        last = first + 1
    first, last = min(max(first, 0), count), min(max(last, 0), count)
    return first, max(first, last)


def steps_within(start: float, end: float, rate: float, count: int, origin: float = 0.0) -> tuple[int, int]:
    """The half-open range of steps that overlap ``[start, end)``, of ``count``; an empty one stays where it starts.

    Example:
        >>> steps_within(1.0, 1.05, 25.0, 100), steps_within(9.0, 10.0, 25.0, 100)
        ((25, 27), (225, 225))
    """
    first = max(0, int(np.floor((start - origin) * rate + 1e-6)))
    return first, max(first, min(count, int(np.ceil((end - origin) * rate - 1e-6))))


def steps_to_span(first: int, last: int, rate: float, origin: float = 0.0) -> tuple[float, float]:
    """Seconds covered by the half-open range of steps ``[first, last)``.

    Example:
        >>> steps_to_span(1, 3, 25.0)
        (0.04, 0.12)
    """
    return origin + first / rate, origin + last / rate


@dataclass(frozen=True)
class ClockMap:
    """A piecewise linear map from a stream's clock to the video's.

    In piece ``k`` (stream times from ``starts[k]`` to ``starts[k + 1]``)::

        video time = offsets[k] + rates[k] * stream time

    One piece with rate 1 is a constant offset; another rate is drift; a jump between pieces is a break (a
    part missing from one of the two). A sound recorded 0.5 s late has offset -0.5.

    Args:
        starts: stream times in seconds where pieces begin, ascending; the first reaches back for ever.
        offsets: seconds, one per piece.
        rates: video seconds per stream second, one per piece, positive.

    Raises:
        InvalidInput: lengths differ, no piece, not ascending, a rate not positive, or not finite.

    Example:
        >>> late = ClockMap.shift(-0.5)
        >>> float(late.to_video(2.0)), float(late.to_stream(1.5))
        (1.5, 2.0)
    """

    starts: tuple[float, ...]
    offsets: tuple[float, ...]
    rates: tuple[float, ...]

    def __post_init__(self) -> None:
        if not (len(self.starts) == len(self.offsets) == len(self.rates) > 0):
            raise InvalidInput(
                "ClockMap: starts, offsets and rates need one value per piece and at least one piece, "
                f"got {len(self.starts)}, {len(self.offsets)} and {len(self.rates)}"
            )
        if not np.isfinite([*self.starts, *self.offsets, *self.rates]).all() or min(self.rates) <= 0:
            raise InvalidInput("ClockMap: values must be finite and rates positive")
        if any(b <= a for a, b in zip(self.starts, self.starts[1:], strict=False)):
            raise InvalidInput(f"ClockMap: starts must ascend, got {self.starts}")

    @classmethod
    def shift(cls, offset: float = 0.0, rate: float = 1.0) -> ClockMap:
        """One piece: ``video time = offset + rate * stream time``; the identity by default."""
        return cls((0.0,), (float(offset),), (float(rate),))

    @property
    def offset(self) -> float:
        """Seconds that the first piece adds at stream time 0."""
        return self.offsets[0]

    @property
    def drift_ppm(self) -> float:
        """Parts per million by which the first piece's clock runs slow against the video's."""
        return (self.rates[0] - 1.0) * 1e6

    @property
    def breaks(self) -> tuple[tuple[float, float], ...]:
        """``(stream time, jump in seconds)`` at every border between pieces."""
        jumps = []
        for k in range(1, len(self.starts)):
            at = self.starts[k]
            before = self.offsets[k - 1] + self.rates[k - 1] * at
            jumps.append((at, self.offsets[k] + self.rates[k] * at - before))
        return tuple(jumps)

    @property
    def is_identity(self) -> bool:
        """Whether every time maps to itself."""
        return all(o == 0.0 for o in self.offsets) and all(r == 1.0 for r in self.rates)

    def to_video(self, stream_time: float | np.ndarray) -> np.ndarray:
        """Video times of stream times, elementwise, float64."""
        times = np.asarray(stream_time, dtype=np.float64)
        piece = self._piece_at(times)
        return np.asarray(self.offsets)[piece] + np.asarray(self.rates)[piece] * times

    def rate_at(self, stream_time: float) -> float:
        """The rate of the piece that a stream time is in.

        Example:
            >>> ClockMap((0.0, 5.0), (0.0, 2.0), (1.0, 1.5)).rate_at(6.0)
            1.5
        """
        return float(self.rates[int(self._piece_at(np.asarray(stream_time)))])

    def _piece_at(self, times: np.ndarray) -> np.ndarray:
        return np.clip(np.searchsorted(self.starts, times, side="right") - 1, 0, None)

    def to_stream(self, video_time: float | np.ndarray) -> np.ndarray:
        """Stream times of video times, elementwise, float64; NaN where the stream has nothing.

        Video times inside a forward jump have no stream time. Where pieces overlap on the video's clock (a
        backward jump) the earlier piece answers.
        """
        times = np.asarray(video_time, dtype=np.float64)
        order = np.argsort(times, axis=None)
        ascending, found, out = times.flat[order], np.full(times.size, np.nan), np.empty(times.shape)
        spans = np.array([(-np.inf, *self.starts[1:]), (*self.starts[1:], np.inf)])
        margins = [[-_MARGIN], [_MARGIN]]  # which times a piece answers exactly is decided on the stream's clock
        firsts, lasts = np.searchsorted(ascending, self.offsets + spans * self.rates + margins)
        for k in np.flatnonzero(firsts < lasts)[::-1]:  # the earlier piece has the last word
            stream = (ascending[firsts[k] : lasts[k]] - self.offsets[k]) / self.rates[k]
            inside = (stream >= spans[0, k]) & (stream < spans[1, k])
            found[firsts[k] : lasts[k]][inside] = stream[inside]
        out.flat[order] = found
        return out

    def to_dict(self) -> dict[str, list[float]]:
        """Plain lists, for JSON."""
        return {"starts": [*self.starts], "offsets": [*self.offsets], "rates": [*self.rates]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Iterable[float]]) -> ClockMap:
        """The inverse of :meth:`to_dict`; what is no such dict raises as Python does."""
        return cls(**{name: tuple(map(float, row)) for name, row in values.items()})
