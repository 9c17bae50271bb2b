"""The recursions of linear chains by parallel prefix: ``log2 T`` rounds instead of ``T`` steps, for CUDA.

A step of the forward recursion is a product with a ``K x K`` matrix of the log semiring, and products associate
(`Blelloch 1990, Prefix sums and their applications <https://www.cs.cmu.edu/~guyb/papers/Ble93.pdf>`_; for chains,
Hassan, Särkkä & García-Fernández 2021). It costs ``T K^3 log T`` operations, so it pays for few tags only; what a GPU
saves is the launches of thousands of small kernels::

    round 1    M1  M1M2    M2M3    M3M4    ...
    round 2    M1  M1M2  M1M2M3  M1M2M3M4  ...
"""

from __future__ import annotations

import torch
from torch import Tensor

MOST_TAGS = 8


def forward(
    emissions: Tensor, lengths: Tensor, start: Tensor, transitions: Tensor, end: Tensor
) -> tuple[Tensor, Tensor]:
    """Log-partition ``(N,)`` and log alphas ``(N, T, K)``, each step with maximum 0.

    Args:
        emissions: ``(N, T, K)`` float64, T at least 1; what lies beyond the lengths is inert.
        lengths: ``(N,)``.
        start: ``(N, K)``; -inf forbids, here and below.
        transitions: ``(N, K, K)``.
        end: ``(N, K)``.
    """
    real = _real(emissions, lengths)
    spoiled = (real[..., None] & ~(emissions < torch.inf)).any(2).any(1)
    prefix = _scan(_matrices(emissions, real, transitions), forwards=True)
    first = start + emissions[:, 0].masked_fill(~real[:, :1], 0.0)
    scores = torch.logsumexp(first[:, None, :, None] + prefix, dim=2)
    total = torch.logsumexp(scores[:, -1] + end, dim=1)  # padding is the identity: the last step is the last real one
    peak = scores.amax(2, keepdim=True)
    alphas = scores - peak.masked_fill(torch.isneginf(peak), 0.0)
    return total.masked_fill(lengths == 0, 0.0).masked_fill(spoiled, torch.nan), alphas


def backward(
    emissions: Tensor, lengths: Tensor, transitions: Tensor, end: Tensor, alphas: Tensor, weights: Tensor, live: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of ``Σ weights * log_partition``: emissions ``(N, T, K)``, transitions ``(N, K, K)``, end ``(N, K)``.

    Args:
        emissions, lengths, transitions, end: as of :func:`forward`.
        alphas: what it gave.
        weights: ``(N,)``.
        live: boolean ``(N,)``, false for rows without a path, whose gradients are zero.
    """
    real = _real(emissions, lengths)
    suffix = _scan(_matrices(emissions, real, transitions), forwards=False)
    after = torch.logsumexp(suffix[:, 1:] + end[:, None, None, :], dim=3)
    betas = torch.cat([after, end[:, None]], 1)
    counted = (real & live[:, None])[..., None]
    weights = weights[:, None, None]
    unary = torch.where(counted, weights * torch.softmax(alphas + betas, dim=2), 0.0)
    entered = torch.where(counted, emissions + betas, 0.0)[:, 1:]
    level = (alphas[:, :-1, :, None] + transitions[:, None] + entered[:, :, None]).flatten(2)
    pairs = torch.where(counted[:, 1:], weights * torch.softmax(level, dim=2), 0.0).sum(1)
    last = unary[torch.arange(len(unary), device=unary.device), (lengths - 1).clamp(min=0)]
    return unary, pairs.view_as(transitions), last


def _real(emissions: Tensor, lengths: Tensor) -> Tensor:
    return torch.arange(emissions.shape[1], device=emissions.device) < lengths[:, None]


def _matrices(emissions: Tensor, real: Tensor, transitions: Tensor) -> Tensor:
    """For each step what entering it does, ``(N, T, K, K)``: the identity for the first and for padding."""
    K = emissions.shape[2]
    one = torch.full((K, K), -torch.inf, dtype=emissions.dtype, device=emissions.device).fill_diagonal_(0.0)
    entered = real.clone()
    entered[:, 0] = False
    return torch.where(entered[..., None, None], transitions[:, None] + emissions[:, :, None], one)


def _scan(matrices: Tensor, forwards: bool) -> Tensor:
    """Products of all matrices up to each, or from each on."""
    reach = 1
    while reach < matrices.shape[1]:
        joined = _product(matrices[:, :-reach], matrices[:, reach:])
        kept = matrices[:, :reach] if forwards else matrices[:, -reach:]
        matrices = torch.cat([kept, joined] if forwards else [joined, kept], 1)
        reach *= 2
    return matrices


def _product(left: Tensor, right: Tensor) -> Tensor:
    return torch.logsumexp(left[..., :, :, None] + right[..., None, :, :], dim=-2)
