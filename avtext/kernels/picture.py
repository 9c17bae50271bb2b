"""Statistics of the picture at full frame rate: what cuts, fades, flashes, freezes and black look like.

A flash lasts one frame, so eight frames a second are not enough for it; these few numbers per frame are cheap
enough to take from every frame. Frames hold until the next one is shown; a grid step averages the levels it
sees and keeps the largest change::

    frames    |--a--|--b--|----c----|--d--|        presentation times, any frame rate
    steps     |---|---|---|---|---|---|---|        25 per second
"""

from __future__ import annotations

import numpy as np

BLOCKS = 4  # change is also measured in a grid of 4 x 4 blocks: where in the picture something moves
LEVELS = ("luma", "contrast", "dark", "saturation")
CHANGES = (
    "brightening",
    "luma_change",
    "colour_change",
    "histogram_change",
    "changed_area",
    "stillness",
    "decorrelation",
)
NAMES = (*LEVELS, *CHANGES, *(f"block_{row}{col}" for row in range(BLOCKS) for col in range(BLOCKS)))
SIZE = len(NAMES)
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
SIDE = 32  # pixels that say enough about a picture
_BINS = 16


def frame_statistics(frames: np.ndarray, previous: np.ndarray | None = None) -> np.ndarray:
    """Statistics of each frame and of its change from the frame before.

    Args:
        frames: ``(n, height, width, 3)`` uint8 RGB, height and width multiples of 8, small: of 64 lines or more
            only every second pixel is taken, or fewer, so that about 32 a side remain.
        previous: the frame before the first, same shape; None at the beginning of a video (no change then).

    Returns:
        ``(n, SIZE)`` float32, columns as in ``NAMES``; levels and changes lie in about [-1, 1].

    Example:
        >>> black, white = np.zeros((1, 8, 8, 3), np.uint8), np.full((1, 8, 8, 3), 255, np.uint8)
        >>> values = frame_statistics(np.concatenate([black, white]))
        >>> values[:, NAMES.index("brightening")].round(3).tolist()
        [0.0, 1.0]
    """
    first = frames[:1] if previous is None else previous[None]
    stride = max(1, frames.shape[1] // SIDE)
    small = np.concatenate([first, frames])[:, ::stride, ::stride]
    count, height, width = len(frames), small.shape[1], small.shape[2]
    red, green, blue = planes = np.ascontiguousarray(small.transpose(3, 0, 1, 2), dtype=np.float32) / 255.0
    luma = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
    now, before = luma[1:], luma[:-1]
    change = np.abs(now - before)
    flat = luma.reshape(count + 1, -1)
    mean, std = flat.mean(1), flat.std(1)
    histogram = _histograms(flat)
    saturation = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    colour = np.maximum.reduce([np.abs(plane[1:] - plane[:-1]) for plane in planes])
    covariance = np.einsum("np,np->n", flat[1:], flat[:-1]) / flat.shape[1] - mean[1:] * mean[:-1]
    correlation = (covariance + 1e-4) / (std[1:] * std[:-1] + 1e-4)
    mean_change = change.reshape(count, -1).mean(1)
    rows = change.reshape(count * BLOCKS, height // BLOCKS, width).mean(1)
    blocks = rows.reshape(count, BLOCKS * BLOCKS, width // BLOCKS).mean(2)
    columns = [
        mean[1:],
        std[1:],
        (now < 0.09).reshape(count, -1).mean(1),
        saturation[1:].reshape(count, -1).mean(1),
        mean[1:] - mean[:-1],
        mean_change,
        colour.reshape(count, -1).mean(1),
        0.5 * np.abs(histogram[1:] - histogram[:-1]).sum(1),
        (change > 0.04).reshape(count, -1).mean(1),
        np.exp(-mean_change * 1000.0),  # 1 when nothing moves at all, near 0 with camera noise
        1.0 - np.clip(correlation, -1.0, 1.0),
    ]
    return np.concatenate([np.stack(columns, 1), blocks], 1).astype(np.float32)


def _histograms(flat: np.ndarray) -> np.ndarray:
    """Share of pixels in each of 16 luma bins, ``(n, 16)``."""
    count, pixels = flat.shape
    bins = np.minimum((flat * _BINS).astype(np.int64), _BINS - 1) + _BINS * np.arange(count)[:, None]
    return np.bincount(bins.ravel(), minlength=count * _BINS).reshape(count, _BINS) / pixels


def place_on_grid(
    statistics: np.ndarray, times: np.ndarray, end: float, start: float, rate: float, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Statistics of frames, each holding until the next, on a regular grid.

    Args:
        statistics: ``(n, SIZE)``, one row per frame.
        times: ``(n,)`` presentation times of the frames, ascending, seconds.
        end: when the last frame stops being shown.
        start, rate, count: the grid: first step's beginning in seconds, steps per second, number of steps.

    Returns:
        ``(count, SIZE)`` float32 and a boolean mask ``(count,)``, false where no frame is shown.
    """
    values = np.zeros((count, SIZE), dtype=np.float32)
    mask = np.zeros(count, dtype=bool)
    if len(times) == 0:
        return values, mask
    edges = start + np.arange(count + 1) / rate
    first = np.searchsorted(times, edges[:-1] + 1e-9, side="right") - 1  # the frame on show as the step begins
    last = np.searchsorted(times, edges[1:] - 1e-9, side="left")  # one past the last frame begun in the step
    mask[:] = (last > 0) & (edges[:-1] < end - 1e-9)
    if mask.any():
        begin = np.maximum(first[mask], 0)
        values[mask] = _over_runs(statistics, begin, last[mask] - begin)
    return values, mask


def _over_runs(statistics: np.ndarray, begin: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Mean level and strongest change, the first of equals, of runs of frames that may overlap; all at once::

    begin   0, 2     length   3, 2     rows   0 1 2 | 2 3     edges   0, 3
    """
    edges = np.concatenate([[0], np.cumsum(length)[:-1]])
    rows = np.arange(length.sum()) + np.repeat(begin - edges, length)
    levels, changes = statistics[rows, : len(LEVELS)], statistics[rows, len(LEVELS) :]
    size = np.abs(changes)
    is_strongest = size == np.repeat(np.maximum.reduceat(size, edges), length, axis=0)
    place = np.where(is_strongest, np.arange(len(rows))[:, None], len(rows))
    strongest = np.take_along_axis(changes, np.minimum.reduceat(place, edges), 0)
    mean = np.add.reduceat(levels, edges) / length[:, None].astype(levels.dtype)
    return np.concatenate([mean, strongest], 1)
