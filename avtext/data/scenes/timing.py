"""Placing spans on a timeline so that they keep their distance."""

from __future__ import annotations

from dataclasses import dataclass, field

from avtext.data.scenes.chance import Random

TRIES = 40


@dataclass
class Timeline:
    """Spans in ``[0, duration)`` seconds that keep a gap between each other.

    Example:
        >>> from avtext.data.scenes.chance import generator
        >>> line = Timeline(10.0, gap=0.3)
        >>> first = line.place(generator(0, "a"), 6.0)
        >>> line.place(generator(0, "b"), 6.0) is None  # no room left
        True
    """

    duration: float
    gap: float
    taken: list[tuple[float, float]] = field(default_factory=list)

    def free(self, start: float, end: float) -> bool:
        """Whether the span is inside and far enough from every other."""
        apart = all(end + self.gap <= low or start >= high + self.gap for low, high in self.taken)
        return apart and start >= 0 and end <= self.duration

    def take(self, start: float, end: float) -> None:
        """Keep others away from this span."""
        self.taken.append((start, end))

    def place(self, rng: Random, length: float, margin: float = 0.2, grid: float = 0.0) -> float | None:
        """Take a span of ``length`` seconds at random; None where no place is found.

        Args:
            rng: where the place comes from.
            length: seconds.
            margin: seconds kept free at both ends of the timeline.
            grid: the start is a multiple of it, where it is positive.
        """
        room = self.duration - 2 * margin - length
        for _ in range(TRIES):
            start = margin + rng.random() * max(room, 0.0)
            start = round(start / grid) * grid if grid else start
            if room > 0 and self.free(start, start + length):
                self.take(start, start + length)
                return start
        return None


def how_many(rng: Random, count: tuple[int, int], duration: float) -> int:
    """A number drawn from ``count`` (per 20 s), grown with the duration and rounded at random."""
    wanted = rng.integers(count[0], count[1] + 1) * duration / 20.0
    return int(wanted) + int(rng.random() < wanted - int(wanted))
