"""The torch backend: the same operations, fewer of them, on memory laid out as a CPU reads it."""

from __future__ import annotations

import torch
from torch import nn

from avtext.backends.networks import plain


def prepared(encoder: nn.Module) -> nn.Module:
    """A copy of an encoder that computes the same to rounding on a CPU.

    Batch normalisation is folded into the convolutions, weights of three dimensions lie with their channels last, as
    frames do, and what is rectified is written where it stands: SlowFast R50 takes three quarters of the time.
    """
    simple = plain(encoder)
    for module in simple.modules():
        if isinstance(module, nn.Conv3d):
            module.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        if isinstance(module, nn.ReLU):
            module.inplace = True
    return simple
