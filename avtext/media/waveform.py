"""Audio frames of any rate, format and number of channels become 16 kHz mono, placed by presentation time.

Frames that follow each other without a gap form a run, which is resampled as one signal::

    frames   |--a--|--b--|        |--c--|-d-|            c starts a new run: there is a gap before it
                                      |--e--|            e overlaps d: what was already heard is trimmed
    track    1111111111110000000001111111111
"""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import Any

import av
import numpy as np

from avtext.clip import AUDIO_RATE
from avtext.media.track import Track

JUMP = 0.015  # seconds; a time stamp further off than this is believed at once
JITTER = 0.003  # seconds; one further off than this is believed when its neighbours agree
_NEIGHBOURS = 16  # frames whose median decides: containers round time stamps, and some invent them
LOUDEST = 100.0  # a float sample beyond this is damage, not sound
_MANY = 8  # channels; PyAV reads past the end of so many planes
_SCALES = {"u1": 128.0, "i2": 32768.0, "i4": 2147483648.0}


def to_mono(frame: Any) -> np.ndarray:
    """Mean over the channels of an ``av.AudioFrame``; float32 ``(samples,)`` in about [-1, 1]."""
    if frame.format.name == "fltp" and frame.layout.nb_channels <= len(frame.planes) <= 2:  # AAC, most of all sound
        return _mean_of_planes(frame)
    if frame.format.is_planar and frame.layout.nb_channels >= _MANY:
        return np.concatenate([to_mono(packed) for packed in _packed(frame)])
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    if values.dtype == np.float32 and len(values) == 1:
        return values[0]
    if values.dtype.kind == "f":
        with np.errstate(all="ignore"):  # infinities are dealt with by the caller
            total = values[0] + values[1] if len(values) == 2 else values.sum(0)
            return (total / values.dtype.type(len(values))).astype(np.float32, copy=False)
    centre = 128.0 if values.dtype == np.uint8 else 0.0
    mean = values[0] if len(values) == 1 else values.mean(0, dtype=np.float64)
    return ((mean - centre) / _SCALES[values.dtype.str[1:]]).astype(np.float32)


def _mean_of_planes(frame: Any) -> np.ndarray:
    """Mean of one or two float planes, read where they lie: a third of the time of an array of all."""
    first, *others = (np.frombuffer(plane, np.float32, frame.samples) for plane in frame.planes)
    if not others:
        return first.copy()
    with np.errstate(all="ignore"):  # infinities are dealt with by the caller
        return (first + others[0]) / np.float32(2)


def _packed(frame: Any) -> list[Any]:
    """The frame with its channels interleaved."""
    resampler = av.AudioResampler(format="flt", layout=frame.layout.name, rate=frame.sample_rate)
    return [*resampler.resample(frame), *resampler.resample(None)]


class Waveform:
    """Places decoded audio on a :class:`Track` of 16 kHz samples.

    Args:
        track: where samples go.
    """

    def __init__(self, track: Track) -> None:
        self.track = track
        self.end = 0.0  # seconds; where the last sample ends
        self.ready = 0.0  # seconds up to which samples are on the track
        self.seconds = 0.0  # of sound decoded and placed
        self.overlapped = 0.0  # seconds of sound that came for a time at which there was some already
        self.sanitised = 0
        self.late = 0  # samples that came after their window was given out
        self.gaps: list[tuple[float, float]] = []
        self._rate = 0
        self._start = 0.0  # of the run, seconds
        self._count = 0  # samples in the run, at its rate
        self._position = 0  # of the next sample on the track
        self._pending: list[np.ndarray] = []
        self._num_pending = 0
        self._resampler: Any = None
        self._deviations: deque[float] = deque(maxlen=_NEIGHBOURS)

    @property
    def expected(self) -> float | None:
        """Seconds at which the next frame starts if nothing is missing; None before the first."""
        return self._start + self._count / self._rate if self._rate else None

    def add(self, frame: Any, start: float | None) -> None:
        """Place a frame that starts at ``start`` seconds, or right after the last one if that is None."""
        samples = to_mono(frame)
        expected = self.expected
        if start is None:
            start = expected if expected is not None else 0.0
        if expected is None:
            self._begin(start, frame.sample_rate)
        else:
            missing = self._believed(start - expected)
            if missing > 0 or frame.sample_rate != self._rate:
                self._begin(expected + max(missing, 0.0), frame.sample_rate)
            again = min(len(samples), max(0, round(-missing * frame.sample_rate)))
            self.overlapped += again / frame.sample_rate
            samples = samples[again:]
        self._push(samples)

    def close(self) -> None:
        """Bring everything that was added onto the track."""
        if self._rate == 0:
            return
        self._resample()
        self._write(self._flushed())
        self.ready = self.end

    def _believed(self, deviation: float) -> float:
        """Seconds missing before a frame that is ``deviation`` late; negative where it overlaps the last."""
        if abs(deviation) <= JUMP:
            self._deviations.append(deviation)
            if len(self._deviations) < _NEIGHBOURS:
                return 0.0
            deviation = sorted(self._deviations)[_NEIGHBOURS // 2]
            if abs(deviation) <= JITTER:
                return 0.0
        self._deviations.clear()
        return deviation

    def _clean(self, samples: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            good = np.abs(samples) <= LOUDEST  # false for NaN, too
        if good.all():
            return samples
        self.sanitised += int(len(samples) - good.sum())
        return np.where(good, samples, np.float32(0.0))

    def _begin(self, start: float, rate: int) -> None:
        before = self.expected
        self.close()
        if before is not None and start > before:
            self.gaps.append((before, start))
        self._start, self._rate, self._count = start, rate, 0
        self._position = round(start * AUDIO_RATE)
        self._resampler = None
        if rate != AUDIO_RATE:
            self._resampler = av.AudioResampler(format="fltp", layout="mono", rate=AUDIO_RATE)

    def _push(self, samples: np.ndarray) -> None:
        if not len(samples):
            return
        self._pending.append(samples)
        self._num_pending += len(samples)
        self._count += len(samples)
        self.seconds += len(samples) / self._rate
        self.end = max(self.end, self._start + self._count / self._rate)
        if self._num_pending >= self._rate:  # about once a second: calls are dear, samples are not
            self._resample()

    def _resample(self) -> None:
        if not self._pending:
            return
        samples = self._clean(np.concatenate(self._pending))
        self._pending, self._num_pending = [], 0
        if self._resampler is None:
            self._write(samples)
            return
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._count - len(samples)
        self._write(_joined(self._resampler.resample(frame)))

    def _flushed(self) -> np.ndarray:
        """What the resampler still holds, made exactly as long as the run."""
        rest = _joined(self._resampler.resample(None)) if self._resampler is not None else np.zeros(0, np.float32)
        missing = round((self._start + self._count / self._rate) * AUDIO_RATE) - self._position
        rest = rest[: max(missing, 0)]
        return np.pad(rest, (0, max(missing - len(rest), 0)), mode="edge" if len(rest) else "constant")

    def _write(self, samples: np.ndarray) -> None:
        stop = self._position + len(samples)
        self.late += self.track.num_late(self._position, stop)
        self.track.write(self._position, samples)
        self._position = stop
        self.ready = max(self.ready, self._position / AUDIO_RATE)


def _joined(frames: list[Any]) -> np.ndarray:
    parts = [frame.to_ndarray()[0] for frame in frames]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
