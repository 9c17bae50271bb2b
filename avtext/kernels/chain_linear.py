"""Forward-backward on exponentials scaled step by step: the fast way, for scores of ordinary range.

``w[t] = exp(a[t]) / max`` follows from ``w[t-1]`` by a product with ``exp(transitions)`` and one with
``exp(emissions)``. Nothing may underflow unseen: a row where a value that should not be 0 comes under
``WEIGHT_MIN`` of the largest of its step is reported in ``wide``, for :mod:`~avtext.kernels.chain_log` to do.
By the three bounds here every product of a weight, a table entry and an emission stays a normal float64.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

WEIGHT_MIN = 1e-110  # of forward and backward weights against the largest of their step
TABLE_SPAN = 115.0  # largest less smallest allowed transition (or start, or end): e^-115 = 1e-50
EMISSION_SPAN = 230.0  # the same for the emissions of one step: e^-230 = 1e-100


@njit(cache=True, nogil=True)
def shift_emissions(emissions, lengths, shifted, total, wide):
    """``shifted = emissions - maximum`` at every real step, 0 in padding; ``total`` is the sum of the maxima.

    ``total`` is -inf for a row with a step where all is -inf, NaN for one with NaN or +inf. ``wide`` marks
    rows with a span over ``EMISSION_SPAN``.
    """
    T, K = emissions.shape[1:]
    for n in range(len(lengths)):
        sound, summed, low = True, 0.0, 0.0
        for t in range(lengths[n]):
            peak = -math.inf
            for j in range(K):
                value = emissions[n, t, j]
                sound = sound and value < math.inf
                peak = max(peak, value)
            summed += peak
            for j in range(K):
                value = emissions[n, t, j] - peak
                shifted[n, t, j] = value
                low = min(low, value if value > -math.inf else 0.0)
        wide[n] = low < -EMISSION_SPAN
        total[n] = summed if sound else math.nan
        done = lengths[n] if total[n] > -math.inf else 0
        for t in range(done, T):
            for j in range(K):
                shifted[n, t, j] = 0.0


@njit(cache=True, nogil=True)
def _product(weights, table, out):
    """``out_j = Σ_i weights_i table_ij``, four ``i`` at a time: ``out`` is read and written less often."""
    K = len(weights)
    odd = K % 4
    for j in range(K):
        out[j] = 0.0
    for i in range(odd):
        a, row = weights[i], table[i]
        for j in range(K):
            out[j] += a * row[j]
    for i in range(odd, K, 4):
        a, b, c, d = weights[i], weights[i + 1], weights[i + 2], weights[i + 3]
        p, q, r, s = table[i], table[i + 1], table[i + 2], table[i + 3]
        for j in range(K):
            out[j] += (a * p[j] + b * q[j]) + (c * r[j] + d * s[j])


@njit(cache=True, nogil=True)
def _scale(values, factors, out):
    """``out = values * factors / max``; returns the maximum, or -1 where a value is too small to trust."""
    peak, low = 0.0, math.inf
    for j in range(len(out)):
        value = values[j] * factors[j]
        out[j] = value
        peak = max(peak, value)
        low = min(low, value if value > 0.0 else math.inf)
    if peak == 0.0:
        return 0.0
    inverse = 1.0 / peak
    for j in range(len(out)):
        out[j] *= inverse
    return peak if low * inverse >= WEIGHT_MIN else -1.0


@njit(cache=True, nogil=True)
def forward_linear(factors, lengths, start, table, end, chain, weights, log_partition, wide):
    """Fill ``weights`` ``(N, T, K)`` and add to ``log_partition``; the parameters are exponentials.

    Rows whose ``log_partition`` is not finite, and rows marked ``wide``, are left alone; more may be marked.
    """
    K = factors.shape[2]
    values = np.empty(K)
    for n in range(len(lengths)):
        c, total = chain[n], log_partition[n]
        if lengths[n] == 0 or wide[n] or not -math.inf < total < math.inf:
            continue
        row, after = weights[n], table[c]
        for t in range(lengths[n]):
            if t > 0:
                _product(row[t - 1], after, values)
            else:
                for j in range(K):
                    values[j] = start[c, j]
            peak = _scale(values, factors[n, t], row[t])
            if peak <= 0.0:
                break
            total += math.log(peak)
        if peak > 0.0:
            peak = 0.0
            for j in range(K):
                peak += row[lengths[n] - 1, j] * end[c, j]
            total += math.log(peak) if peak > 0.0 else -math.inf
        wide[n] = peak < 0.0
        log_partition[n] = total if peak != 0.0 else -math.inf


@njit(cache=True, nogil=True)
def backward_linear(
    factors, lengths, turned, end, chain, weights, row_weights, skip, unary, first, last, pairs, wide
):  # fmt: skip
    """Add every row's expectations, times its weight, to the four results; ``pairs`` still lacks the table.

    Rows marked ``skip`` are left alone. A row that turns out too wide is marked, and adds nothing but to its
    own ``unary``.
    """
    K = factors.shape[2]
    values, after, counts = np.empty(K), np.empty(K), np.empty((K, K))
    for n in range(len(lengths)):
        if skip[n]:
            continue
        c, final = chain[n], lengths[n] - 1
        row, before = weights[n], turned[c]
        counts[:] = 0.0
        for t in range(final, -1, -1):
            if t < final:
                _product(after, before, values)
            else:
                for i in range(K):
                    values[i] = end[c, i]
            scale = _expect(row[t], values, row_weights[n], unary[n, t])
            if t < final:
                for i in range(K):
                    a, count = scale * row[t, i], counts[i]
                    for j in range(K):
                        count[j] += a * after[j]
            if t > 0 and _scale(values, factors[n, t], after) < 0.0:
                wide[n] = True
                break
        if not wide[n]:
            for i in range(K):
                first[c, i] += unary[n, 0, i]
                last[c, i] += unary[n, final, i]
                for j in range(K):
                    pairs[c, i, j] += counts[i, j]


@njit(cache=True, nogil=True)
def _expect(weights, values, row_weight, out):
    """``out = row_weight * weights * values / Σ weights * values``; returns the factor."""
    total = 0.0
    for i in range(len(weights)):
        total += weights[i] * values[i]
    scale = row_weight / total
    for i in range(len(weights)):
        out[i] = scale * weights[i] * values[i]
    return scale
