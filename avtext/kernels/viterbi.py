"""The best path, and the n best paths, of linear chains (Viterbi 1967), in plain numpy and numba.

Ties are broken by the lowest tag: the last tag is the lowest of the best, then so is each tag before it. So
among paths of equal score the one that is smallest when read backwards comes first. Sums are float64.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from avtext.errors import InvalidInput
from avtext.kernels.chain import as_scores, chains
from avtext.kernels.threads import in_parts

INFINITY = np.float32(np.inf)  # the narrow one: a wide one would widen what is compared with it
LIGHTNESS = 8  # by how much a cell is less work than where logarithms are taken: what is soon done needs no threads


class Paths(NamedTuple):
    """Paths and their scores.

    Attributes:
        tags: ``(N, T)`` int64, or ``(N, n, T)``; -1 beyond a row's length and where there is no such path.
        scores: ``(N,)`` float64, or ``(N, n)``; 0 for an empty path, -inf where no path is possible.
    """

    tags: np.ndarray
    scores: np.ndarray


def viterbi(
    emissions: np.ndarray,
    lengths: np.ndarray,
    start: np.ndarray,
    transitions: np.ndarray,
    end: np.ndarray,
    chain: np.ndarray | None = None,
    *,
    check: bool = True,
) -> Paths:
    """The best path of every row; arguments as :func:`avtext.kernels.chain.chains`.

    Memory beyond the result is one byte per step and tag, for each thread. A row that no path can pass has score
    -inf, and its tags follow the rule for ties alone. With ``check=False`` a row with NaN or +inf at a real step
    has score NaN and tags without meaning, and the caller refuses it.

    Raises:
        InvalidInput: a shape, a length or a chain does not fit, or a real emission is NaN or +inf.

    Example:
        >>> viterbi(np.array([[[0.0, 1.0], [2.0, 0.0]]]), [2], np.zeros(2), np.zeros((2, 2)), np.zeros(2))
        Paths(tags=array([[1, 0]]), scores=array([3.]))
    """
    emissions = as_scores(emissions)
    start, table, end, chain = chains(emissions, lengths, start, transitions, end, chain)
    N, T, K = emissions.shape
    tags = np.full((N, T), -1, np.int64)
    scores = np.empty(N)
    lengths = np.ascontiguousarray(lengths, np.int64)
    spread = _spread(table)

    def run(part: slice) -> None:
        back = np.zeros((T, K), np.uint8 if K <= 256 else np.int32)
        rows = tags[part], scores[part]
        _viterbi(emissions[part], lengths[part], start, table, spread, end, chain[part], back, *rows)

    in_parts(run, lengths * K // LIGHTNESS)
    if check:
        _refuse_nan(scores)
    return Paths(tags, scores)


def nbest(
    emissions: np.ndarray,
    lengths: np.ndarray,
    start: np.ndarray,
    transitions: np.ndarray,
    end: np.ndarray,
    chain: np.ndarray | None = None,
    *,
    n: int,
    check: bool = True,
) -> Paths:
    """The ``n`` best different paths of every row, best first; arguments as :func:`viterbi`.

    Where fewer than ``n`` paths are possible the rest have score -inf and tags -1. Time grows with
    ``T * K * K * n`` and memory with ``T * K * n`` for one row.

    Raises:
        InvalidInput: as :func:`viterbi`, or ``n`` is under 1.

    Example:
        >>> score = np.array([[[0.0, 1.0], [2.0, 0.0]]])
        >>> nbest(score, [2], np.zeros(2), np.zeros((2, 2)), np.zeros(2), n=2).tags.tolist()
        [[[1, 0], [0, 0]]]
    """
    if n < 1:
        raise InvalidInput(f"n: expected at least 1 path, got {n}")
    emissions = as_scores(emissions)
    start, table, end, chain = chains(emissions, lengths, start, transitions, end, chain)
    N, T, K = emissions.shape
    tags = np.full((N, n, T), -1, np.int64)
    scores = np.full((N, n), -np.inf)
    back = np.empty((T, K, n), np.int32)
    lengths = np.ascontiguousarray(lengths, np.int64)
    _nbest(emissions, lengths, start, table, end[:, :, None], chain, back, tags, scores)
    if check:
        _refuse_nan(scores[:, 0])
    return Paths(tags, scores)


def _refuse_nan(scores: np.ndarray) -> None:
    if np.isnan(scores).any():
        row = int(np.flatnonzero(np.isnan(scores))[0])
        raise InvalidInput(
            f"emissions: row {row} holds NaN or +inf at a real step; scores must be finite, or -inf to forbid a tag"
        )


def _spread(table: np.ndarray) -> np.ndarray:
    """For each chain, by how much the tag before can matter for what follows: ``max_j (max_i - min_i)``.

    A tag whose score is further than this under the best cannot win for any tag after, so the recursion
    passes it by. A forbidden transition makes it infinite, and then nothing is passed by.
    """
    with np.errstate(invalid="ignore"):
        spread = (table.max(axis=1) - table.min(axis=1)).max(axis=1)
    return np.where(np.isnan(spread), np.inf, spread)


@njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def _highest(scores):
    """The largest of them; the flags let the loop vectorise, and a row with NaN is refused for what it is."""
    peak = -math.inf
    for j in range(len(scores)):
        peak = scores[j] if scores[j] > peak else peak
    return peak


@njit(cache=True, nogil=True)
def _are_scores(emissions):
    """Whether none of them is NaN or +inf."""
    values, sound = emissions.ravel(), True
    for k in range(len(values)):  # by place: numba does not vectorise a loop over the values themselves
        sound &= values[k] < INFINITY
    return sound


@njit(cache=True, nogil=True)
def _best_of(scores, table, kept, count, best, source):
    """``best_j = max_i scores_i + table_ij`` and the lowest such ``i``, of the tags that are kept."""
    K, first = len(scores), kept[0]
    for j in range(K):
        best[j] = scores[first] + table[first, j]
        source[j] = first
    for k in range(1, count):
        i = kept[k]
        for j in range(K):  # both are always written, without a branch, so that the loop vectorises
            candidate = scores[i] + table[i, j]
            better = candidate > best[j]
            source[j] = i if better else source[j]
            best[j] = candidate if better else best[j]


@njit(cache=True, nogil=True)
def _viterbi(emissions, lengths, start, table, spread, end, chain, back, tags, out_scores):
    K = emissions.shape[2]
    scores, best, source, kept = np.empty(K), np.empty(K), np.empty(K, np.int64), np.empty(K, np.int64)
    for n in range(len(lengths)):
        c, length, limit = chain[n], lengths[n], -math.inf
        for t in range(length):
            count = 0
            for i in range(K if t > 0 else 0):  # which may win: without a branch, as none could foresee it
                kept[count] = i
                count += not scores[i] < limit
            if count == 0:
                for j in range(K):
                    scores[j] = start[c, j] + emissions[n, t, j]
            elif count == 1:  # most steps of a model that is sure
                first = kept[0]
                score = scores[first]
                for j in range(K):
                    scores[j] = score + table[c, first, j] + emissions[n, t, j]
                for j in range(K):
                    back[t, j] = first
            else:
                _best_of(scores, table[c], kept, count, best, source)
                for j in range(K):
                    scores[j] = best[j] + emissions[n, t, j]
                for j in range(K):
                    back[t, j] = source[j]
            peak = _highest(scores)
            # The slack keeps a tie that rounding makes; where all is -inf nothing is passed by.
            slack = spread[c] + 1e-12 * (abs(peak) + spread[c])
            limit = peak - slack if peak > -math.inf else peak
        tag = 0
        for j in range(K if length else 0):
            scores[j] += end[c, j]
            tag = j if scores[j] > scores[tag] else tag
        out_scores[n] = scores[tag] if length else 0.0
        if not _are_scores(emissions[n, :length]):
            out_scores[n] = math.nan
        for t in range(length - 1, -1, -1):
            tags[n, t] = tag
            tag = back[t, tag] if t > 0 else tag


@njit(cache=True, nogil=True)
def _merge(scores, table, j, cursor, best, source):
    """The n best of the K sorted lists ``scores[i] + table[i, j]``; ties go to the lowest tag, then rank."""
    K, n = scores.shape
    for i in range(K):
        cursor[i] = 0
    for rank in range(n):
        winner, peak = -1, -math.inf
        for i in range(K):
            if cursor[i] < n and scores[i, cursor[i]] + table[i, j] > peak:
                peak = scores[i, cursor[i]] + table[i, j]
                winner = i
        best[rank] = peak
        source[rank] = winner * n + cursor[winner] if winner >= 0 else -1
        cursor[winner] += winner >= 0


@njit(cache=True, nogil=True)
def _nbest(emissions, lengths, start, table, end, chain, back, tags, out_scores):
    K, n = back.shape[1:]
    scores, best = np.empty((K, n)), np.empty((K, n))
    cursor, source = np.empty(K, np.int64), np.empty(n, np.int32)
    for row in range(len(lengths)):
        c, length, unsound = chain[row], lengths[row], 0
        for t in range(length):
            for j in range(K):
                if t > 0:
                    _merge(scores, table[c], j, cursor, best[j], back[t, j])
                unsound += not emissions[row, t, j] < math.inf
            for j in range(K):
                for rank in range(n):
                    if t == 0:
                        best[j, rank] = start[c, j] if rank == 0 else -math.inf
                    scores[j, rank] = best[j, rank] + emissions[row, t, j]
        if length == 0:
            out_scores[row, 0] = 0.0
            continue
        _merge(scores, end[c], 0, cursor, out_scores[row], source)
        for rank in range(n):
            state = source[rank]
            for t in range(length - 1 if state >= 0 else -1, -1, -1):
                tags[row, rank, t] = state // n
                state = back[t, state // n, state % n] if t > 0 else state
        if unsound:
            out_scores[row, 0] = math.nan
