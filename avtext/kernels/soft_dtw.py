"""Soft-DTW and its gradient on the CPU, without an exponential or a logarithm in the recurrence.

Cuturi & Blondel (2017) replace the minimum of DTW by ``-gamma log(exp(-a / gamma) + ...)``. In the
exponential domain that is a plain sum: with ``w = exp(-c / gamma)``::

    Z[i, j] = w[i, j] (Z[i-1, j-1] + Z[i-1, j] + Z[i, j-1])         value    = -gamma log Z[N-1, M-1]
    F[i, j] = w[i, j] (F[i+1, j+1] + F[i+1, j] + F[i, j+1])         gradient = Z (F + F + F) / Z[N-1, M-1]

Z spans thousands of orders of magnitude, so a number here is a pair ``m * 2^(512 e)`` with ``m`` in
``[2^-256, 2^256)`` and a whole ``e``: nothing under- or overflows, and costs too large for ``e`` are refused.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from avtext.errors import InvalidInput
from avtext.kernels.threads import in_parts

UNIT = 512  # bits in one step of e
BIG, SMALL = 2.0**UNIT, 2.0**-UNIT
TOP, BOTTOM = 2.0 ** (UNIT // 2), 2.0 ** -(UNIT // 2)
NOTHING = -(2**30)  # the e of zero
LOG_UNIT = UNIT * math.log(2.0)
PLAIN = 80.0  # costs below this many gammas have weights that even float32 holds well, and below twice it float64


class SoftForward(NamedTuple):
    """What the forward pass leaves for the backward one.

    Attributes:
        value: ``(B,)`` float64; 0 where a sequence is empty, inf where no path has a finite cost.
        weights: ``(B, N, M)`` float32 or float64, ``exp(-c / gamma)`` by its mantissa.
        steps: ``(B, N, M)`` int32, its ``e``; or ``(B, 0, 0)`` where all are 0.
        mantissas: ``(B, N, M)`` float64, of Z.
        exponents: ``(B, N, M)`` int32, of Z.
    """

    value: np.ndarray
    weights: np.ndarray
    steps: np.ndarray
    mantissas: np.ndarray
    exponents: np.ndarray


def soft_dtw_forward(cost: np.ndarray, lengths: np.ndarray, gamma: float) -> SoftForward:
    """Soft-DTW of a batch of cost matrices.

    Args:
        cost: ``(B, N, M)`` real; inf forbids a cell. What lies beyond the lengths does not matter.
        lengths: ``(B, 2)`` int64, real rows and columns.
        gamma: softness, positive; towards 0 the value becomes that of DTW.

    Raises:
        InvalidInput: gamma not positive, shapes that do not match, or a real cost that is NaN, -inf or so many gammas
            from 0 that a path's sum would leave the range of ``e`` (3.8e8 for paths of 1,000 cells).

    Example:
        >>> zeros = np.zeros((1, 2, 2))
        >>> soft_dtw_forward(zeros, np.array([[2, 2]]), gamma=1.0).value  # three paths of cost 0
        array([-1.09861229])
    """
    if not (gamma > 0 and math.isfinite(gamma)):
        raise InvalidInput(f"soft_dtw: gamma must be positive, got {gamma}")
    if cost.ndim != 3 or lengths.shape != (len(cost), 2):
        raise InvalidInput(f"soft_dtw: need cost (B, N, M), lengths (B, 2), got {cost.shape}, {lengths.shape}")
    if len(lengths) and (lengths.min() < 0 or (lengths > cost.shape[1:]).any()):
        raise InvalidInput(f"soft_dtw: lengths must lie within the costs' {cost.shape[1:]}")
    weights, steps = _weights(cost, lengths, gamma)
    mantissas = np.empty(cost.shape, np.float64)
    exponents = np.empty(cost.shape, np.int32)
    value = np.empty(len(cost), np.float64)
    lengths = np.ascontiguousarray(lengths, np.int64)

    def run(pairs: slice) -> None:
        _forward(weights[pairs], steps[pairs], lengths[pairs], mantissas[pairs], exponents[pairs], value[pairs])

    in_parts(run, lengths.prod(1))
    if np.isnan(value).any():
        raise InvalidInput("soft_dtw: a real cost is NaN or -inf")
    return SoftForward(value * gamma, weights, steps, mantissas, exponents)


def soft_dtw_backward(state: SoftForward, lengths: np.ndarray) -> np.ndarray:
    """Gradient of the value by the costs, ``(B, N, M)``: how likely a path visits each cell.

    It is 0 beyond the lengths and where no path has a finite cost.
    """
    out = np.zeros(state.weights.shape, state.weights.dtype)
    lengths = np.ascontiguousarray(lengths, np.int64)

    def run(pairs: slice) -> None:
        weights, steps, mantissas, exponents = (part[pairs] for part in state[1:])
        _backward(weights, steps, mantissas, exponents, lengths[pairs], out[pairs])

    in_parts(run, lengths.prod(1))
    return out


def _weights(cost: np.ndarray, lengths: np.ndarray, gamma: float) -> tuple[np.ndarray, np.ndarray]:
    """``exp(-cost / gamma)`` as mantissa and exponent; exponents only where one is not 0, or there may be."""
    kind = cost.dtype if cost.dtype == np.float32 else np.dtype(np.float64)
    with np.errstate(over="ignore"):  # refused below where it is real
        scaled = np.divide(cost, -gamma, dtype=kind)
    none = np.zeros((len(cost), 0, 0), np.int32)
    lowest, highest = (scaled.min(), scaled.max()) if scaled.size else (0.0, 0.0)
    if highest <= 0 and lowest > -PLAIN:
        return np.exp(scaled, out=scaled), none
    if highest <= 0 and lowest > -2 * PLAIN:  # in float64 each is the square of one that its own type holds
        scaled *= 0.5
        return np.square(np.exp(scaled, out=scaled), dtype=np.float64), none
    wide = scaled.astype(np.float64)
    steps = np.ceil(np.where(np.isfinite(wide), wide, 0.0) / LOG_UNIT)
    wide -= steps * LOG_UNIT
    _, N, M = cost.shape
    most = -(NOTHING + 1) // (N + M)  # of each of a path's cells
    far = (np.abs(steps) > most) | (np.isinf(wide) & np.isfinite(cost))
    if far.any() and (far & _real(lengths, N, M)).any():
        raise InvalidInput(
            f"soft_dtw: a cost is more than {most * LOG_UNIT:.1e} times gamma = {gamma:g} from 0: "
            "scale the costs down, take a larger gamma, or backend='torch'"
        )
    with np.errstate(over="ignore"):  # a cost of -inf, which is refused where it is real
        return np.exp(wide, out=wide), np.clip(steps, -most, most).astype(np.int32)


def _real(lengths: np.ndarray, N: int, M: int) -> np.ndarray:
    """``(B, N, M)``, true within the lengths."""
    rows, columns = (np.arange(size) < lengths[:, [axis]] for axis, size in enumerate((N, M)))
    return rows[:, :, None] & columns[:, None, :]


@njit(nogil=True, cache=True)
def _brought(m, own, e):
    """A mantissa brought from its own exponent to ``e``, not smaller: what is two below is nothing."""
    return m if own == e else (m * SMALL if own == e - 1 else 0.0)


@njit(nogil=True, cache=True)
def _sum(a, b, c, ea, eb, ec):
    """Three numbers added: their mantissas at the largest of their exponents."""
    if ea == eb and eb == ec:
        return a + b + c, ea
    e = max(ea, max(eb, ec))
    return _brought(a, ea, e) + _brought(b, eb, e) + _brought(c, ec, e), e


@njit(nogil=True, cache=True)
def _normal(m, e):
    """The same number with its mantissa in range."""
    if m >= TOP:
        return m * SMALL, e + 1
    if m < BOTTOM:
        if m == 0.0:
            return 0.0, NOTHING
        return m * BIG, e - 1
    return m, e


@njit(nogil=True, cache=True)
def _forward(weights, steps, lengths, mantissas, exponents, value):
    """Fill ``mantissas`` and ``exponents`` of Z within the lengths, and ``value`` in units of gamma."""
    plain = steps.shape[1] == 0
    for b in range(len(lengths)):
        rows, columns = lengths[b]
        value[b], sound = 0.0, True
        above = np.zeros(columns + 1), np.full(columns + 1, NOTHING, np.int64)
        above[0][0], above[1][0] = 1.0, 0  # the way in
        for i in range(rows):
            left, e_left = 0.0, NOTHING
            diagonal, e_diagonal = above[0][0], above[1][0]
            above[0][0], above[1][0] = 0.0, NOTHING
            for j in range(columns):
                down, e_down = above[0][j + 1], above[1][j + 1]
                sound &= weights[b, i, j] < math.inf  # neither NaN nor from a cost of -inf
                total, e = _sum(diagonal, down, left, e_diagonal, e_down, e_left)
                left, e_left = _normal(total * weights[b, i, j], e if plain else e + steps[b, i, j])
                mantissas[b, i, j], exponents[b, i, j] = left, e_left
                above[0][j + 1], above[1][j + 1] = left, e_left
                diagonal, e_diagonal = down, e_down
            if i == rows - 1 and columns > 0:
                value[b] = -(math.log(left) + e_left * LOG_UNIT) if left != 0.0 else math.inf
        if not sound:
            value[b] = math.nan


@njit(nogil=True, cache=True)
def _backward(weights, steps, mantissas, exponents, lengths, out):
    """Fill ``out`` with the gradient within the lengths."""
    plain = steps.shape[1] == 0
    for b in range(len(lengths)):
        rows, columns = lengths[b]
        if rows == 0 or columns == 0 or mantissas[b, rows - 1, columns - 1] == 0.0:
            continue
        below = np.zeros(columns + 1), np.full(columns + 1, NOTHING, np.int64)
        below[0][columns] = 1.0 / mantissas[b, rows - 1, columns - 1]  # the way out: 1 / Z
        below[1][columns] = -np.int64(exponents[b, rows - 1, columns - 1])
        for i in range(rows - 1, -1, -1):
            right, e_right = 0.0, NOTHING
            diagonal, e_diagonal = below[0][columns], below[1][columns]
            below[0][columns], below[1][columns] = 0.0, NOTHING
            for j in range(columns - 1, -1, -1):
                up, e_up = below[0][j], below[1][j]
                total, e = _sum(diagonal, up, right, e_diagonal, e_up, e_right)
                e_share, share = e + exponents[b, i, j], total * mantissas[b, i, j]
                if e_share != 0:
                    share *= BIG if e_share == 1 else (SMALL if e_share == -1 else 0.0)
                out[b, i, j] = share
                right, e_right = _normal(total * weights[b, i, j], e if plain else e + steps[b, i, j])
                below[0][j], below[1][j] = right, e_right
                diagonal, e_diagonal = up, e_up
