"""How far a map of clocks is from the true one."""

from __future__ import annotations

import math

import numpy as np

from avtext.errors import InvalidInput
from avtext.timeline import ClockMap

EVERY = 1.0  # seconds, about, between the times at which two clocks are compared


def clock_error(found: ClockMap, true: ClockMap, duration: float) -> float:
    """Mean seconds between where two maps put the same stream times.

    These are the stream times from 0 to the video's duration that the true map puts into the video.

    Args:
        found: from a stream's clock to the video's.
        true: likewise.
        duration: seconds of the video, finite and not negative.

    Returns:
        NaN where the true map puts none of these times into the video.

    Raises:
        InvalidInput: a duration out of range.

    Example:
        >>> round(clock_error(ClockMap.shift(1.5), ClockMap.shift(1.0), 20.0), 3)
        0.5
    """
    if not 0 <= duration < math.inf:
        raise InvalidInput(f"duration: must be seconds, finite and not negative, got {duration}")
    count = max(1, round(duration / EVERY))
    times = (np.arange(count) + 0.5) * (duration / count)
    where = true.to_video(times)
    inside = (where >= 0) & (where < duration)
    return float(np.abs(found.to_video(times) - where)[inside].mean()) if inside.any() else float("nan")
