"""What was found of a stream's clock: moved to where the video begins, and as plain values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from avtext.alignment.pairwise import Alignment
from avtext.timeline import ClockMap


def later(found: Alignment, origin: float) -> Alignment:
    """An alignment found on clocks that begin ``origin`` seconds late, for the clocks themselves."""
    clock = found.clock
    starts = tuple(start + origin for start in clock.starts)
    offsets = tuple(offset + origin * (1.0 - rate) for offset, rate in zip(clock.offsets, clock.rates, strict=True))
    path = None if found.path is None else found.path + origin
    return replace(found, clock=ClockMap(starts, offsets, clock.rates), path=path)


def described(found: Alignment) -> dict[str, Any]:
    """Plain values of an alignment, as results have them."""
    clock: ClockMap = found.clock
    return {
        "offset": round(clock.offset, 4),
        "drift_ppm": round(clock.drift_ppm, 2),
        "breaks": [[round(at, 3), round(jump, 3)] for at, jump in found.breaks],
        "confidence": round(float(np.clip(found.confidence, 0, 1)), 4),
        "abstained": bool(found.abstained),
        "clock": clock.to_dict(),
    }
