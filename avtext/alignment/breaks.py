"""Where exactly one piece of the clock map ends and the next begins."""

from __future__ import annotations

import numpy as np

from avtext.alignment.search import Line, Scale


def place_break(
    stream: np.ndarray,
    video: np.ndarray,
    lines: tuple[Line, Line],
    near: tuple[float, float],
    scale: Scale,
    rate: float,
) -> float:
    """The stream step at which the second line takes over from the first, found step by step.

    Where the stream lost a part (the lag jumps up) every stream step belongs to one of the two lines; where
    the video lost one (the lag jumps down) every video step does, and the stream's surplus begins at the
    break. So the split is sought on the clock of the one that lost something: its cumulated similarity to
    the first line before the split and to the second after it is a log-likelihood. Events are sparse, so the
    best split is anywhere in a pause around the cut: the answer is the middle of the two seconds that hold
    most of the probability.

    Args:
        stream: ``(time, size)`` prepared.
        video: ``(video_time, size)`` prepared.
        lines: before the break and after it.
        near: first and last stream step between which it lies.
        scale: of the evidence.
        rate: steps per second.
    """
    left, right = lines
    low, high = near
    falls = float(right.at((low + high) / 2)) < float(left.at((low + high) / 2))
    if falls:
        own, other = video, stream
        first, last = low + left.at(low), high + right.at(high)
        steps = np.arange(max(0, int(first)), min(len(video), int(max(first, last)) + 1))
        partners = [(steps - line.offset) / (1 + line.slope) for line in lines]
    else:
        own, other = stream, video
        steps = np.arange(max(0, int(low)), min(len(stream), int(high) + 1))
        partners = [steps + line.at(steps) for line in lines]
    if len(steps) == 0:
        return float(low + high) / 2
    before, after = (_gain(own, steps, other, partner, scale) for partner in partners)
    split = steps[0] + _likeliest(np.cumsum(before - after), round(rate))
    return float((split - left.offset) / (1 + left.slope)) if falls else float(split)


def _likeliest(gain: np.ndarray, reach: int) -> float:
    """The index whose surroundings, ``reach`` to either side, hold most of ``exp(gain)``."""
    gain = np.concatenate([[0.0], gain])
    weight = np.cumsum(np.pad(np.exp(gain - gain.max()), (reach + 1, reach)))
    held = weight[2 * reach + 1 :] - weight[: -2 * reach - 1]
    return float(np.flatnonzero(held >= held.max() * (1 - 1e-9)).mean())


def _gain(own: np.ndarray, steps: np.ndarray, other: np.ndarray, partner: np.ndarray, scale: Scale) -> np.ndarray:
    """Log-likelihood that steps belong to their partners; zero where the other has nothing there.

    What stands out in the partner and not here speaks against it: that part may be what was lost.
    """
    nearest = np.round(partner).astype(np.int64)
    inside = (nearest >= 0) & (nearest < len(other))
    mine, theirs = own[steps[inside]], other[nearest[inside]]
    out = np.zeros(len(steps))
    out[inside] = scale.of(np.einsum("td,td->t", mine, theirs), np.einsum("td,td->t", theirs, theirs))
    return out
