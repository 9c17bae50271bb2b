"""The recursions of linear chains as tensor operations for the whole batch, for CUDA.

Few tags go through :mod:`avtext.layers.chain_scan`; others, and the best path, through one loop over time, whose steps
are those of :mod:`avtext.kernels.chain` and :mod:`avtext.kernels.viterbi`, as float64 logarithms.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from avtext.layers import chain_scan


class Rows(NamedTuple):
    """Everything a recursion needs: N rows of T steps and K tags over C chains.

    Attributes:
        emissions: ``(N, T, K)`` float32 or float64.
        lengths: ``(N,)`` int64.
        start: ``(C, K)``; -inf forbids, here and below.
        transitions: ``(C, K, K)``.
        end: ``(C, K)``.
        chain: ``(N,)`` int64, the chain of each row.
    """

    emissions: Tensor
    lengths: Tensor
    start: Tensor
    transitions: Tensor
    end: Tensor
    chain: Tensor

    def arrays(self) -> tuple[np.ndarray, ...]:
        """The tensors as numpy arrays, copied only from another device."""
        return tuple(x.detach().cpu().numpy() for x in self)


def _shifted(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Scores less their maximum over tags, and that maximum; all -inf stays -inf."""
    peak = scores.amax(dim=-1, keepdim=True)
    return scores - peak.masked_fill(torch.isneginf(peak), 0.0), peak.squeeze(-1)


def forward(rows: Rows) -> tuple[Tensor, Tensor]:
    """Log-partition ``(N,)`` and log alphas ``(N, T, K)``, each step with maximum 0, both float64."""
    emissions, lengths = rows.emissions.double(), rows.lengths
    N, T, K = emissions.shape
    table, chain = rows.transitions.double()[rows.chain], rows.chain
    if T and K <= chain_scan.MOST_TAGS:
        start, end = rows.start.double()[chain], rows.end.double()[chain]
        return chain_scan.forward(emissions, lengths, start, table, end)
    alphas = emissions.new_zeros(N, T, K)
    total = emissions.new_zeros(N)
    scores = rows.start.double()[chain]
    for t in range(T):
        if t > 0:
            scores = torch.logsumexp(alphas[:, t - 1, :, None] + table, dim=1)
        alphas[:, t], peak = _shifted(scores + emissions[:, t])
        real = t < lengths
        bad = torch.isnan(emissions[:, t]) | torch.isposinf(emissions[:, t])
        total = torch.where(real, (total + peak).masked_fill(bad.any(1), torch.nan), total)
    if T == 0:
        return total, alphas
    last = alphas[torch.arange(N, device=total.device), (lengths - 1).clamp(min=0)]
    ending = torch.logsumexp(last + rows.end.double()[chain], dim=1)
    return total + ending.masked_fill(lengths == 0, 0.0), alphas


def backward(rows: Rows, log_z: Tensor, alphas: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of ``Σ weights * log_partition``: emissions ``(N, T, K)``, start, transitions and end."""
    emissions, lengths, chain = rows.emissions.double(), rows.lengths, rows.chain
    T = emissions.shape[1]
    table, end = rows.transitions.double()[chain], rows.end.double()[chain]
    weights = (weights.double() + torch.where(torch.isnan(log_z), torch.nan, 0.0))[:, None]
    live = (~torch.isneginf(log_z))[:, None]
    if T and emissions.shape[2] <= chain_scan.MOST_TAGS:
        found = chain_scan.backward(emissions, lengths, table, end, alphas, weights[:, 0], live[:, 0])
        return _gathered(rows, *found)
    unary, pairs, last = torch.zeros_like(emissions), torch.zeros_like(table), torch.zeros_like(end)
    beta = end
    for t in range(T - 1, -1, -1):
        real = live & (t < lengths)[:, None]
        ends = real & lengths.eq(t + 1)[:, None]
        unary[:, t] = torch.where(real, weights * torch.softmax(alphas[:, t] + beta, dim=1), 0.0)
        last = torch.where(ends, unary[:, t], last)
        if t == 0:
            break
        after, _ = _shifted(emissions[:, t] + beta)
        joint = table + after[:, None]
        level = (alphas[:, t - 1, :, None] + joint).flatten(1)
        pair = weights * torch.softmax(level, dim=1)
        pairs += torch.where(real, pair, 0.0).view_as(pairs)
        beta = torch.where(real, torch.logsumexp(joint, dim=2), beta)
    return _gathered(rows, unary, pairs, last)


def _gathered(rows: Rows, unary: Tensor, pairs: Tensor, last: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of rows added up per chain."""
    first = unary[:, 0] if unary.shape[1] else last
    gathered = []
    for parameter, values in ((rows.start, first), (rows.transitions, pairs), (rows.end, last)):
        total = torch.zeros_like(parameter, dtype=torch.float64)
        gathered.append(total.index_add_(0, rows.chain, values))
    return unary.to(rows.emissions.dtype), gathered[0], gathered[1], gathered[2]


def viterbi(rows: Rows) -> tuple[Tensor, Tensor]:
    """Best path ``(N, T)``, -1 in padding, and its score ``(N,)``; NaN for NaN or +inf at a real step."""
    emissions, lengths, chain = rows.emissions.double(), rows.lengths, rows.chain
    N, T, K = emissions.shape
    table, end = rows.transitions.double()[chain], rows.end.double()[chain]
    back = torch.zeros(T, N, K, dtype=torch.uint8 if K <= 256 else torch.int32, device=emissions.device)
    scores = rows.start.double()[chain]
    bad = torch.zeros(N, dtype=torch.bool, device=emissions.device)
    for t in range(T):
        real = (t < lengths)[:, None]
        moved = scores
        if t > 0:
            moved, source = (scores[:, :, None] + table).max(dim=1)
            back[t] = source
        scores = torch.where(real, moved + emissions[:, t], scores)
        bad |= (real & ~(emissions[:, t] < torch.inf)).any(1)
    best, tag = (scores + end).max(dim=1)
    tags = torch.full((N, T), -1, dtype=torch.int64, device=emissions.device)
    for t in range(T - 1, -1, -1):
        real = t < lengths
        tags[:, t] = torch.where(real, tag, -1)
        if t > 0:
            tag = torch.where(real, back[t].gather(1, tag[:, None])[:, 0].long(), tag)
    return tags, best.masked_fill(lengths == 0, 0.0).masked_fill(bad, torch.nan)
