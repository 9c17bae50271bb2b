"""A wider model that begins as what a narrower one has learnt (Net2Net: Chen, Goodfellow and Shlens 2016).

Every channel is copied, and what reads it shares its weight among the copies, so that the wider model says what the
narrow one said. The shares are drawn at random: copies that were read alike would stay alike.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor

from avtext.config import ModelSettings, parse
from avtext.errors import InvalidInput
from avtext.model import EventDetector
from avtext.pruning.channels import axes_of
from avtext.pruning.slicing import group_sizes, is_by_head, resized_options, sliced

MAX_FACTOR = 8  # copies of each channel


def widened_settings(model: EventDetector, factor: int) -> ModelSettings:
    """Settings of the model with ``factor`` times the channels of every layer; as many attention heads.

    Raises:
        InvalidInput: a factor outside 2 to 8.
        ConfigError: the model would be wider than a model may be.
    """
    if not 2 <= factor <= MAX_FACTOR:
        raise InvalidInput(f"factor: must lie in 2 to {MAX_FACTOR}, got {factor}")
    values = model.settings.model_dump()
    values["width"] = model.settings.width * factor
    for name, encoder in model.encoders.items():
        values["encoders"][name]["options"] |= resized_options(encoder, lambda count: count * factor)
    return parse(ModelSettings, values, f"the model {factor} times as wide")


@torch.no_grad()
def widen(model: EventDetector, factor: int = 2, seed: int = 0) -> EventDetector:
    """A model of ``factor`` times the channels that says the same, in evaluation mode.

    Args:
        model: the four light encoders are widened; any other stays as it is.
        factor: copies of every channel.
        seed: of the shares.

    Raises:
        InvalidInput: a factor outside 2 to 8.
        ConfigError: the model would be wider than a model may be.

    Example:
        >>> settings = ModelSettings(labels=["bell"], width=16, encoders={"audio": {"name": "logmel"}})
        >>> widen(EventDetector(settings)).settings.width
        32
    """
    large = EventDetector(widened_settings(model, factor)).eval()
    generator = torch.Generator().manual_seed(seed)
    axes, heads, state = axes_of(model), model.settings.fusion.num_heads, model.state_dict()
    sizes, wanted = group_sizes(state, axes), group_sizes(large.state_dict(), axes_of(large))
    copies = {
        group: torch.arange(size)
        .reshape(heads if is_by_head(group) else 1, -1)
        .repeat(1, wanted[group] // size)  # once where an encoder stays as it is
        .flatten()
        for group, size in sizes.items()
    }
    result = sliced(state, axes, copies)
    for name, parts in axes.items():
        read = parts[1] if len(parts) > 1 and not name.endswith("table.weight") else None  # a table's rows are written
        if read is not None:
            _share(result[name], read.places(copies, sizes), generator)
        if ".queries." in name:  # products of twice as many channels
            result[name] /= sqrt(factor)
    large.load_state_dict(result)
    return large


def _share(weight: Tensor, source: Tensor, generator: torch.Generator) -> None:
    """Scale a weight in place so that what it reads of all copies of a channel sums to what it read of the channel.

    Args:
        weight: (out, in, ...).
        source: (in,) which channel each is a copy of.
    """
    drawn = torch.rand(weight.shape, generator=generator) + 0.5
    total = torch.zeros_like(drawn).index_add_(1, source, drawn)
    weight *= drawn / total.index_select(1, source)
