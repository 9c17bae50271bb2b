"""Distances between the steps of two sequences, a block of rows at a time, by one matrix product each."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from avtext.errors import InvalidInput

METRICS = ("euclidean", "sqeuclidean", "cosine")
CENTRED = 0.1  # share of x's squared norms that its mean may have and need not be taken off
LARGEST = np.finfo(np.float32).max / 4  # squared norm: the squared distance of opposite rows is four times it
NOT_FINITE = "dtw: features must be finite (and below 1e18): mask such steps, or replace them"
CANCEL = np.float32(1e-2)  # squared distances below this share of the squared norms have lost digits in the product


class CostRows:
    """Costs of matching x to y, computed where they are asked for.

    ``|a - b|^2 = |a|^2 + |b|^2 - 2 a.b`` is a product of matrices in float32. Both are first moved by the mean
    of x where that is far from 0, which changes no distance and leaves less to cancel. What cancels all the
    same is computed again from differences in float64. A cosine distance is half the squared distance of the
    normalised rows, so that a row of zeros is at 1/2 from the others and at 0 from its like.

    Args:
        x: ``(N, size)``.
        y: ``(M, size)``.
        metric: one of ``METRICS``.

    Raises:
        InvalidInput: an unknown metric, shapes that do not match, or a value that is not finite (or so large
            that a squared distance is not, in float32; of cosines only its own size counts, in float64).

    Example:
        >>> rows = CostRows(np.eye(2), np.array([[1.0, 0.0], [0.0, 3.0]]), "euclidean")
        >>> rows.block(0, 2, 0, 2).tolist()
        [[0.0, 3.16227...], [1.41421..., 2.0]]
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, metric: str) -> None:
        """Check, and move to the mean or normalise."""
        if metric not in METRICS:
            raise InvalidInput(f"dtw: metric must be one of {METRICS}, got {metric!r}")
        x, y = np.asarray(x), np.asarray(y)
        if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
            raise InvalidInput(f"dtw: shapes must be (N, size) and (M, size), got {x.shape} and {y.shape}")
        self._root = metric == "euclidean"
        self._x, self._y = _reduced(x, y, metric)
        self._left, self._right = (rows.astype(np.float32, copy=False) for rows in (self._x, self._y))
        self._x_norms, self._y_norms = _norms(self._x), _norms(self._y)

    @property
    def shape(self) -> tuple[int, int]:
        """``(N, M)``."""
        return len(self._x), len(self._y)

    def block(
        self, first: int, last: int, left: int, right: int, out: np.ndarray | None = None, margin: int = 0
    ) -> np.ndarray:
        """Costs of rows ``first`` to ``last`` and columns ``left`` to ``right`` (half-open).

        Args:
            first, last, left, right: which.
            out: contiguous float32 rows, ``margin`` columns wider at either side, which stay as they are; None makes
                new ones.
            margin: columns.

        Returns:
            ``out``.
        """
        if out is None:
            out = np.empty((last - first, right - left + 2 * margin), np.float32)
        np.matmul(self._left[first:last], self._right[left:right].T, out=out[:, margin : out.shape[1] - margin])
        x, y = self._x[first:last], self._y[left:right]
        _from_products(out, margin, x, y, self._x_norms[first:last], self._y_norms[left:right], self._root)
        return out


def _reduced(x: np.ndarray, y: np.ndarray, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Normalised and halved, or moved by the mean of x if that helps; in their own precision, float32 at least."""
    kind = np.result_type(x, y, np.float32)
    x, y = (np.require(rows, kind, ["C", "A", "W"]) for rows in (x, y))  # one kind for the compiler, few copies
    if metric == "cosine":
        return _halved(x), _halved(y)
    middle = x.mean(axis=0, keepdims=True) if len(x) else np.zeros((1, x.shape[1]), kind)
    if len(x) * np.einsum("td,td->", middle, middle) < CENTRED * np.einsum("td,td->", x, x):
        return x, y  # copies of both are a part of the time, and there is little to move by
    return x - middle, y - middle


def _halved(rows: np.ndarray) -> np.ndarray:
    """Rows with a squared norm of 1/2, or 0."""
    norms = np.sqrt(np.einsum("td,td->t", rows, rows, dtype=np.float64))[:, None]  # float32 has no square of 1e20
    if not np.isfinite(norms).all():
        raise InvalidInput(NOT_FINITE)
    return (rows / np.where(norms > 0, norms * math.sqrt(2), 1)).astype(rows.dtype, copy=False)


def _norms(rows: np.ndarray) -> np.ndarray:
    """Squared norms, float32."""
    norms = np.einsum("td,td->t", rows, rows).astype(np.float32)
    if not (norms < LARGEST).all():  # nor NaN
        raise InvalidInput(NOT_FINITE)
    return norms


@njit(nogil=True, cache=True)
def _from_products(out, margin, x, y, x_norms, y_norms, root):
    """Turn inner products between the margins into squared distances, or distances.

    The whole rows are given since a view of parts of them would not be known to be contiguous, and not be vectorised.
    """
    two = np.float32(2)
    for i in range(len(out)):
        row, norm, cancelled = out[i, margin : margin + len(y_norms)], x_norms[i], False
        for j in range(len(row)):
            most = norm + y_norms[j]
            row[j] = most - two * row[j]
            cancelled |= row[j] < CANCEL * most
        if cancelled:
            _from_differences(row, x[i], y, norm, y_norms)
        if root:
            for j in range(len(row)):
                row[j] = math.sqrt(row[j])


@njit(nogil=True, cache=True)
def _from_differences(row, x, y, norm, y_norms):
    """Squared distances that the product has cancelled, computed from differences in float64."""
    for j in range(len(row)):
        if row[j] < CANCEL * (norm + y_norms[j]):
            total = 0.0
            for d in range(len(x)):
                difference = np.float64(x[d]) - np.float64(y[j, d])
                total += difference * difference
            row[j] = total
