"""The recurrence of DTW, some rows at a time: costs are computed in several threads and swept in order.

A block is as wide as the bands of its rows together, with ``MARGIN`` columns of inf at either side. Four rows are
swept at once, each one column behind the row above it: what a cell needs is then at hand, and no row waits for
the one above it to end::

    row 0   . . . . j
    row 1   . . . j
    row 2   . . j
    row 3   . j
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit

from avtext.errors import InvalidInput
from avtext.kernels.threads import in_order, num_threads

MAX_ROWS, MIN_ROWS = 256, 32  # of a block: a product of many rows is faster, one of few strays less from a band
STRIP = 4  # rows that are swept at once
MARGIN = STRIP - 1  # columns that its last row is behind its first
EDGE = MARGIN + 1  # place of column 0 in the sums
DIAGONAL, DOWN, RIGHT = 0, 1, 2  # how a path came to a cell


class Band(NamedTuple):
    """The cells that a path may visit: row ``i`` has columns ``low[i]`` to ``high[i]`` (half-open), int64."""

    low: np.ndarray
    high: np.ndarray


class Block(NamedTuple):
    """Rows ``first`` to ``last`` and columns ``left`` to ``right`` of the costs (half-open)."""

    first: int
    last: int
    left: int
    right: int


class Swept(NamedTuple):
    """What is left of the recurrence.

    Attributes:
        last: ``(columns,)`` the last row of ``D``, inf outside the band.
        back: one byte per cell of the blocks: how the cheapest path came to it.
        offset: ``(rows,)`` int64; ``back[offset[i] + j]`` is that of cell ``(i, j)``.
    """

    last: np.ndarray
    back: np.ndarray
    offset: np.ndarray


def blocks_of(band: Band, columns: int) -> list[Block]:
    """The blocks that cover a band.

    Raises:
        InvalidInput: the band leaves the columns.
    """
    low, high = band
    rows = len(low)
    if rows == 0:
        return []
    if low.min() < 0 or high.max() > columns or (high < low).any():
        raise InvalidInput(f"dtw: the band must keep within the costs' {columns} columns")
    size = int(np.clip((high - low).max() // 4, MIN_ROWS, MAX_ROWS))  # few where the band is narrow
    edges = [(first, min(first + size, rows)) for first in range(0, rows, size)]
    return [Block(a, b, int(low[a:b].min()), int(high[a:b].max())) for a, b in edges]


def sweep(
    fill: Callable[[Block, np.ndarray], object], band: Band, columns: int, dtype: np.dtype, *, open_begin: bool
) -> Swept:
    """Compute ``D`` over a band of costs.

    Args:
        fill: ``fill(block, out)`` writes the costs of a block between the margins; called from several threads.
        band: at least one row.
        columns: of the costs, at least one.
        dtype: of ``out``.
        open_begin: every column is a way in.
    """
    blocks = blocks_of(band, columns)
    sizes = np.array([block.last - block.first for block in blocks])
    widths = np.array([block.right - block.left + 2 * MARGIN for block in blocks])
    starts = np.concatenate([[0], np.cumsum(sizes * widths)])
    threads = min(num_threads(), len(blocks))
    cells = int((sizes * widths).max())
    memory = np.empty(threads * cells * dtype.itemsize + starts[-1], np.int8)  # as one, which may lie on huge pages
    room = memory[: threads * cells * dtype.itemsize].view(dtype).reshape(threads, cells)
    back = memory[threads * cells * dtype.itemsize :]
    sums = np.full(columns + 2 * EDGE, np.inf)
    sums[EDGE - 1 : None if open_begin else EDGE] = 0.0  # the way in, as if by a diagonal

    def costs(place: int, k: int) -> np.ndarray:
        return room[place, : sizes[k] * widths[k]].reshape(sizes[k], widths[k])

    def compute(place: int, k: int) -> None:
        fill(blocks[k], costs(place, k))

    def advance(place: int, k: int) -> None:
        first, last, left, _ = blocks[k]
        cells = back[starts[k] : starts[k + 1]].reshape(sizes[k], widths[k])
        _sweep(costs(place, k), left, band.low[first:last], band.high[first:last], sums, cells)

    in_order(range(len(blocks)), compute, advance, threads)
    lefts = np.array([block.left for block in blocks])
    rows = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    offset = np.repeat(starts[:-1] + MARGIN - lefts, sizes) + rows * np.repeat(widths, sizes)
    return Swept(sums[EDGE:-EDGE], back, offset)


@njit(nogil=True, cache=True)
def _cell(diagonal, down, left, cost):
    """``D`` of a cell, and how the cheapest path came to it."""
    best = min(diagonal, down)
    how = RIGHT if left < best else np.int8(down < diagonal)
    return min(left, best) + cost, np.int8(how)


@njit(nogil=True, cache=True)
def _sweep(costs, left, low, high, sums, back):
    """Take ``sums`` from the row before a block to its last row; ``sums[EDGE + j]`` is ``D[i, j]``."""
    rows, width = costs.shape
    for r in range(rows):
        costs[r, : MARGIN + low[r] - left] = np.inf
        costs[r, MARGIN + high[r] - left :] = np.inf
    above = sums[left : left + width + 2]
    odd = rows % STRIP
    for r in range(odd):
        _sweep_row(costs[r], above, back[r])
    for r in range(odd, rows, STRIP):
        _sweep_strip(costs[r : r + STRIP], above, back[r : r + STRIP])
    sums[: EDGE + left] = np.inf  # what older rows left beside this block is out of reach
    sums[left + width - MARGIN + 1 :] = np.inf


@njit(nogil=True, cache=True)
def _sweep_row(costs, sums, back):
    diagonal, value = sums[MARGIN], np.inf
    for u in range(MARGIN, len(costs) - MARGIN):
        down = sums[u + 1]
        value, back[u] = _cell(diagonal, down, value, costs[u])
        sums[u + 1] = value
        diagonal = down
    sums[MARGIN] = np.inf


@njit(nogil=True, cache=True)
def _sweep_strip(costs, sums, back):
    cost0, cost1, cost2, cost3 = costs[0, 3:], costs[1, 2:], costs[2, 1:], costs[3]
    back0, back1, back2, back3 = back[0, 3:], back[1, 2:], back[2, 1:], back[3]
    before, after = sums[EDGE:], sums[EDGE - MARGIN :]
    value0 = value1 = value2 = value3 = np.inf
    diagonal0, diagonal1, diagonal2, diagonal3 = sums[MARGIN], np.inf, np.inf, np.inf
    for u in range(costs.shape[1] - MARGIN):
        down0, down1, down2, down3 = before[u], value0, value1, value2
        value0, back0[u] = _cell(diagonal0, down0, value0, cost0[u])
        value1, back1[u] = _cell(diagonal1, down1, value1, cost1[u])
        value2, back2[u] = _cell(diagonal2, down2, value2, cost2[u])
        value3, back3[u] = _cell(diagonal3, down3, value3, cost3[u])
        diagonal0, diagonal1, diagonal2, diagonal3 = down0, down1, down2, down3
        after[u] = value3


@njit(nogil=True, cache=True)
def walk_back(back, offset, i, j, path):
    """Fill ``path`` ``(length, 2)`` from its end, from cell ``(i, j)`` to a way in; returns where it begins."""
    k = len(path)
    while i >= 0 and j >= 0:
        k -= 1
        path[k, 0], path[k, 1] = i, j
        how = back[offset[i] + j]
        if how != RIGHT:
            i -= 1
        if how != DOWN:
            j -= 1
    return k
