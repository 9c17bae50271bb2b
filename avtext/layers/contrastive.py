"""InfoNCE between two streams on one clock (van den Oord et al. 2018): the same moment is the positive."""

from __future__ import annotations

import torch
from torch import Tensor


def frame_info_nce(
    first: Tensor, second: Tensor, mask: Tensor, weight: Tensor, temperature: float = 0.07, exclusion: int = 0
) -> Tensor:
    """Symmetric InfoNCE over the steps of each pair of sequences.

    Step t of ``first`` should be nearer to step t of ``second`` than to any other of its steps, and the other way
    round; steps up to ``exclusion`` away are no negatives, for a moment cannot be told from its neighbours.

    Args:
        first: (B, T, E), L2-normalised.
        second: (B, T, E), L2-normalised.
        mask: (B, T), true where both are real.
        weight: (B, T) non-negative: how much each step's term counts (silent, still steps tell nothing).
        temperature: τ.
        exclusion: steps.

    Returns:
        A scalar; zero where no step counts.

    Example:
        >>> x = torch.eye(4)[None]
        >>> there = torch.ones(1, 4, dtype=torch.bool)
        >>> bool(frame_info_nce(x, x, there, there.float()) < 1e-4)
        True
    """
    T = first.shape[1]
    weight = torch.where(mask, weight, torch.zeros_like(weight))
    scores = torch.einsum("bte,bse->bts", first, second).float() / temperature
    steps = torch.arange(T, device=first.device)
    apart = (steps[:, None] - steps[None, :]).abs()
    near = (apart > 0) & (apart <= exclusion)
    terms = scores.new_zeros(())
    for logits in (scores, scores.transpose(1, 2)):
        logits = logits.masked_fill(near[None] | ~mask[:, None, :], -1e4)
        positive = logits.diagonal(dim1=1, dim2=2)
        terms = terms + (weight * (logits.logsumexp(-1) - positive)).sum()
    return 0.5 * terms / weight.sum().clamp_min(1.0)
