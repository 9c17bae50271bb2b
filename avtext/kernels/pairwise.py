"""Distances between the steps of two sequences, a block of rows at a time, by one matrix product each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit

from avtext.errors import InvalidInput

Product = Callable[[np.ndarray, np.ndarray], np.ndarray]
METRICS = ("euclidean", "sqeuclidean", "cosine")
CANCEL = 1e-2  # squared distances below this share of the squared norms have lost digits in the product


class CostRows:
    """Costs of matching x to y, computed where they are asked for.

    ``|a - b|^2 = |a|^2 + |b|^2 - 2 a.b`` is one product of ``(-2 a, |a|^2, 1)`` with ``(b, 1, |b|^2)`` in
    float32. Both are first moved by the mean of x, which changes no distance and leaves less to cancel. What
    cancels all the same is computed again from differences in float64. A cosine distance is half the squared
    distance of the normalised rows, so that a row of zeros is at 1/2 from the others and at 0 from its like.

    Args:
        x: ``(N, size)``.
        y: ``(M, size)``.
        metric: one of ``METRICS``.
        product: ``(a, b) -> a @ b.T`` for float32 matrices, where there is one faster than numpy's.

    Raises:
        InvalidInput: an unknown metric, shapes that do not match, or a value that is not finite (or so large
            that its square is not, in float32).

    Example:
        >>> rows = CostRows(np.eye(2), np.array([[1.0, 0.0], [0.0, 3.0]]), "euclidean")
        >>> rows.block(0, 2, 0, 2).tolist()
        [[0.0, 3.16227...], [1.41421..., 2.0]]
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, metric: str, product: Product | None = None) -> None:
        """Check, move to the mean or normalise, and lay out both factors of the product."""
        if metric not in METRICS:
            raise InvalidInput(f"dtw: metric must be one of {METRICS}, got {metric!r}")
        x, y = np.asarray(x), np.asarray(y)
        if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
            raise InvalidInput(f"dtw: shapes must be (N, size) and (M, size), got {x.shape} and {y.shape}")
        self.metric, self._product = metric, product
        self._x, self._y = _reduced(x, y, metric)
        size = x.shape[1]
        self._x_norms, self._y_norms = _norms(self._x), _norms(self._y)
        self._left = np.empty((len(x), size + 2), np.float32)
        self._right = np.empty((len(y), size + 2), np.float32)
        np.multiply(self._x, -2, out=self._left[:, :size], casting="same_kind")
        self._left[:, size], self._left[:, size + 1] = self._x_norms, 1
        self._right[:, :size], self._right[:, size], self._right[:, size + 1] = self._y, 1, self._y_norms

    @property
    def shape(self) -> tuple[int, int]:
        """``(N, M)``."""
        return len(self._x), len(self._y)

    def block(self, first: int, last: int, left: int, right: int, out: np.ndarray | None = None) -> np.ndarray:
        """Costs of rows ``first`` to ``last`` and columns ``left`` to ``right`` (half-open), float32.

        ``out`` is where numpy's product is written; what is returned counts.
        """
        factors = self._left[first:last], self._right[left:right]
        out = self._product(*factors) if self._product else np.matmul(factors[0], factors[1].T, out=out)
        x_norms, y_norms = self._x_norms[first:last], self._y_norms[left:right]
        if out.size and out.min() < CANCEL * (x_norms.max() + y_norms.max()):
            _from_differences(out, self._x[first:last], self._y[left:right], x_norms, y_norms)
        if self.metric == "euclidean":
            np.sqrt(out, out=out)
        elif self.metric == "cosine":
            out *= 0.5
        return out


def _reduced(x: np.ndarray, y: np.ndarray, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Normalised, or moved by the mean of x; in their own precision, float32 at least."""
    kind = np.result_type(x, y, np.float32)
    x, y = x.astype(kind, copy=False), y.astype(kind, copy=False)
    if metric == "cosine":
        return _normalised(x), _normalised(y)
    middle = x.mean(axis=0, keepdims=True) if len(x) else np.zeros((1, x.shape[1]), kind)
    return x - middle, y - middle


def _normalised(rows: np.ndarray) -> np.ndarray:
    norms = np.sqrt(np.einsum("td,td->t", rows, rows))[:, None]
    return rows / np.where(norms > 0, norms, 1)


def _norms(rows: np.ndarray) -> np.ndarray:
    """Squared norms, float32."""
    norms = np.einsum("td,td->t", rows, rows).astype(np.float32)
    if not np.isfinite(norms).all():
        raise InvalidInput("dtw: features must be finite (and below 1e18): mask such steps, or replace them")
    return norms


@njit(nogil=True, cache=True)
def _from_differences(out, x, y, x_norms, y_norms):
    """Squared distances that the product has cancelled, computed from differences in float64."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            if out[i, j] < CANCEL * (x_norms[i] + y_norms[j]):
                total = 0.0
                for d in range(x.shape[1]):
                    difference = np.float64(x[i, d]) - np.float64(y[j, d])
                    total += difference * difference
                out[i, j] = total
