"""Temporal convolutions: any rate to the grid, then dilated residual blocks (Lea et al. 2017; Bai et al. 2018)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avtext.errors import InvalidInput


def keep(values: Tensor, mask: Tensor) -> Tensor:
    """``values`` (B, T, D) with steps outside ``mask`` (B, T) set to zero, also where they are NaN."""
    return torch.where(mask.unsqueeze(-1), values, torch.zeros((), dtype=values.dtype, device=values.device))


def to_grid(
    values: Tensor, mask: Tensor, rate: float, start: Tensor, grid_rate: float, num_steps: int
) -> tuple[Tensor, Tensor]:
    """Resample a stream to the grid with triangular weights around each grid step's centre.

    The triangle's half-width is the longer of the two steps: a slower stream is interpolated linearly, a
    faster one is averaged without aliasing::

        w(i, j) = max(0, 1 - |c_j - c_i| * min(rate, grid_rate))      normalised over the real i

    Args:
        values: (B, T', D) at ``rate`` steps per second.
        mask: (B, T'), true is real; what lies outside never counts, NaN included.
        rate: steps per second of ``values``.
        start: (B,) seconds from the grid's beginning to that of step 0 of the stream.
        grid_rate: steps per second of the grid.
        num_steps: T, length of the grid.

    Returns:
        (B, T, D) and the mask (B, T): true where a real step lies within one step (of the slower clock).

    Example:
        >>> ramp = torch.arange(8.0).reshape(1, 8, 1)
        >>> out, real = to_grid(ramp, torch.ones(1, 8, dtype=torch.bool), 50.0, torch.zeros(1), 25.0, 4)
        >>> out[0, 1:3, 0].tolist(), real.all().item()
        ([2.5, 4.5], True)
    """
    B, length, D = values.shape
    if length == 0:
        return values.new_zeros(B, num_steps, D), mask.new_zeros(B, num_steps)
    values = keep(values, mask)
    device = values.device
    centres = (torch.arange(num_steps, device=device, dtype=torch.float64) + 0.5) / grid_rate
    position = (centres[None, :] - start.to(device, torch.float64)[:, None]) * rate - 0.5  # in the stream's steps
    reach = max(1.0, rate / grid_rate)
    taps = int(2 * reach) + 2
    first = torch.ceil(position - reach).long()
    index = first.unsqueeze(-1) + torch.arange(taps, device=device)  # (B, T, taps)
    weight = (1.0 - (index - position.unsqueeze(-1)).abs() / reach).clamp_min(0.0)
    inside = (index >= 0) & (index < length)
    index = index.clamp(0, length - 1)
    real = torch.gather(mask, 1, index.reshape(B, -1)).reshape(B, num_steps, taps) & inside
    weight = torch.where(real, weight, torch.zeros((), dtype=weight.dtype, device=device)).to(values.dtype)
    total = weight.sum(-1)
    out = values.new_zeros(B, num_steps, D)
    for tap in range(taps):  # one gather per tap: memory stays at one copy of the output
        picked = torch.gather(values, 1, index[:, :, tap, None].expand(B, num_steps, D))
        out = out + weight[:, :, tap, None] * picked
    out_mask = total > 1e-6
    return out / total.clamp_min(1e-6).unsqueeze(-1), out_mask


class ResidualBlock(nn.Module):
    """``x + W2 · drop(relu(conv(norm(x))))`` with one dilated convolution; steps outside the mask stay zero."""

    def __init__(self, width: int, kernel_size: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        padding = dilation * (kernel_size - 1) // 2
        self.conv = nn.Conv1d(width, width, kernel_size, padding=padding, dilation=dilation)
        self.mix = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: Tensor, real: Tensor) -> Tensor:
        """(B, T, D), finite, and (B, T, 1), one where a step is real and else zero, to (B, T, D)."""
        hidden = self.norm(values) * real
        hidden = self.conv(hidden.transpose(1, 2)).transpose(1, 2)
        hidden = self.mix(self.dropout(F.relu(hidden)))
        return (values + hidden) * real


class TCN(nn.Module):
    """A stack of residual blocks with dilations 1, 2, 4, … on the grid; length-exact, not causal.

    Args:
        width: features per step, in and out.
        num_layers: blocks; the receptive field doubles with each.
        kernel_size: odd.
        dropout: inside blocks.

    Raises:
        InvalidInput: an even kernel, after which a sequence has another length.

    Example:
        >>> TCN(8, num_layers=5, kernel_size=3).receptive_field
        63
    """

    def __init__(self, width: int, num_layers: int, kernel_size: int = 3, dropout: float = 0.0) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise InvalidInput(f"TCN: kernel_size must be odd and at least 1, got {kernel_size}")
        self.kernel_size = kernel_size
        self.blocks = nn.ModuleList(ResidualBlock(width, kernel_size, 2**i, dropout) for i in range(num_layers))

    @property
    def receptive_field(self) -> int:
        """Grid steps that one output step can see; half of it to either side is the halo a window needs."""
        return 1 + (self.kernel_size - 1) * sum(2**i for i in range(len(self.blocks)))

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """(B, T, D) and (B, T) to (B, T, D), zero outside the mask."""
        values = keep(values, mask)
        if values.shape[1] == 0:  # a convolution refuses an empty sequence
            return values
        real = mask.unsqueeze(-1).to(values.dtype)  # nothing is NaN any more, and a product costs less than a choice
        for block in self.blocks:
            values = block(values, real)
        return values
