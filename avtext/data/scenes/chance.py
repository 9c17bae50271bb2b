"""Random numbers of a scene: one generator per purpose, so that one part's draws never move another's."""

from __future__ import annotations

import zlib

import numpy as np

from avtext.errors import InvalidInput

Random = np.random.Generator


def generator(seed: int, *purpose: str | int) -> Random:
    """The generator of ``seed`` for one purpose; the same in every process.

    Raises:
        InvalidInput: a seed that is negative or not an integer.

    Example:
        >>> bool(generator(3, "cues").random() == generator(3, "cues").random())
        True
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InvalidInput(f"seed: must be an integer from 0 up, got {seed!r}")
    words = [zlib.crc32(str(part).encode()) for part in purpose]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((int(seed), *words))))


def happens(rng: Random, chance: float) -> bool:
    """True with probability ``chance``; draws one number in any case."""
    return bool(rng.random() < chance)


def between(rng: Random, low: float, high: float) -> float:
    """A number drawn evenly from ``[low, high)``."""
    return float(low + (high - low) * rng.random())


def log_between(rng: Random, low: float, high: float) -> float:
    """A positive number whose logarithm is drawn evenly."""
    return float(low * (high / low) ** rng.random())
