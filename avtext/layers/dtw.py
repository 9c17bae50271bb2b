"""Dynamic time warping of tensors: exact paths, and soft-DTW for training.

Exact paths come from :mod:`avtext.kernels.dtw`, on the CPU whatever the device, so that every device gives
the same path. Soft-DTW (:mod:`avtext.layers.soft_dtw`) stays on its device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from avtext.errors import InvalidInput
from avtext.kernels import dtw as kernel
from avtext.layers.soft_dtw import soft_dtw, soft_dtw_divergence

__all__ = ["DTWPath", "dtw", "dtw_from_cost", "soft_dtw", "soft_dtw_divergence"]


class DTWPath(NamedTuple):
    """Cheapest paths and what they cost.

    Attributes:
        cost: ``(...)``, sums of costs along the paths, no gradient; 0 where a sequence has no real step.
        path: ``(..., length, 2)`` int64, steps of x and y as the caller counts them, ascending; in a batch,
            -1 beyond the end of a shorter path.
    """

    cost: Tensor
    path: Tensor


def dtw(
    x: Tensor,
    y: Tensor,
    x_mask: Tensor | None = None,
    y_mask: Tensor | None = None,
    *,
    metric: str = "cosine",
    band: float | None = None,
    centre: Tensor | None = None,
    open_begin: bool = False,
    open_end: bool = False,
) -> DTWPath:
    """The cheapest monotone path between sequences of features, by steps (1, 1), (1, 0) and (0, 1).

    Ties are broken in that order at every cell. Masked steps take no part, whatever they hold.

    Args:
        x: ``(..., N, size)``.
        y: ``(..., M, size)``, with the same leading axes.
        x_mask: boolean ``(..., N)``, true where real; None means all are.
        y_mask: boolean ``(..., M)``.
        metric: ``"cosine"``, ``"euclidean"`` or ``"sqeuclidean"``.
        band: allow only cells at most this share of the longer sequence from the centre line, in columns
            (Sakoe & Chiba 1978); time and memory shrink with it. None allows all.
        centre: ``(..., N)`` the step of y (as it counts real steps) around which the band lies for each step
            of x; None is the straight line from corner to corner.
        open_begin: the path may begin at any step of y; x is always matched whole.
        open_end: the path may end at any step of y.

    Raises:
        InvalidInput: shapes that do not match, an unknown metric, a band outside (0, 1] or so narrow that no
            path leads through it, or a real value that is not finite.

    Example:
        >>> x = torch.tensor([[0.0], [1.0], [5.0]])
        >>> found = dtw(x, x.repeat_interleave(2, 0), metric="euclidean")
        >>> float(found.cost), found.path[:, 1].tolist()
        (0.0, [0, 1, 2, 3, 4, 5])
    """
    if x.dim() < 2 or y.dim() != x.dim() or x.shape[:-2] != y.shape[:-2] or x.shape[-1] != y.shape[-1]:
        raise InvalidInput(
            "dtw: x and y must have shapes (..., N, size) and (..., M, size) with equal leading axes, "
            f"got {tuple(x.shape)} and {tuple(y.shape)}"
        )
    left, right = _rows(x, 2), _rows(y, 2)

    def pair(k: int, rows: np.ndarray, columns: np.ndarray, limit: kernel.Band | None) -> kernel.Warp:
        return kernel.dtw(
            _taken(left[k], rows),
            _taken(right[k], columns),
            metric=metric,
            band=limit,
            open_begin=open_begin,
            open_end=open_end,
        )

    return _each(pair, x, (x.shape[-2], y.shape[-2]), (x_mask, y_mask), band, centre, lead=x.shape[:-2])


def dtw_from_cost(
    cost: Tensor,
    x_mask: Tensor | None = None,
    y_mask: Tensor | None = None,
    *,
    band: float | None = None,
    centre: Tensor | None = None,
    open_begin: bool = False,
    open_end: bool = False,
) -> DTWPath:
    """The cheapest monotone path through cost matrices ``(..., N, M)``; otherwise as :func:`dtw`.

    Raises:
        InvalidInput: as :func:`dtw`; inf in a cost forbids a cell, NaN and -inf in a real one are refused.

    Example:
        >>> dtw_from_cost(torch.tensor([[0.0, 1.0], [1.0, 0.0]])).path.tolist()
        [[0, 0], [1, 1]]
    """
    if cost.dim() < 2:
        raise InvalidInput(f"dtw_from_cost: cost must have shape (..., N, M), got {tuple(cost.shape)}")
    table = _rows(cost, 2)

    def pair(k: int, rows: np.ndarray, columns: np.ndarray, limit: kernel.Band | None) -> kernel.Warp:
        real = table[k][np.ix_(rows, columns)]
        return kernel.dtw_from_cost(real, band=limit, open_begin=open_begin, open_end=open_end)

    sizes = (cost.shape[-2], cost.shape[-1])
    return _each(pair, cost, sizes, (x_mask, y_mask), band, centre, lead=cost.shape[:-2])


def _rows(values: Tensor, keep: int) -> np.ndarray:
    """Leading axes made one, in numpy, float32 at least."""
    wide = values.detach().to(device="cpu", dtype=torch.promote_types(values.dtype, torch.float32))
    return wide.reshape(-1, *values.shape[-keep:]).numpy() if values.numel() else _empty(wide, keep)


def _taken(steps: np.ndarray, real: np.ndarray) -> np.ndarray:
    """The real ones of all steps, copied only if some are not."""
    return steps if len(real) == len(steps) else steps[real]


def _empty(values: Tensor, keep: int) -> np.ndarray:
    count = int(np.prod(values.shape[:-keep]))
    return np.zeros((count, *values.shape[-keep:]), np.float32)


def _each(
    pair: Callable[[int, np.ndarray, np.ndarray, kernel.Band | None], kernel.Warp],
    like: Tensor,
    sizes: tuple[int, int],
    masks: tuple[Tensor | None, Tensor | None],
    band: float | None,
    centre: Tensor | None,
    *,
    lead: torch.Size,
) -> DTWPath:
    """Run every pair on its real steps and gather costs and paths."""
    rows, columns = (
        _real(name, mask, (*lead, size)) for name, mask, size in zip(("x_mask", "y_mask"), masks, sizes, strict=True)
    )
    if band is not None and not 0 < band <= 1:
        raise InvalidInput(f"dtw: band must be a share of the longer sequence in (0, 1], got {band}")
    if centre is not None and (band is None or tuple(centre.shape) != (*lead, sizes[0])):
        raise InvalidInput(
            f"dtw: centre needs a band, and shape {(*lead, sizes[0])}, got {tuple(centre.shape)} and {band=}"
        )
    lines = None if centre is None else centre.detach().to("cpu", torch.float64).reshape(-1, sizes[0]).numpy()
    warps, paths = [], []
    for k, (real_rows, real_columns) in enumerate(zip(rows, columns, strict=True)):
        line = None if lines is None else lines[k][real_rows]
        warp = pair(k, real_rows, real_columns, _limit(band, len(real_rows), len(real_columns), line))
        warps.append(warp.cost)
        paths.append(np.stack([real_rows[warp.path[:, 0]], real_columns[warp.path[:, 1]]], axis=1))
    cost = torch.tensor(warps, dtype=torch.promote_types(like.dtype, torch.float32), device=like.device)
    padded = np.full((len(paths), max((len(path) for path in paths), default=0), 2), -1, np.int64)
    for out, path in zip(padded, paths, strict=True):
        out[: len(path)] = path
    found = torch.from_numpy(padded).to(like.device)
    return DTWPath(cost.reshape(lead), found.reshape(*lead, *padded.shape[1:]))


def _limit(band: float | None, rows: int, columns: int, line: np.ndarray | None) -> kernel.Band | None:
    if band is None or rows == 0 or columns == 0:
        return None
    return kernel.sakoe_chiba(rows, columns, band * max(rows, columns), line)


def _real(name: str, mask: Tensor | None, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Indices of the real steps of every sequence."""
    count = int(np.prod(shape[:-1]))
    if mask is None:
        return [np.arange(shape[-1])] * count
    if mask.dtype != torch.bool or tuple(mask.shape) != tuple(shape):
        raise InvalidInput(
            f"dtw: {name} must be boolean of shape {tuple(shape)}, got {mask.dtype} of {tuple(mask.shape)}"
        )
    return [np.flatnonzero(row) for row in mask.cpu().reshape(count, shape[-1]).numpy()]
