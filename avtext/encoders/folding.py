"""Batch normalisation folded into the convolution or linear layer beside it: one operation less, the same numbers.

::

    norm(conv(x)) = g (w x - m) / s + b          w' = w g / s      b' = b - m g / s
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from avtext.encoders.small_video import PictureEncoder, SmallVideoEncoder

# Where a network names a convolution and the norm that follows it (ours, and pytorchvideo's residual blocks).
PAIRS = (
    ("conv", "norm"),
    ("conv_a", "norm_a"),
    ("conv_b", "norm_b"),
    ("conv_c", "norm_c"),
    ("branch1_conv", "branch1_norm"),
    ("conv_fast_to_slow", "norm"),
)


def folded(model: nn.Module) -> nn.Module:
    """A copy of ``model`` in evaluation mode without batch normalisation; it computes the same to rounding.

    Example:
        >>> from avtext.layers.masked_conv import MaskedConv
        >>> block = MaskedConv(2, 4).eval()
        >>> [type(part).__name__ for part in folded(block).children()]
        ['Conv2d', 'Identity']
    """
    model = copy.deepcopy(model).eval()
    for module in list(model.modules()):
        if isinstance(module, SmallVideoEncoder):
            _fold_stem(module)
        if isinstance(module, PictureEncoder):
            _fold_input(module)
        if isinstance(module, nn.Sequential):
            _fold_sequence(module)
        for conv, norm in PAIRS:
            _fold_pair(module, conv, norm)
    return model


def _fold_pair(module: nn.Module, conv: str, norm: str) -> None:
    before, after = getattr(module, conv, None), getattr(module, norm, None)
    if isinstance(before, nn.Conv2d | nn.Conv3d) and isinstance(after, nn.BatchNorm2d | nn.BatchNorm3d):
        setattr(module, conv, fuse_conv_bn_eval(before, after))
        setattr(module, norm, nn.Identity())


def _fold_sequence(sequence: nn.Sequential) -> None:
    for index in range(len(sequence) - 1):
        before, after = sequence[index], sequence[index + 1]
        if isinstance(before, nn.Conv2d) and isinstance(after, nn.BatchNorm2d):
            sequence[index], sequence[index + 1] = fuse_conv_bn_eval(before, after), nn.Identity()


def _gain_and_shift(norm: Any) -> tuple[Tensor, Tensor]:
    gain = norm.weight * (norm.running_var + norm.eps).rsqrt()
    return gain, norm.bias - norm.running_mean * gain


@torch.no_grad()
def _fold_stem(encoder: SmallVideoEncoder) -> None:
    """The stem's two halves, the frame's and its change's, are added before the norm; only the first has a bias. The
    scale of the frames' values goes into its weights, too."""
    norm, stem = encoder.network[0], encoder.stem
    if not isinstance(norm, nn.BatchNorm2d):
        return
    gain, shift = _gain_and_shift(norm)
    stem.weight.mul_(torch.cat([gain, gain])[:, None, None, None] / encoder.spread)
    encoder.spread = 1.0
    stem.bias = nn.Parameter(torch.cat([shift, torch.zeros_like(shift)]))
    encoder.network[0] = nn.Identity()


@torch.no_grad()
def _fold_input(encoder: PictureEncoder) -> None:
    """The norm comes first here: the linear layer after it takes it in."""
    if not isinstance(encoder.norm, nn.BatchNorm1d):
        return
    linear: Any = encoder.network[0]
    gain, shift = _gain_and_shift(encoder.norm)
    linear.bias.add_(linear.weight @ shift)
    linear.weight.mul_(gain)
    encoder.norm = nn.Identity()  # type: ignore[assignment]
