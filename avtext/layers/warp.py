"""Reading a sequence on another clock."""

from __future__ import annotations

import torch
from torch import Tensor

from avtext.layers.tcn import keep


def warp(values: Tensor, mask: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
    """Read a sequence at fractional steps, linearly between its two neighbours.

    Args:
        values: (B, T', D).
        mask: (B, T').
        position: (B, T) fractional step numbers; NaN or out of range reads nothing.

    Returns:
        (B, T, D) and the mask (B, T): true where the nearer neighbour is real.

    Example:
        >>> x = torch.arange(4.0).reshape(1, 4, 1)
        >>> out, real = warp(x, torch.ones(1, 4, dtype=torch.bool), torch.tensor([[0.5, 2.0, float("nan")]]))
        >>> out[0, :, 0].tolist(), real.tolist()
        ([0.5, 2.0, 0.0], [[True, True, False]])
    """
    B, length, D = values.shape
    if length == 0:
        return values.new_zeros(*position.shape, D), mask.new_zeros(position.shape)
    known = torch.isfinite(position)
    position = torch.where(known, position, torch.zeros_like(position))
    low = torch.floor(position)
    share = (position - low).to(values.dtype)
    low = low.long()

    def read(index: Tensor) -> tuple[Tensor, Tensor]:
        inside = known & (index >= 0) & (index < length)
        index = index.clamp(0, length - 1)
        real = torch.gather(mask, 1, index) & inside
        return keep(torch.gather(values, 1, index[..., None].expand(B, -1, D)), real), real

    (before, real_before), (after, real_after) = read(low), read(low + 1)
    weight_after = torch.where(real_before, share * real_after, real_after.to(share.dtype)).unsqueeze(-1)
    out_mask = torch.where(share < 0.5, real_before, real_after)
    return keep(before * (1 - weight_after) + after * weight_after, out_mask), out_mask
