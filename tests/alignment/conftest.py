"""Synthetic embeddings of one scene as two streams see it, with a known map between their clocks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

RATE = 25.0


class Scene:
    """Events of a few classes at random times, with noise, misses, and events only one stream sees.

    Args:
        seed: of everything.
        duration: seconds.
        per_20s: events in 20 seconds.
        noise: norm of the noise; an event's embedding has norm 1.
    """

    def __init__(self, seed: int, duration: float, per_20s: float = 8.0, noise: float = 0.5, size: int = 32):
        self.rng = np.random.default_rng(seed)
        self.duration, self.noise, self.size = duration, noise, size
        self.classes = self.rng.normal(size=(10, size)) / np.sqrt(size)
        self.events = self._some(per_20s)
        self.lonely = 0.3 * per_20s

    def _some(self, per_20s: float) -> list[tuple[float, float, int]]:
        count = max(2, round(per_20s * (self.duration + 80) / 20))
        starts = self.rng.uniform(-40, self.duration + 40, count)
        return [(t, self.rng.uniform(0.2, 2.0), int(self.rng.integers(10))) for t in starts]

    def seen(self, times: np.ndarray) -> np.ndarray:
        """Unit embeddings at scene times; every call draws its own noise and misses."""
        out = np.tile(self.rng.normal(size=self.size) / np.sqrt(self.size), (len(times), 1))
        kept = [event for event in self.events if self.rng.random() > 0.1]
        for start, lasting, kind in kept + self._some(self.lonely):
            near = np.flatnonzero((times > start - 0.1) & (times < start + lasting + 0.1))
            rise = np.minimum(times[near] - start + 0.1, start + lasting + 0.1 - times[near]) / 0.2
            out[near] += np.clip(rise, 0, 1)[:, None] * self.classes[kind]
        out += self.noise * self.rng.normal(size=out.shape) / np.sqrt(self.size)
        return (out / np.linalg.norm(out, axis=1, keepdims=True)).astype(np.float32)

    def times(self) -> np.ndarray:
        """Centres of the steps."""
        return (np.arange(int(self.duration * RATE)) + 0.5) / RATE


@pytest.fixture
def scene() -> Callable[..., Scene]:
    return Scene
