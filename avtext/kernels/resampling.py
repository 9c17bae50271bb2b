"""A stream to the grid, and a sequence on another clock: the numpy twins of ``layers.tcn.to_grid`` and ``layers.warp``.

Training needs gradients and batches of these; where events are found, one video is read at a time without torch.
"""

from __future__ import annotations

import numpy as np


def to_grid(
    values: np.ndarray, mask: np.ndarray, rate: float, start: float, grid_rate: float, num_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Resample a stream with triangular weights around each grid step's centre.

    Args:
        values: ``(T', D)`` at ``rate`` steps per second.
        mask: ``(T',)``; what lies outside never counts.
        rate: steps per second of ``values``.
        start: seconds from the grid's beginning to that of step 0 of the stream.
        grid_rate: steps per second of the grid.
        num_steps: T, length of the grid.

    Returns:
        ``(T, D)`` and the mask ``(T,)``: true where a real step lies within one step (of the slower clock).

    Example:
        >>> out, real = to_grid(np.arange(8.0)[:, None], np.ones(8, bool), 50.0, 0.0, 25.0, 4)
        >>> out[1:3, 0].tolist(), real.all().item()
        ([2.5, 4.5], True)
    """
    length = len(values)
    if length == 0:
        return np.zeros((num_steps, values.shape[1]), values.dtype), np.zeros(num_steps, dtype=bool)
    position = ((np.arange(num_steps) + 0.5) / grid_rate - start) * rate - 0.5  # in the stream's steps
    reach = max(1.0, rate / grid_rate)
    index = np.ceil(position - reach).astype(np.int64)[:, None] + np.arange(int(2 * reach) + 2)
    weight = np.maximum(1.0 - np.abs(index - position[:, None]) / reach, 0.0)
    inside = (index >= 0) & (index < length)
    index = np.clip(index, 0, length - 1)
    weight = np.where(mask[index] & inside, weight, 0.0).astype(values.dtype)
    values = np.where(mask[:, None], values, np.zeros((), values.dtype))
    total = weight.sum(1)
    out = np.zeros((num_steps, values.shape[1]), values.dtype)
    for tap in range(index.shape[1]):  # memory stays at one copy of the output
        out += weight[:, tap, None] * values[index[:, tap]]
    return out / np.maximum(total, 1e-6)[:, None], total > 1e-6


def warp(values: np.ndarray, mask: np.ndarray, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read a sequence at fractional steps, linearly between its two neighbours.

    Args:
        values: ``(T', D)``.
        mask: ``(T',)``.
        position: ``(T,)`` fractional step numbers; NaN or out of range reads nothing.

    Returns:
        ``(T, D)`` and the mask ``(T,)``: true where the nearer neighbour is real.

    Example:
        >>> out, real = warp(np.arange(4.0)[:, None], np.ones(4, bool), np.array([0.5, 2.0, np.nan]))
        >>> out[:, 0].tolist(), real.tolist()
        ([0.5, 2.0, 0.0], [True, True, False])
    """
    if len(values) == 0:
        return np.zeros((len(position), values.shape[1]), values.dtype), np.zeros(len(position), dtype=bool)
    known = np.isfinite(position)
    position = np.where(known, position, 0.0)
    low = np.floor(position).astype(np.int64)
    share = (position - low).astype(values.dtype)
    (before, real_before), (after, real_after) = (_read(values, mask, index, known) for index in (low, low + 1))
    weight = np.where(real_before, share * real_after, real_after.astype(values.dtype))[:, None]
    real = np.where(share < 0.5, real_before, real_after)
    out = before * (1 - weight) + after * weight
    return np.where(real[:, None], out, np.zeros((), values.dtype)), real


def _read(values: np.ndarray, mask: np.ndarray, index: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    inside = known & (index >= 0) & (index < len(values))
    index = np.clip(index, 0, len(values) - 1)
    real = mask[index] & inside
    return np.where(real[:, None], values[index], np.zeros((), values.dtype)), real
