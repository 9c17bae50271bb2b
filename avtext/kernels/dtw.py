"""Exact dynamic time warping on the CPU: the cheapest monotone path through a cost matrix.

With ``c`` the cost of matching step ``i`` of x to step ``j`` of y (Sakoe & Chiba 1978, symmetric steps)::

    D[i, j] = c[i, j] + min(D[i-1, j-1], D[i-1, j], D[i, j-1])

Of equally good ways into a cell the diagonal (1, 1) is preferred, then (1, 0), then (0, 1); an open end takes
the earliest of its best columns. Sums are float64. Kept are two rows of ``D``, one byte for each cell of
the band, and a few rows of costs: the whole cost matrix is never built from features.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numba import njit

from avtext.errors import InvalidInput
from avtext.kernels.pairwise import CostRows, Product

Block = tuple[np.ndarray, int, int]  # costs, and their first row and column
MAX_BLOCK, MIN_BLOCK = 256, 32  # rows of cost that are computed at once
DIAGONAL, DOWN, RIGHT = 0, 1, 2  # how a path came to a cell


class Warp(NamedTuple):
    """A path and what it costs.

    Attributes:
        cost: sum of the costs along the path; 0 where one of the two is empty.
        path: ``(length, 2)`` int64 pairs of steps, ascending; empty where one of the two is empty.
    """

    cost: float
    path: np.ndarray


class Band(NamedTuple):
    """The cells that a path may visit: row ``i`` has columns ``low[i]`` to ``high[i]`` (half-open), int64."""

    low: np.ndarray
    high: np.ndarray


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
    rows, columns = cost.shape

    spans = _spans(band or full_band(rows, columns), rows, columns)
    blocks = ((cost[first:last, left:right], first, left) for first, last, left, right in spans)
    return _solve(blocks, (rows, columns), band, open_begin, open_end)


def dtw(
    x: np.ndarray,
    y: np.ndarray,
    *,
    metric: str = "euclidean",
    band: Band | None = None,
    open_begin: bool = False,
    open_end: bool = False,
    product: Product | None = None,
) -> Warp:
    """The cheapest path between two sequences of features.

    Costs are float32 from one matrix product per block of rows (:class:`avtext.kernels.pairwise.CostRows`).
    While one block's product runs, the path is sought through the last one's costs in a second thread.

    Args:
        x: ``(N, size)`` finite features.
        y: ``(M, size)`` finite features.
        metric: ``"euclidean"``, ``"sqeuclidean"`` or ``"cosine"``.
        band: as for :func:`dtw_from_cost`.
        open_begin: likewise.
        open_end: likewise.
        product: as for :class:`avtext.kernels.pairwise.CostRows`.

    Raises:
        InvalidInput: shapes that do not match, an unknown metric, a value that is not finite, or no path.

    Example:
        >>> x = np.array([[0.0], [1.0], [5.0]])
        >>> dtw(x, np.repeat(x, 2, axis=0)).path.tolist()
        [[0, 0], [0, 1], [1, 2], [1, 3], [2, 4], [2, 5]]
    """
    costs = CostRows(x, y, metric, product)
    spans = _spans(band or full_band(*costs.shape), *costs.shape)
    blocks = _computed(costs, spans)
    return _solve(blocks, costs.shape, band, open_begin, open_end, overlap=len(spans) > 1)


def _solve(
    blocks: Iterable[Block],
    shape: tuple[int, int],
    band: Band | None,
    open_begin: bool,
    open_end: bool,
    *,
    overlap: bool = False,
) -> Warp:
    """Run the recurrence over blocks of cost ``(costs, first row, first column)``, then walk back."""
    rows, columns = shape
    if rows == 0 or columns == 0:
        return Warp(0.0, np.zeros((0, 2), np.int64))
    low, high = band or full_band(rows, columns)
    offset = np.concatenate([[0], np.cumsum(high - low)])
    back = np.empty(int(offset[-1]), np.int8)
    sums = np.full((2, columns + 2), np.inf)
    if open_begin:
        sums[1] = 0.0  # the row before the first: every column is a way in
    rest = low, high, offset, sums, back
    sound = _overlapped(blocks, rest) if overlap else all(_advance(*block, *rest) for block in blocks)
    if not sound:
        raise InvalidInput("dtw: a cost is NaN or -inf: mask such steps, or replace them")
    last = sums[(rows - 1) % 2, 1 + low[-1] : 1 + high[-1]]
    end = int(np.argmin(last)) if open_end and len(last) else columns - 1 - int(low[-1])
    if not (0 <= end < len(last) and np.isfinite(last[end])):
        raise InvalidInput(
            f"dtw: no path leads through the band and the finite costs ({rows} x {columns}): widen the band, "
            "or open the begin and the end"
        )
    path = np.empty((rows + columns, 2), np.int64)
    start = _walk_back(back, offset, low, rows - 1, int(low[-1]) + end, path)
    return Warp(float(last[end]), path[start:].copy())


def _spans(band: Band, rows: int, columns: int) -> list[tuple[int, int, int, int]]:
    """``(first row, last, first column, last)`` of every block of rows, half-open."""
    low, high = band
    if len(low) != rows:
        raise InvalidInput(f"dtw: the band has {len(low)} rows and the costs have {rows}")
    if rows and (low.min() < 0 or high.max() > columns or (high < low).any()):
        raise InvalidInput(f"dtw: the band must keep within the costs' {columns} columns")
    if rows == 0:
        return []
    # a block is as wide as its rows' bands together: few rows where the band is narrow
    size = int(np.clip((high - low).max() // 4, MIN_BLOCK, MAX_BLOCK))
    edges = [(first, min(first + size, rows)) for first in range(0, rows, size)]
    return [(a, b, int(low[a:b].min()), int(high[a:b].max())) for a, b in edges]


def _computed(costs: CostRows, spans: list[tuple[int, int, int, int]]) -> Iterator[Block]:
    """Blocks of cost in turn, in two places by turns: one may still be read while the next is written."""
    shapes = [(last - first, right - left) for first, last, left, right in spans]
    room = np.empty((2, max((rows * columns for rows, columns in shapes), default=0)), np.float32)
    for k, (span, (rows, columns)) in enumerate(zip(spans, shapes, strict=True)):
        place = room[k % 2, : rows * columns].reshape(rows, columns)
        yield costs.block(*span, out=place), span[0], span[2]


def _overlapped(blocks: Iterable[Block], rest: tuple[np.ndarray, ...]) -> bool:
    """Go through the blocks in a second thread, one behind the one that is being computed in this."""
    with ThreadPoolExecutor(1) as worker:
        sound, behind = True, None
        for block in blocks:
            sound = sound and (behind is None or behind.result())
            behind = worker.submit(_advance, *block, *rest)
        return sound and (behind is None or behind.result())


@njit(nogil=True, cache=True)
def _advance(costs, first, left, low, high, offset, sums, back):
    """Take the recurrence through the rows of one block; false where a cost is NaN or -inf.

    ``sums[i % 2, 1 + j]`` is ``D[i, j]``; column 0 is a border of inf. ``back`` takes how a cell was reached.
    """
    sound = True
    for r in range(costs.shape[0]):
        i = first + r
        begin, end = low[i], high[i]
        now, before, cost = sums[i % 2], sums[(i + 1) % 2], costs[r]
        if i > 0:  # what older rows left beside the last one's band is out of reach
            for j in range(begin, min(low[i - 1] + 1, end + 1)):
                before[j] = np.inf
            for j in range(max(high[i - 1], begin - 1) + 1, end + 1):
                before[j] = np.inf
        elif begin == 0:
            before[0] = 0.0  # the way in, as if by a diagonal
        at, last, diagonal = offset[i] - begin, np.inf, before[begin]
        for j in range(begin, end):
            down = before[j + 1]
            best = min(diagonal, down)
            how = DIAGONAL if diagonal <= down else DOWN
            back[at + j] = RIGHT if last < best else how
            last = min(best, last) + cost[j - left]
            sound &= last > -np.inf
            now[j + 1] = last
            diagonal = down
        before[0] = np.inf
    return sound


@njit(nogil=True, cache=True)
def _walk_back(back, offset, low, i, j, path):
    """Fill ``path`` from its end; returns the index of its first pair."""
    k = len(path)
    while i >= 0 and j >= 0:
        k -= 1
        path[k, 0], path[k, 1] = i, j
        how = back[offset[i] + j - low[i]]
        if how != RIGHT:
            i -= 1
        if how != DOWN:
            j -= 1
    return k
