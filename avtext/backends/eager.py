"""The torch backend: the same operations, fewer of them, on memory laid out as a CPU reads it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from avtext.backends.networks import plain
from avtext.encoders.slowfast import SlowFastEncoder

TOGETHER = 2  # clips: PyTorch computes the small convolutions of one alone without oneDNN


def prepared(encoder: nn.Module) -> nn.Module:
    """A copy of an encoder that computes the same to rounding on a CPU.

    Batch normalisation is folded into the convolutions, weights of three dimensions lie with their channels last, as
    frames do, what is rectified or added is written where it stands, and clips are computed in pairs: SlowFast R50
    takes two thirds of the time.
    """
    simple = plain(encoder)
    if isinstance(simple, SlowFastEncoder) and simple.batch is None:
        simple.batch = TOGETHER
    for module in simple.modules():
        if isinstance(module, nn.Conv3d):
            module.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        if isinstance(module, nn.ReLU):
            module.inplace = True
        if hasattr(module, "branch_fusion"):  # of pytorchvideo's residual blocks
            module.branch_fusion = _add  # type: ignore[assignment]
    return simple


def _add(shortcut: Tensor, branch: Tensor) -> Tensor:
    """Their sum, in the memory of the branch, which nothing else reads."""
    return branch.add_(shortcut)
