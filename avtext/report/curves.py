"""Curves that a page can carry: lowest and highest value of each bucket of time, a byte each.

A curve of ten hours has 900,000 steps and a screen a thousand pixels. Steps are therefore gathered into buckets, and a
bucket keeps its lowest and its highest value, so that no peak is lost, however short: what a picture of so many pixels
could show. A curve that has no more steps than the budget allows is kept step by step.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from avtext.clip import Stream
from avtext.errors import ConfigError

LEVELS = 255


@dataclass(frozen=True)
class Curves:
    """Curves of one kind on one grid of buckets.

    Args:
        start: seconds at which the first bucket begins.
        step: seconds of a bucket.
        low: name to the lowest value of each bucket, uint8 ``(buckets,)``, 255 for 1.
        high: name to the highest, likewise; the same arrays where a bucket is one step.
    """

    start: float
    step: float
    low: Mapping[str, np.ndarray]
    high: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, stream: Stream, names: tuple[str, ...], *, budget: int, least: float = 0.0) -> Curves:
        """The columns of a stream of probabilities.

        Args:
            stream: ``(steps, names)``; values are clipped to [0, 1], and one that is not finite is 0.
            names: of the columns.
            budget: bytes that all of them may take, before base64 makes 4 of 3.
            least: columns that never reach it are left out.

        Example:
            >>> curves = Curves.of(Stream(np.array([[0.0], [1.0], [0.5]]), rate=2.0), ("dog",), budget=99)
            >>> curves.step, curves.high["dog"].tolist()
            (0.5, [0, 255, 128])
        """
        values = np.nan_to_num(stream.values.astype(np.float32), posinf=0.0, neginf=0.0).clip(0.0, 1.0)
        kept = [k for k in range(len(names)) if len(values) and values[:, k].max() >= least]
        width = _steps_in_a_bucket(len(values), len(kept), budget)
        starts = np.arange(0, len(values), width)
        low, high = {}, {}
        for k in kept:
            levels = np.rint(values[:, k] * LEVELS).astype(np.uint8)
            low[names[k]] = np.minimum.reduceat(levels, starts)
            high[names[k]] = np.maximum.reduceat(levels, starts)
        return cls(stream.start, width / stream.rate, low, high)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, a curve as base64 of its bytes; ``low`` only where it differs from ``high``."""
        curves = {}
        for name, high in self.high.items():
            curves[name] = {"high": _text(high)}
            if not np.array_equal(self.low[name], high):
                curves[name]["low"] = _text(self.low[name])
        return {"start": round(self.start, 4), "step": round(self.step, 6), "curves": curves}

    @classmethod
    def from_dict(cls, values: Any) -> Curves:
        """What :meth:`to_dict` wrote.

        Raises:
            ConfigError: it is something else.
        """
        try:
            step, start = float(values["step"]), float(values["start"])
            high = {str(name): _bytes(one["high"]) for name, one in values["curves"].items()}
            low = {name: _bytes(one["low"]) if "low" in one else high[name] for name, one in values["curves"].items()}
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise ConfigError(f"curves: need start, step and curves of base64, got {error!r}") from None
        lengths = {len(one) for one in (*low.values(), *high.values())}
        if not (np.isfinite(start) and 0 < step < np.inf) or len(lengths) > 1:
            raise ConfigError(f"curves: need a positive step and one length, got step {step} and lengths {lengths}")
        return cls(start, step, low, high)


def _steps_in_a_bucket(steps: int, curves: int, budget: int) -> int:
    """One where everything fits into the budget; else so many that lowest and highest do."""
    if steps * curves <= budget:
        return 1
    return -(-steps // max(1, budget // (2 * curves)))


def _text(levels: np.ndarray) -> str:
    return base64.b64encode(levels.tobytes()).decode("ascii")


def _bytes(text: str) -> np.ndarray:
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
