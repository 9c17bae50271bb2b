"""2-D convolution blocks whose result does not depend on what lies in the padding."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from avtext.layers.modes import norm_of_real


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
        values, mask = self.conv(values), mask[:, :: self.stride[0]]
        if self.training and not bool(mask.all()):
            rows = values.transpose(1, 2).flatten(0, 1)[..., None]
            rows = norm_of_real(self.norm, rows, mask.flatten())
            values = rows[..., 0].unflatten(0, mask.shape).transpose(1, 2)
        else:
            values = self.norm(values)
        return F.relu(values) * mask[:, None, :, None], mask
