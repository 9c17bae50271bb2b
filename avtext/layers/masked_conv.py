"""2-D convolution blocks whose result does not depend on what lies in the padding."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class MaskedConv(nn.Module):
    """``relu(norm(conv(x)))`` over (time, frequency), zero outside the mask; a stride in time thins the mask.

    Args:
        channels_in: channels in.
        channels_out: channels out.
        stride: (time, frequency).
    """

    def __init__(self, channels_in: int, channels_out: int, stride: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, T, F), zero where masked, and (B, T); T is a multiple of the stride."""
        values = F.relu(self.norm(self.conv(values)))
        mask = mask[:, :: self.stride[0]]
        return values * mask[:, None, :, None], mask
