"""InfoNCE between things that belong together (van den Oord et al. 2018), with hard negatives (Robinson et al. 2021).

For rows ``a_i`` and ``b_i`` of unit length that belong together, scores ``s_ij = a_i · b_j / τ``::

    loss = -mean_i log( exp(s_ii) / (exp(s_ii) + sum_{j≠i} w_ij exp(s_ij)) ),   w_ij ∝ exp(h s_ij),  mean_j w_ij = 1

and the same with a and b exchanged. With hardness ``h`` of 0 every negative counts alike; above it, those that are most
alike count more.
"""

from __future__ import annotations

import torch
from torch import Tensor

from avtext.layers.tcn import keep

_NEVER = -1e9


def info_nce(first: Tensor, second: Tensor, known: Tensor, temperature: float = 0.07, hardness: float = 0.0) -> Tensor:
    """Cross-entropy of which row of ``second`` belongs to each row of ``first``, and the other way round.

    Args:
        first: (..., N, E), rows of unit length.
        second: (..., N, E), row i belongs to row i of ``first``.
        known: boolean (..., N), false for rows that take no part, whatever they hold.
        temperature: τ.
        hardness: of negatives, 0 or more.

    Returns:
        A scalar, the mean over the rows that take part and have a negative; zero where none has.

    Example:
        >>> x = torch.eye(4)
        >>> there = torch.ones(4, dtype=torch.bool)
        >>> bool(info_nce(x, x, there) < 1e-4), bool(info_nce(x, x.roll(1, 0), there) > 10)
        (True, True)
    """
    first, second = keep(first, known), keep(second, known)
    with torch.autocast(first.device.type, enabled=False):  # it would make the product in half precision all the same
        scores = (first.float() @ second.float().transpose(-1, -2)) / temperature
    counted = known & (known.sum(-1, keepdim=True) > 1)
    terms = _surprise(scores, known, hardness) + _surprise(scores.transpose(-1, -2), known, hardness)
    return torch.where(counted, terms, torch.zeros_like(terms)).sum() / (2 * counted.sum()).clamp_min(1)


def _surprise(scores: Tensor, known: Tensor, hardness: float) -> Tensor:
    """How unlikely the true column is in each row, (..., N)."""
    own = torch.eye(scores.shape[-1], dtype=torch.bool, device=scores.device)
    negative = known.unsqueeze(-2) & ~own
    weights = (hardness * scores.detach()).masked_fill(~negative, _NEVER).log_softmax(-1)
    weights = weights + negative.sum(-1, keepdim=True).clamp_min(1).log()  # their mean is one
    logits = torch.where(own, scores, (scores + weights).masked_fill(~negative, _NEVER))
    return logits.logsumexp(-1) - scores.diagonal(dim1=-2, dim2=-1)
