"""What a straight line leaves: a clock that speeds up and slows down, followed by banded DTW around the line."""

from __future__ import annotations

import numpy as np

from avtext.alignment.search import Line

RADIUS = 0.6  # seconds to either side of the line that the path may leave it
KNOT = 20.0  # seconds between the points where the map may bend
LEAST = 1e-6  # weight of a step in which one of the streams has nothing


def bend(stream: np.ndarray, video: np.ndarray, line: Line, end: float, rate: float) -> list[Line]:
    """Lines that follow the warping path between the streams around ``line``, joined end to end.

    The path is that of DTW on the centred embeddings within a narrow band. Where nothing happens it goes
    anywhere, so its distance from the line is averaged with the energy that both streams have there, over
    triangles between knots; where either has nothing for long, as before a stream begins, the distance of the
    nearest knots is kept.

    Args:
        stream: ``(time, size)`` prepared.
        video: ``(video_time, size)`` prepared.
        line: the lag as found, from its start.
        end: stream step where it ends.
        rate: steps per second.

    Returns:
        One line per stretch between knots; ``[line]`` where the overlap is too short to bend.
    """
    from avtext.kernels.dtw import dtw, sakoe_chiba  # numba takes 0.3 s to import, and short files need none

    steps = np.arange(max(0, int(np.ceil(line.start))), min(len(stream), int(end)))
    centre = steps + line.at(steps)
    inside = (centre >= 0) & (centre <= len(video) - 1)
    steps, centre = steps[inside], centre[inside]
    count = int(len(steps) / (KNOT * rate))
    if count < 2:
        return [line]
    band = sakoe_chiba(len(steps), len(video), max(1.0, RADIUS * rate), centre)  # narrower, it may hold no step
    part = stream[steps]
    path = dtw(part, video, metric="sqeuclidean", band=band, open_begin=True, open_end=True).path
    away = path[:, 1] - centre[path[:, 0]]
    weight = np.sqrt((part[path[:, 0]] ** 2).sum(1) * (video[path[:, 1]] ** 2).sum(1)) + LEAST
    knots = np.linspace(steps[0], steps[-1], count + 1)
    lags = line.at(knots) + _at_knots(steps[path[:, 0]], away, weight, knots)
    slopes = np.diff(lags) / np.diff(knots)
    starts = [line.start, *knots[1:-1]]
    return [
        Line(float(start), float(lag - slope * knot), float(slope))
        for start, lag, slope, knot in zip(starts, lags[:-1], slopes, knots[:-1], strict=True)
    ]


def _at_knots(at: np.ndarray, values: np.ndarray, weight: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Weighted means of values around each knot, the weight falling to 0 over about two knots' distance.

    Knots that no step with more than the least weight is near take what their neighbours have.
    """
    place = (at - knots[0]) / (knots[1] - knots[0])
    low = np.minimum(place.astype(np.int64), len(knots) - 2)
    sums = np.zeros((3, len(knots)))
    for side, share in ((low, low + 1 - place), (low + 1, place - low)):
        for row, what in zip(sums, (weight * values, weight, weight > LEAST), strict=True):
            row += np.bincount(side, share * what, len(knots))
    spread = [np.convolve(row, [0.5, 1.0, 0.5], "same") for row in sums]
    means, known = spread[0] / spread[1], spread[2] > 0
    if not known.any():
        return np.zeros(len(knots))
    return np.where(known, means, np.interp(knots, knots[known], means[known]))
