"""Video frames, sampled at a steady rate and measured at their own rate, placed by presentation time.

A frame is on show until the next one begins; a step of the steady rate takes the one on show at its centre::

    frames   |--a--|-b-|------c------|-d-|          any frame rate
    centres    .     .     .     .     .            the steady rate
    steps      a     b     c     c     d
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np
from av.video.reformatter import VideoReformatter

from avtext.kernels import picture
from avtext.media.track import Track
from avtext.timeline import GRID_RATE

_BATCH = 16  # frames measured at a time, wherever windows begin and end
_LONGEST_LAST = 10.0  # seconds; a last frame that claims to last longer is not believed
_PAUSE = 1.6  # a frame shown for so many times as long as its neighbours may stand for lost ones
_MAX_PAUSES = 100


class Scaler:
    """Resizes frames to ``(height, width, 3)`` uint8 RGB, turned as the file asks for.

    Args:
        size: height and width.
        method: FFmpeg's name of the interpolation.
    """

    def __init__(self, size: tuple[int, int], method: str) -> None:
        self._size = size
        self._method = method
        self._reformatter = VideoReformatter()

    def __call__(self, frame: Any, turns: int) -> np.ndarray:
        """Resize ``frame`` and turn it by ``turns`` quarters counterclockwise."""
        height, width = self._size if turns % 2 == 0 else self._size[::-1]
        small = self._reformatter.reformat(
            frame, width=width, height=height, format="rgb24", interpolation=self._method, threads=1
        ).to_ndarray()
        return np.rot90(small, turns) if turns else small


class Pictures:
    """Puts sampled frames on a :class:`Track` and keeps the statistics of every frame.

    Args:
        track: where sampled frames go.
        size: height and width of the sampled frames.
        rate: sampled frames per second.
        measured: whether statistics are kept.
        held: whether a frame is on show until the next one; otherwise it is at its own step alone.
    """

    def __init__(
        self, track: Track, size: tuple[int, int], rate: float, measured: bool = True, held: bool = True
    ) -> None:
        self.track = track
        self.end = 0.0  # seconds; where the last frame stops being shown
        self.ready = 0.0  # seconds up to which frames and statistics are known
        self.num_frames = 0
        self.out_of_order = 0
        self.late = 0  # sampled frames that came after their window was given out
        self.pauses: list[tuple[float, float]] = []  # the first long times without a new frame
        self.num_skipped = 0  # frames that would have fitted into such times
        self.turns = 0  # quarters counterclockwise by which the file wants its frames turned
        self._rate, self._held = rate, held
        self._sample = Scaler(size, "AREA")
        self._measure = Scaler((picture.SIDE, picture.SIDE), "FAST_BILINEAR") if measured else None
        self._shown: Any = None  # the frame on show, and the time from which it is
        self._time = -math.inf
        self.usual_interval = 0.0  # seconds between frames, lately; 0 before the second
        self._interval = 0.0
        self._intervals: deque[float] = deque(maxlen=30)
        self._batch: list[tuple[float, np.ndarray]] = []
        self._before: np.ndarray | None = None
        self._times = np.zeros(0)
        self._statistics = np.zeros((0, picture.SIZE), np.float32)

    @property
    def expected(self) -> float | None:
        """Seconds at which the next frame begins if it comes like the last one; None before the first."""
        return None if self._shown is None else self._time + (self._interval or 1 / GRID_RATE)

    def add(self, frame: Any, time: float | None) -> None:
        """Show ``frame`` from ``time`` seconds on; one interval after the last if that is None."""
        if time is None:
            time = self.expected or 0.0
        self.num_frames += 1
        if time <= self._time:
            self.out_of_order += 1
            return
        if self._shown is not None:
            self._passed(time)
            self._show(time)
        self.turns = round(frame.rotation / 90) % 4
        self._shown, self._time = frame, time
        if not self._held:
            step = math.floor(time * self._rate + 1e-6)
            self._write(step, step + 1)
        if self._measure is None:
            self.ready = max(self.ready, time)
            return
        self._batch.append((time, self._measure(frame, self.turns)))
        if len(self._batch) == _BATCH:
            self._measured()

    def close(self, last_duration: float) -> None:
        """Show the last frame for its own duration, or for the last interval where that is 0."""
        if self._shown is None:
            return
        duration = last_duration if 0 < last_duration <= _LONGEST_LAST else self._interval or 1 / GRID_RATE
        self.end = self._time + min(duration, _LONGEST_LAST)
        self._show(self.end, last=True)
        self._shown = None
        self._measured()
        self.ready = self.end

    def hold(self, until: float) -> None:
        """Give up waiting: whatever is on show stays there until ``until``."""
        self._measured()
        if self._shown is not None and until > self._time:
            self._show(until)
        self.ready = max(self.ready, until)

    def statistics(self, start: float, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The picture's statistics on ``count`` steps of 40 ms from ``start`` seconds on, and their mask."""
        end = self.end if self.end else math.inf
        first = max(int(np.searchsorted(self._times, start + 1e-9, side="right")) - 1, 0)
        stop = int(np.searchsorted(self._times, start + count / GRID_RATE + 1e-9, side="right"))
        rows = slice(first, stop)
        return picture.place_on_grid(self._statistics[rows], self._times[rows], end, start, GRID_RATE, count)

    def forget(self, before: float) -> None:
        """Drop the statistics of frames that are no longer on show at ``before`` seconds."""
        first = max(int(np.searchsorted(self._times, before + 1e-9, side="right")) - 1, 0)
        self._times, self._statistics = self._times[first:].copy(), self._statistics[first:].copy()

    def _passed(self, time: float) -> None:
        """Take note of how long the frame on show was shown."""
        self._interval = time - self._time
        usual = self.usual_interval
        if self._interval > _PAUSE * usual > 0.0:
            self.num_skipped += round(self._interval / usual) - 1
            if len(self.pauses) < _MAX_PAUSES:
                self.pauses.append((self._time, time))
        self._intervals.append(self._interval)
        if len(self._intervals) < _BATCH or self.num_frames % _BATCH == 0:
            self.usual_interval = float(np.median(self._intervals))

    def _show(self, until: float, last: bool = False) -> None:
        """Write the frame on show to the steps whose centres lie before ``until``.

        A step in which the video ends before the step's centre shows the ``last`` frame, so that a video of
        one short frame is seen.
        """
        if not self._held:
            return
        first, stop = (math.ceil(edge * self._rate - 0.5 - 1e-9) for edge in (self._time, until))
        ending = math.ceil(until * self._rate - 1e-6)
        if last and ending > stop:
            first, stop = min(first, ending - 1), ending
        self._write(first, stop)

    def _write(self, first: int, stop: int) -> None:
        """Put the frame on show on the steps ``[first, stop)`` that are still wanted."""
        self.late += self.track.num_late(first, stop)
        first = max(first, self.track.floor)
        if stop > first:
            value = self._sample(self._shown, self.turns)
            self.track.write(first, np.broadcast_to(value, (stop - first, *value.shape)))

    def _measured(self) -> None:
        """Bring the frames that wait into the statistics."""
        if not self._batch:
            return
        times = np.array([time for time, _ in self._batch])
        frames = np.stack([frame for _, frame in self._batch])
        self._batch = []
        rows = picture.frame_statistics(frames, self._before)
        self._before = frames[-1]
        self._times = np.concatenate([self._times, times])
        self._statistics = np.concatenate([self._statistics, rows])
        self.ready = max(self.ready, float(times[-1]))
