"""Exact dynamic time warping on the CPU: the cheapest monotone path through a cost matrix.

With ``c`` the cost of matching step ``i`` of x to step ``j`` of y (Sakoe & Chiba 1978, symmetric steps)::

    D[i, j] = c[i, j] + min(D[i-1, j-1], D[i-1, j], D[i, j-1])

Of equally good ways into a cell the diagonal (1, 1) is preferred, then (1, 0), then (0, 1); an open end takes
the earliest of its best columns. Sums are float64. Kept are a row of ``D``, one byte for each cell near the
band, and a few rows of costs (:mod:`avtext.kernels.dtw_blocks`): the whole cost matrix is never built from features.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit

from avtext.errors import InvalidInput
from avtext.kernels.dtw_blocks import MARGIN, Band, Block, sweep, walk_back
from avtext.kernels.pairwise import CostRows


class Warp(NamedTuple):
    """A path and what it costs.

    Attributes:
        cost: sum of the costs along the path; 0 where one of the two is empty.
        path: ``(length, 2)`` int64 pairs of steps, ascending; empty where one of the two is empty.
    """

    cost: float
    path: np.ndarray


def full_band(rows: int, columns: int) -> Band:
    """No limit."""
    return Band(np.zeros(rows, np.int64), np.full(rows, columns, np.int64))


def sakoe_chiba(rows: int, columns: int, radius: float, centre: np.ndarray | None = None) -> Band:
    """Columns at most ``radius`` from a centre line.

    Args:
        rows: steps of x.
        columns: steps of y.
        radius: columns to either side, not negative.
        centre: ``(rows,)`` column around which each row's band lies; None is the straight line from the first
            cell to the last, so that sequences of unequal length fit.

    Raises:
        InvalidInput: a negative radius, or a centre of another length or not finite.

    Example:
        >>> sakoe_chiba(3, 5, 1).low.tolist(), sakoe_chiba(3, 5, 1).high.tolist()
        ([0, 1, 3], [2, 4, 5])
    """
    if not radius >= 0:
        raise InvalidInput(f"dtw: radius must not be negative, got {radius}")
    if centre is None:
        centre = np.linspace(0.0, max(columns - 1, 0), rows) if rows > 1 else np.zeros(rows)
    centre = np.asarray(centre, dtype=np.float64)
    if centre.shape != (rows,) or not np.isfinite(centre).all():
        raise InvalidInput(f"dtw: centre must be {rows} finite columns, one per step of x, got {centre.shape}")
    low = np.clip(np.ceil(centre - radius), 0, columns).astype(np.int64)
    high = np.clip(np.floor(centre + radius) + 1, 0, columns).astype(np.int64)
    return Band(low, np.maximum(low, high))


def dtw_from_cost(
    cost: np.ndarray, *, band: Band | None = None, open_begin: bool = False, open_end: bool = False
) -> Warp:
    """The cheapest path through a cost matrix.

    Args:
        cost: ``(N, M)`` real; inf forbids a cell, negative costs are allowed.
        band: cells that may be visited; None is all of them.
        open_begin: the path may begin at any step of y (x is always matched whole).
        open_end: the path may end at any step of y.

    Raises:
        InvalidInput: not two axes, NaN or -inf in the band, or no path through it.

    Example:
        >>> warp = dtw_from_cost(np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]]))
        >>> warp.cost, warp.path.tolist()
        (0.0, [[0, 0], [1, 1], [1, 2]])
    """
    cost = np.asarray(cost)
    if cost.ndim != 2:
        raise InvalidInput(f"dtw: cost must have shape (N, M), got {cost.shape}")
    if cost.dtype != np.float32:
        cost = cost.astype(np.float64, copy=False)
    band = band or full_band(*cost.shape)

    def fill(block: Block, out: np.ndarray) -> None:
        first, last, left, right = block
        low, high = band.low[first:last] - left, band.high[first:last] - left
        if not _copy_sound(cost[first:last, left:right], low, high, MARGIN, out):
            raise InvalidInput("dtw: a cost is NaN or -inf: mask such steps, or replace them")

    return _solve(fill, cost.shape, cost.dtype, band, open_begin, open_end)


def dtw(
    x: np.ndarray,
    y: np.ndarray,
    *,
    metric: str = "euclidean",
    band: Band | None = None,
    open_begin: bool = False,
    open_end: bool = False,
) -> Warp:
    """The cheapest path between two sequences of features.

    Costs are float32 from one matrix product per block of rows (:class:`avtext.kernels.pairwise.CostRows`).

    Args:
        x: ``(N, size)`` finite features.
        y: ``(M, size)`` finite features.
        metric: ``"euclidean"``, ``"sqeuclidean"`` or ``"cosine"``.
        band: as for :func:`dtw_from_cost`.
        open_begin: likewise.
        open_end: likewise.

    Raises:
        InvalidInput: shapes that do not match, an unknown metric, a value that is not finite, or no path.

    Example:
        >>> x = np.array([[0.0], [1.0], [5.0]])
        >>> dtw(x, np.repeat(x, 2, axis=0)).path.tolist()
        [[0, 0], [0, 1], [1, 2], [1, 3], [2, 4], [2, 5]]
    """
    costs = CostRows(x, y, metric)

    def fill(block: Block, out: np.ndarray) -> None:
        costs.block(*block, out, MARGIN)

    return _solve(fill, costs.shape, np.dtype(np.float32), band or full_band(*costs.shape), open_begin, open_end)


def _solve(
    fill: Callable[[Block, np.ndarray], object],
    shape: tuple[int, ...],
    dtype: np.dtype,
    band: Band,
    open_begin: bool,
    open_end: bool,
) -> Warp:
    """Run the recurrence over the band, then walk back."""
    rows, columns = shape
    if len(band.low) != rows:
        raise InvalidInput(f"dtw: the band has {len(band.low)} rows and the costs have {rows}")
    if rows == 0 or columns == 0:
        return Warp(0.0, np.zeros((0, 2), np.int64))
    last, back, offset = sweep(fill, band, columns, dtype, open_begin=open_begin)
    end = int(np.argmin(last)) if open_end else columns - 1
    if not np.isfinite(last[end]):
        raise InvalidInput(
            f"dtw: no path leads through the band and the finite costs ({rows} x {columns}): widen the band, "
            "or open the begin and the end"
        )
    path = np.empty((rows + columns, 2), np.int64)
    start = walk_back(back, offset, rows - 1, end, path)
    return Warp(float(last[end]), path[start:].copy())


@njit(nogil=True, cache=True)
def _copy_sound(cost, low, high, margin, out):
    """Copy each row from ``low`` to ``high``, behind a margin; false if one of these is NaN or -inf."""
    sound = True
    for r in range(len(cost)):
        source, target = cost[r, low[r] : high[r]], out[r, margin + low[r] : margin + high[r]]
        for j in range(len(source)):
            sound &= source[j] > -np.inf
            target[j] = source[j]
    return sound
