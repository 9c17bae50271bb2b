"""Presentation times of a container's stamps, with the jumps of broadcast clocks undone.

A transport stream that was cut and joined starts a new clock at each joint, and players go on as if nothing had
happened. Each stream is followed on its own; a jump that another stream has made already is taken over exactly, so
that sound and picture stay together::

    stamps   0 1 2 3 | 95 96 97          times   0 1 2 3 4 5 6       shift -91
"""

from __future__ import annotations

MAX_DEVIATION = 10.0  # seconds; a stamp further off belongs to another clock, as in ffmpeg's own tool
_BEHIND = 0.5  # seconds; clocks do not go back, so several stamps in a row that do are of another clock, too
_IN_A_ROW = 6
_SAME = 1.0  # seconds by which two streams' jumps may differ and still be one


class Clock:
    """Turns stamps in seconds into presentation times.

    Args:
        origin: the stamp of presentation time 0.
        joined: whether the container's clock may jump at all.

    Example:
        >>> clock = Clock(origin=1.0, joined=True)
        >>> clock.time("audio", 3.0, expected=2.0), clock.time("audio", 96.0, expected=3.0)
        (2.0, 3.0)
        >>> clock.time("video", 96.5, expected=3.4)
        3.5
    """

    def __init__(self, origin: float, joined: bool) -> None:
        self._origin = origin
        self._joined = joined
        self._shifts: dict[str, float] = {}
        self._known: list[float] = []
        self._behind: dict[str, list[float]] = {}

    @property
    def num_jumps(self) -> int:
        """Jumps undone so far."""
        return len(self._known)

    def time(self, stream: str, stamp: float, expected: float | None) -> float:
        """The presentation time of ``stamp``, given where the stream's last frame ended, if there was one."""
        time = stamp - self._origin
        shift = self._shifts.get(stream, 0.0)
        if not self._joined or expected is None:
            return time + shift
        first = self._first_of_another_clock(stream, time, time + shift - expected)
        if first is not None:
            shift = self._jump(expected - first)
            self._shifts[stream] = shift
        return time + shift

    def _first_of_another_clock(self, stream: str, time: float, deviation: float) -> float | None:
        """Where another clock began, if this stamp shows that one did."""
        if abs(deviation) > MAX_DEVIATION:
            return time
        behind = self._behind.setdefault(stream, [])
        if deviation >= -_BEHIND:
            behind.clear()
            return None
        behind.append(time)
        if len(behind) < _IN_A_ROW:
            return None
        first = behind[0]
        behind.clear()
        return first

    def _jump(self, shift: float) -> float:
        same = [known for known in self._known if abs(known - shift) <= _SAME]
        if same:
            return same[-1]
        self._known.append(shift)
        return shift


class Stamps:
    """Which of its two stamps tells when a picture is shown, judged as FFmpeg's own tools do.

    AVI and ASF say when packets are decoded and nothing else. What FFmpeg makes up for presentation then goes back and
    forth where frames are reordered, while stamps of decoding rise steadily, a few frames late. Those that went back
    less often count, of presentation where both did as often.

    Example:
        >>> stamps = Stamps()
        >>> [stamps.chosen(*pair) for pair in ((1, 2), (3, 3), (2, 4), (4, 5), (6, None))]
        [1, 3, 4, 5, None]
    """

    def __init__(self) -> None:
        self._last: list[int | None] = [None, None]
        self._times_back = [0, 0]

    def chosen(self, presented: int | None, decoded: int | None) -> int | None:
        """One of a frame's stamps; None where the kind that counts is missing."""
        for kind, stamp in enumerate((presented, decoded)):
            if stamp is not None:
                last = self._last[kind]
                self._times_back[kind] += last is not None and stamp <= last
                self._last[kind] = stamp
        sound = self._times_back[0] <= self._times_back[1]
        return presented if sound and presented is not None else decoded
