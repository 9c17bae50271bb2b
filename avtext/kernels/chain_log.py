"""Forward-backward in the log domain: exact for any scores, slower than :mod:`~avtext.kernels.chain_linear`.

It serves the rows whose scores span more than the linear domain can hold. The arguments and the results are
those of the linear kernels, except that ``alphas`` and the table are logarithms.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _log_sum(left, right):
    """``log Σ exp(left + right)``; -inf where nothing is left."""
    peak = -math.inf
    for i in range(len(left)):
        peak = max(peak, left[i] + right[i])
    if peak == -math.inf:
        return peak
    total = 0.0
    for i in range(len(left)):
        total += math.exp(left[i] + right[i] - peak)
    return peak + math.log(total)


@njit(cache=True, nogil=True)
def forward_log(rows, emissions, lengths, start, turned, end, chain, alphas, log_partition):
    """Fill ``alphas`` and ``log_partition`` for the given rows.

    Every step of ``alphas`` has maximum 0. ``turned`` is the table with the tag after first, so that what a
    sum reads lies in a row.
    """
    K = emissions.shape[2]
    for n in rows:
        c, total = chain[n], 0.0
        for t in range(lengths[n]):
            alpha, peak = alphas[n, t], -math.inf
            for j in range(K):
                before = start[c, j] if t == 0 else _log_sum(alphas[n, t - 1], turned[c, j])
                alpha[j] = before + emissions[n, t, j]
                peak = max(peak, alpha[j])
            total += peak
            if peak == -math.inf:
                break
            for j in range(K):
                alpha[j] -= peak
        if total > -math.inf:
            total += _log_sum(alphas[n, lengths[n] - 1], end[c])
        log_partition[n] = total


@njit(cache=True, nogil=True)
def _posterior(alpha, beta, weight, out):
    """``out = weight * softmax(alpha + beta)``; returns ``log Σ exp(alpha + beta)``."""
    level = _log_sum(alpha, beta)
    for j in range(len(alpha)):
        out[j] = weight * math.exp(alpha[j] + beta[j] - level)
    return level


@njit(cache=True, nogil=True)
def backward_log(
    rows, emissions, lengths, table, end, chain, alphas, row_weights, unary, first, last, counts
):  # fmt: skip
    """Add the given rows' expectations, times their weights, to the four results."""
    K = emissions.shape[2]
    beta, after, posterior = np.empty(K), np.empty(K), np.empty(K)
    for n in rows:
        c, weight = chain[n], row_weights[n]
        for t in range(lengths[n] - 1, -1, -1):
            for i in range(K):
                beta[i] = end[c, i] if t == lengths[n] - 1 else _log_sum(table[c, i], after)
            level = _posterior(alphas[n, t], beta, weight, posterior)
            for i in range(K):
                if t == lengths[n] - 1:
                    last[c, i] += posterior[i]
                else:
                    for j in range(K):
                        pair = math.exp(alphas[n, t, i] + table[c, i, j] + after[j] - level)
                        counts[c, i, j] += weight * pair
                unary[n, t, i] = posterior[i]
            peak = -math.inf
            for j in range(K):
                after[j] = emissions[n, t, j] + beta[j]
                peak = max(peak, after[j])
            for j in range(K):
                after[j] -= peak
        for j in range(K):
            first[c, j] += posterior[j]
