"""Soft-DTW as tensor operations, one step per anti-diagonal: what runs where numba does not.

In the log domain, with ``a = -cost / gamma`` and cells held by anti-diagonal ``k = i + j`` and row ``i``::

    L[k, i] = a[k, i] + logsumexp(L[k-2, i-1], L[k-1, i-1], L[k-1, i])
    G[k, i] = a[k, i] + g[k, i]        g[k, i] = logsumexp(G[k+2, i+1], G[k+1, i+1], G[k+1, i])
    gradient = exp(L + g)              g at the last cell = -log Z
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from avtext.errors import InvalidInput


def soft_dtw_diagonals(cost: Tensor, lengths: Tensor, gamma: float) -> tuple[Tensor, Callable[[], Tensor]]:
    """The value ``(B,)`` float64 of ``(B, N, M)`` costs, and a function that computes its gradient by them.

    Args:
        cost: ``(B, N, M)``; inf forbids a cell, what lies beyond the lengths is inert.
        lengths: ``(B, 2)`` int64 on the same device.
        gamma: positive.

    Raises:
        InvalidInput: a real cost is NaN or -inf.
    """
    B, N, M = cost.shape
    rows, columns = (torch.arange(size, device=cost.device) for size in (N, M))
    real = (rows < lengths[:, :1])[:, :, None] & (columns < lengths[:, 1:])[:, None, :]
    if bool((real & ~(cost > -math.inf)).any()):
        raise InvalidInput("soft_dtw: a real cost is NaN or -inf")
    if B * N * M == 0:
        return torch.zeros(B, dtype=torch.float64, device=cost.device), lambda: torch.zeros_like(cost)
    scores = torch.where(real, -cost.double() / gamma, -math.inf)
    slanted = _slant(scores)
    logs = _forward(slanted)
    last = (lengths.sum(1) - 2).clamp(min=0), (lengths[:, 0] - 1).clamp(min=0)
    log_z = logs[last[0], torch.arange(B, device=cost.device), last[1]]
    empty = (lengths == 0).any(1)

    def gradient() -> Tensor:
        share = _backward(slanted, logs, last, torch.where(log_z > -math.inf, -log_z, -math.inf))
        index = (rows[:, None] + columns)[None].expand(B, N, M)
        return share.permute(1, 0, 2).gather(1, index.transpose(1, 2)).transpose(1, 2) * ~empty[:, None, None]

    return torch.where(empty, 0.0, -gamma * log_z), gradient


def _slant(scores: Tensor) -> Tensor:
    """``(B, N, M)`` as ``(N + M - 1, B, N)``: the anti-diagonals, -inf where one has no cell."""
    B, N, M = scores.shape
    row = torch.arange(N, device=scores.device)
    column = torch.arange(N + M - 1, device=scores.device)[:, None] - row
    inside = (column >= 0) & (column < M)
    flat = scores.reshape(B, N * M)[:, row * M + column.clamp(0, M - 1)]
    return torch.where(inside, flat, -math.inf).permute(1, 0, 2).contiguous()


def _forward(slanted: Tensor) -> Tensor:
    """``L`` for every anti-diagonal."""
    K, B, N = slanted.shape
    nothing = slanted.new_full((B, 1), -math.inf)
    logs = torch.empty_like(slanted)
    before = older = slanted.new_full((B, N), -math.inf)
    for k in range(K):
        ways = torch.stack([torch.cat([nothing, older[:, :-1]], 1), torch.cat([nothing, before[:, :-1]], 1), before])
        if k == 0:
            ways[0, :, 0] = 0.0
        older, before = before, torch.logsumexp(ways, 0) + slanted[k]
        logs[k] = before
    return logs


def _backward(slanted: Tensor, logs: Tensor, last: tuple[Tensor, Tensor], way_out: Tensor) -> Tensor:
    """``exp(L + g)`` for every anti-diagonal."""
    K, B, N = slanted.shape
    nothing = slanted.new_full((B, 1), -math.inf)
    share = torch.empty_like(slanted)
    after = later = slanted.new_full((B, N), -math.inf)
    for k in range(K - 1, -1, -1):
        ways = torch.stack([torch.cat([later[:, 1:], nothing], 1), torch.cat([after[:, 1:], nothing], 1), after])
        ends = torch.where(last[0] == k, way_out, -math.inf)[:, None]
        onward = torch.logsumexp(ways, 0).scatter_reduce(1, last[1][:, None], ends, "amax")
        share[k] = (logs[k] + onward).exp()
        later, after = after, onward + slanted[k]
    return share
