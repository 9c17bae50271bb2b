"""Forward-backward for linear chains: the log-partition, the marginals and the expected transitions.

With emissions ``e`` and a table ``T`` of transitions, as logarithms (Rabiner 1989; Lafferty et al. 2001)::

    a[t, j] = e[t, j] + log Σ_i exp(a[t-1, i] + T[i, j])        a[0] = start + e[0]
    b[t, i] = log Σ_j exp(T[i, j] + e[t+1, j] + b[t+1, j])      b[last] = end
    p[t, j] = exp(a[t, j] + b[t, j] - log Z)                    Z = Σ_j exp(a[last, j] + end[j])

The sums are float64 products of exponentials, scaled at every step so that length does not overflow
(:mod:`~avtext.kernels.chain_linear`). Rows whose scores span more than that can hold, hundreds apart within
one step, are done in the log domain (:mod:`~avtext.kernels.chain_log`): no path is lost to underflow.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from avtext.errors import InvalidInput
from avtext.kernels.chain_linear import TABLE_SPAN, backward_linear, forward_linear, shift_emissions
from avtext.kernels.chain_log import backward_log, forward_log
from avtext.kernels.threads import in_parts


class Chains(NamedTuple):
    """The parameters of C chains of K tags, float64; -inf forbids.

    Attributes:
        start: ``(C, K)`` score of beginning in a tag.
        transitions: ``(C, K, K)`` score of going from the first tag to the second.
        end: ``(C, K)`` score of ending in a tag.
        chain: ``(N,)`` int64, which chain each row follows.
    """

    start: np.ndarray
    transitions: np.ndarray
    end: np.ndarray
    chain: np.ndarray


class Forward(NamedTuple):
    """What the forward pass leaves for the backward pass.

    Attributes:
        log_partition: ``(N,)`` float64.
        alphas: ``(N, T, K)`` float64, relative to the largest of each step; logarithms in wide rows.
        factors: ``(N, T, K)`` float64, exponentials of the emissions relative to the largest of each step.
        wide: ``(N,)`` boolean, rows done in the log domain.
    """

    log_partition: np.ndarray
    alphas: np.ndarray
    factors: np.ndarray
    wide: np.ndarray


class Marginals(NamedTuple):
    """Posterior expectations, each row times its weight.

    Attributes:
        unary: ``(N, T, K)`` in the type of the emissions: probability of each tag at each step, 0 in padding.
        start: ``(C, K)`` expected first tags, summed over the rows of a chain.
        transitions: ``(C, K, K)`` expected number of each transition, summed over the rows of a chain.
        end: ``(C, K)`` expected last tags.
    """

    unary: np.ndarray
    start: np.ndarray
    transitions: np.ndarray
    end: np.ndarray


def as_scores(emissions: np.ndarray) -> np.ndarray:
    """Emissions as the kernels read them: contiguous, and float64 unless they are float32."""
    return np.ascontiguousarray(emissions, None if emissions.dtype == np.float32 else np.float64)


def lengths_of(mask: np.ndarray) -> np.ndarray:
    """Real steps of each row of a boolean mask ``(N, T)``, which must come first: ``(N,)`` int64.

    Raises:
        InvalidInput: a row has a real step after padding.

    Example:
        >>> lengths_of(np.array([[True, True], [True, False]])).tolist()
        [2, 1]
    """
    lengths = np.empty(len(mask), np.int64)
    row = _count_first(mask, lengths)
    if row >= 0:
        raise InvalidInput(f"mask: row {row} has a real step after padding; real steps must come first")
    return lengths


@njit(cache=True, nogil=True)
def _count_first(mask, lengths):
    """Fill in how many steps come before the first that is not real; returns the first row with more, or -1."""
    for n in range(len(mask)):
        first, total = 0, 0
        for t in range(mask.shape[1]):
            total += mask[n, t]
            first = total if total == t + 1 else first
        if first < total:
            return n
        lengths[n] = first
    return -1


def chains(
    emissions: np.ndarray,
    lengths: np.ndarray,
    start: np.ndarray,
    transitions: np.ndarray,
    end: np.ndarray,
    chain: np.ndarray | None = None,
) -> Chains:
    """Check shapes and bring the parameters to float64 with a chain axis.

    Args:
        emissions: ``(N, T, K)`` float32 or float64.
        lengths: ``(N,)`` real steps of each row, 0 to T.
        start: ``(K,)`` or ``(C, K)``.
        transitions: ``(K, K)`` or ``(C, K, K)``.
        end: ``(K,)`` or ``(C, K)``.
        chain: ``(N,)`` chain of each row; chain 0 for all by default.

    Raises:
        InvalidInput: a shape, a length or a chain index does not fit, or a parameter is NaN or +inf.
    """
    if emissions.ndim != 3 or emissions.shape[2] == 0:
        raise InvalidInput(f"emissions: expected (rows, steps, tags), got {emissions.shape}")
    N, T, K = emissions.shape
    start, end = (np.ascontiguousarray(x, np.float64).reshape(-1, np.shape(x)[-1]) for x in (start, end))
    table = np.ascontiguousarray(transitions, np.float64).reshape(-1, *np.shape(transitions)[-2:])
    C = len(table)
    if start.shape != (C, K) or end.shape != (C, K) or table.shape != (C, K, K):
        raise InvalidInput(
            f"emissions have {K} tags, so start and end need shape ({K},) and transitions ({K}, {K}), or one "
            f"of each per chain; got {start.shape}, {end.shape} and {table.shape}"
        )
    if not all(x.max(initial=-np.inf) < np.inf for x in (start, table, end)):  # NaN is not under infinity
        raise InvalidInput(
            "start, transitions and end must be finite, or -inf to forbid; one holds NaN or +inf, so what set "
            "them has gone wrong: look at the learning rate and the loss"
        )
    index = np.zeros(N, np.int64) if chain is None else np.asarray(chain, np.int64)
    if index.shape != (N,) or (N and (index.min() < 0 or index.max() >= C)):
        raise InvalidInput(f"chain: expected {N} indices under {C}, got shape {index.shape}")
    if np.shape(lengths) != (N,) or (N and (np.min(lengths) < 0 or np.max(lengths) > T)):
        raise InvalidInput(f"lengths: expected {N} values from 0 to {T}, got {lengths}")
    return Chains(start, table, end, index)


def forward_pass(emissions: np.ndarray, lengths: np.ndarray, parameters: Chains) -> Forward:
    """The forward recursion of every row.

    The log-partition is 0 for a row of length 0 (the empty path), -inf for a row that no path can pass, and
    NaN for a row with NaN or +inf among its real emissions.
    """
    emissions, lengths = as_scores(emissions), np.ascontiguousarray(lengths, np.int64)
    start, table, end, chain = parameters
    factors, alphas = np.empty(emissions.shape), np.empty(emissions.shape)
    log_partition, wide = np.empty(len(emissions)), np.empty(len(emissions), np.bool_)
    scaled = [_scaled(x) for x in (start, table, end)]
    wide_chain = scaled[0].wide | scaled[1].wide | scaled[2].wide
    first, linear, last = (x.values for x in scaled)

    def run(part: slice) -> None:
        rows = emissions[part], lengths[part], factors[part], log_partition[part], wide[part]
        shift_emissions(*rows)
        _, real, weights, partition, too_wide = rows
        np.exp(weights, out=weights)
        too_wide |= wide_chain[chain[part]]
        too_wide &= np.isfinite(partition) & (real > 0)
        forward_linear(weights, real, first, linear, last, chain[part], alphas[part], partition, too_wide)

    in_parts(run, lengths * emissions.shape[2])
    uses = np.stack([lengths > 0, np.maximum(lengths - 1, 0), lengths > 0])
    log_partition += (uses * np.stack([x.shift[chain] for x in scaled])).sum(0)
    rows = np.flatnonzero(wide)
    if len(rows):
        turned = np.ascontiguousarray(table.transpose(0, 2, 1))
        forward_log(rows, emissions, lengths, start, turned, end, chain, alphas, log_partition)
    return Forward(log_partition, alphas, factors, wide)


def backward_pass(
    emissions: np.ndarray, lengths: np.ndarray, parameters: Chains, forward: Forward, weights: np.ndarray
) -> Marginals:
    """The backward recursion of every row: expectations times ``weights`` ``(N,)``.

    They are the gradient of ``Σ weights * log_partition``. A row that no path can pass has zeros; a row whose
    log-partition is NaN has NaN.
    """
    emissions, lengths = as_scores(emissions), np.ascontiguousarray(lengths, np.int64)
    weights = np.ascontiguousarray(weights, np.float64)
    start, table, end, chain = parameters
    log_partition, alphas, factors, wide = forward
    unary = np.zeros(emissions.shape, emissions.dtype)
    linear = _scaled(table).values
    turned = np.ascontiguousarray(linear.transpose(0, 2, 1))
    live = np.isfinite(log_partition) & (lengths > 0)
    found = np.zeros_like(wide)
    final, skip = _scaled(end).values, wide | ~live

    def run(part: slice) -> tuple[np.ndarray, ...]:
        first, last, pairs = (np.zeros(x.shape) for x in (start, end, table))
        backward_linear(
            factors[part], lengths[part], turned, final, chain[part], alphas[part], weights[part], skip[part],
            unary[part], first, last, pairs, found[part],
        )  # fmt: skip
        return first, last, pairs

    sums = in_parts(run, lengths * emissions.shape[2])
    first, last, pairs = (np.sum(parts, axis=0) for parts in zip(*sums, strict=True))
    counts = np.zeros(table.shape)
    rows = np.flatnonzero(live & (wide | found))
    if len(rows):
        logs = alphas.copy() if found.any() else alphas
        with np.errstate(divide="ignore"):
            logs[found] = np.log(alphas[found])
        backward_log(
            rows, emissions, lengths, table, end, chain, logs, weights, unary, first, last, counts
        )  # fmt: skip
    for n in np.flatnonzero(np.isnan(log_partition)):
        unary[n, : lengths[n]] = np.nan
        first[chain[n]] = last[chain[n]] = pairs[chain[n]] = np.nan
    return Marginals(unary, first, pairs * linear + counts, last)


def chain_marginals(
    emissions: np.ndarray,
    lengths: np.ndarray,
    start: np.ndarray,
    transitions: np.ndarray,
    end: np.ndarray,
    chain: np.ndarray | None = None,
) -> tuple[np.ndarray, Marginals]:
    """Log-partition ``(N,)`` and :class:`Marginals` of every row; arguments as :func:`chains`.

    Example:
        >>> scores = np.log([[[0.2, 0.8], [0.5, 0.5]]])
        >>> log_z, found = chain_marginals(scores, [2], np.zeros(2), np.zeros((2, 2)), np.zeros(2))
        >>> abs(log_z.round(6)).tolist(), found.unary.round(6).tolist()
        ([0.0], [[[0.2, 0.8], [0.5, 0.5]]])
    """
    emissions = as_scores(emissions)
    parameters = chains(emissions, lengths, start, transitions, end, chain)
    forward = forward_pass(emissions, lengths, parameters)
    return forward.log_partition, backward_pass(emissions, lengths, parameters, forward, np.ones(len(emissions)))


class _Scaled(NamedTuple):
    values: np.ndarray
    shift: np.ndarray
    wide: np.ndarray


def _scaled(scores: np.ndarray) -> _Scaled:
    """``exp(scores - shift)``, at most 1 in each chain; the shifts, and whether a span is too wide."""
    axes = tuple(range(1, scores.ndim))
    peak = scores.max(axis=axes, keepdims=True)
    peak = np.where(np.isneginf(peak), 0.0, peak)
    low = np.where(np.isneginf(scores), np.inf, scores - peak).min(axis=axes)
    return _Scaled(np.exp(scores - peak), peak.reshape(-1), low < -TABLE_SPAN)
