"""What to read from a file and how much a file may cost: :class:`MediaOptions` and :class:`Limits`."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from numbers import Integral
from typing import Any

from avtext.errors import InvalidInput
from avtext.timeline import GRID_RATE

_LEAST_MEMORY = 256 << 20  # bytes; FFmpeg's libraries alone need most of it
_BYTES_PER_SECOND = 16_000  # of a file that is small for its length


def _plain(owner: MediaOptions | Limits, *names: str) -> None:
    """Numbers of other kinds, such as numpy's, become plain ones: as JSON they go to the child process.

    Raises:
        InvalidInput: one is no number.
    """
    for name in names:
        value = getattr(owner, name)
        if type(value) not in (float, int):
            try:
                object.__setattr__(owner, name, int(value) if isinstance(value, Integral) else float(value))
            except (TypeError, ValueError, OverflowError):
                raise InvalidInput(f"{type(owner).__name__}: {name} must be a number, got {value!r}") from None


@dataclass(frozen=True)
class MediaOptions:
    """What a :class:`avtext.media.MediaReader` gives.

    Args:
        window: seconds per Clip; rounded to the 40 ms grid.
        overlap: seconds that neighbouring Clips share; windows start every ``window - overlap`` seconds.
        audio, video: whether to decode that modality where the file has it.
        frame_rate: frames per second in ``Clip.video``.
        frame_size: frames are resized to this square, or to ``(height, width)``; the aspect is not kept.
        statistics: whether every frame is measured (``Clip.picture``), which takes as long as decoding small ones.
        keyframes: decode only frames that need no others, two a second at most; each is given at its own step alone.
            A hundredth of the work for most files, and none of what happens between them.
        start, end: seconds on the presentation clock, to read a part of a file only; the start is rounded
            down to the 40 ms grid.

    Raises:
        InvalidInput: a value outside its range.

    Example:
        >>> MediaOptions(window=30.0, overlap=2.0).hop
        28.0
    """

    window: float = 60.0
    overlap: float = 4.0
    audio: bool = True
    video: bool = True
    frame_rate: float = 8.0
    frame_size: int | tuple[int, int] = 64
    statistics: bool = True
    keyframes: bool = False
    start: float | None = None
    end: float | None = None

    def __post_init__(self) -> None:
        _plain(self, "window", "overlap", "frame_rate", *(n for n in ("start", "end") if getattr(self, n) is not None))
        for name, value, low, high in (
            ("window", self.window, 1 / GRID_RATE, 3600.0),
            ("frame_rate", self.frame_rate, 0.01, 240.0),
            ("overlap", self.overlap, 0.0, self.window - 1 / GRID_RATE),
        ):
            if not low <= value <= high:  # also refuses NaN
                raise InvalidInput(f"MediaOptions: {name} must lie in [{low:g}, {high:g}], got {value}")
        self._check_size()
        if self.steps_per_hop < 1:
            raise InvalidInput("MediaOptions: overlap must be at least 40 ms shorter than window")
        first = self.start or 0.0
        last = math.inf if self.end is None else self.end
        if not (0.0 <= first < math.inf and first < last):
            raise InvalidInput(
                f"MediaOptions: need 0 <= start < end in seconds, got start={self.start}, end={self.end}"
            )
        if not (self.audio or self.video):
            raise InvalidInput("MediaOptions: audio and video are both off; switch one on")

    def _check_size(self) -> None:
        """Refuse what is no size; whole numbers of other kinds become plain ones, as in :func:`_plain`."""
        given: Any = self.frame_size
        is_pair = isinstance(given, tuple | list)
        sides = tuple(given) if is_pair else (given, given)
        if len(sides) != 2 or not all(isinstance(side, Integral) and 8 <= int(side) <= 2048 for side in sides):
            raise InvalidInput(f"MediaOptions: frame_size must be 8 to 2048 pixels, or two such sides, got {given!r}")
        object.__setattr__(self, "frame_size", (int(sides[0]), int(sides[1])) if is_pair else int(given))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames."""
        if isinstance(self.frame_size, int):
            return self.frame_size, self.frame_size
        height, width = self.frame_size
        return height, width

    @property
    def steps_per_window(self) -> int:
        """40 ms steps in a window."""
        return round(self.window * GRID_RATE)

    @property
    def steps_per_hop(self) -> int:
        """40 ms steps from one window's start to the next one's."""
        return self.steps_per_window - round(self.overlap * GRID_RATE)

    @property
    def hop(self) -> float:
        """Seconds from one window's start to the next one's."""
        return self.steps_per_hop / GRID_RATE

    @property
    def is_partial(self) -> bool:
        """Whether only a part of the file is wanted."""
        return bool(self.start) or self.end is not None

    @property
    def first_step(self) -> int:
        """The 40 ms step at which the first window starts."""
        return math.floor((self.start or 0.0) * GRID_RATE + 1e-6)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MediaOptions:
        """The inverse of :meth:`to_dict`."""
        size = values["frame_size"]
        return cls(**{**values, "frame_size": size if isinstance(size, int) else tuple(size)})


@dataclass(frozen=True)
class Limits:
    """How much one file may cost before it is given up with a typed error.

    The decoding runs in a child process, which the operating system stops at the memory and CPU limits and
    which the parent kills when it is silent for too long.

    Args:
        stall_seconds: longest time without a sign of life from the decoder once it has started; also what opening may
            take.
        wall_seconds: decoding time that every file gets; ``wall_factor`` times its duration is added.
        wall_factor: seconds of decoding per second of media.
        cpu_seconds: CPU seconds that every file gets; ``cpu_factor`` times its duration is added.
        cpu_factor: CPU seconds per second of media.
        memory_bytes: address space of the child process, at least 256 MiB.
        max_pixels: pixels in one frame.
        max_duration: seconds of media.
        max_streams: streams in one file.
        max_gap: seconds by which a time stamp may jump ahead of all before it and still be believed.
        buffer_bytes: decoded media beyond a window that waits for the other stream; where one stream lags so far
            behind that this is exceeded, windows are given out without it and the file is degraded.
        threads: of the video's decoder; two are faster by the clock and cost more CPU time. Workers, of which there are
            several, take one.

    Raises:
        InvalidInput: a limit that is not positive, CPU time without end, or too little memory to start at all.
    """

    stall_seconds: float = 15.0
    wall_seconds: float = 120.0
    wall_factor: float = 10.0
    cpu_seconds: float = 120.0
    cpu_factor: float = 10.0
    memory_bytes: int = 2 << 30
    max_pixels: int = 8192 * 4352
    max_duration: float = 48 * 3600.0
    max_streams: int = 64
    max_gap: float = 600.0
    buffer_bytes: int = 96 << 20
    threads: int = 2

    def __post_init__(self) -> None:
        _plain(self, *asdict(self))
        for name, value in asdict(self).items():
            if not value > 0:
                raise InvalidInput(f"Limits: {name} must be positive, got {value}")
        for name in ("cpu_seconds", "cpu_factor"):  # the operating system counts whole seconds
            if not math.isfinite(getattr(self, name)):
                raise InvalidInput(f"Limits: {name} must be finite, got {getattr(self, name)}: give a large number")
        for name in ("memory_bytes", "threads"):
            if not isinstance(getattr(self, name), int):
                raise InvalidInput(f"Limits: {name} must be a whole number, got {getattr(self, name)!r}")
        if self.memory_bytes < _LEAST_MEMORY:
            raise InvalidInput(f"Limits: memory_bytes must be at least {_LEAST_MEMORY}, got {self.memory_bytes}")

    def wall(self, duration: float | None, num_bytes: int) -> float:
        """Seconds that decoding may take; the size speaks where the duration is unknown or a lie."""
        return self.wall_seconds + self.wall_factor * max(duration or 0.0, num_bytes / _BYTES_PER_SECOND)

    def cpu(self, duration: float | None, num_bytes: int) -> float:
        """CPU seconds that decoding may take."""
        return self.cpu_seconds + self.cpu_factor * max(duration or 0.0, num_bytes / _BYTES_PER_SECOND)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)
