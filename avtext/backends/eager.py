"""The torch backend: batch normalisation folded into the convolutions, nothing else changed."""

from __future__ import annotations

from torch import nn

from avtext.backends.networks import plain


def prepared(encoder: nn.Module) -> nn.Module:
    """A copy of an encoder that computes the same to rounding, with fewer operations."""
    return plain(encoder)
