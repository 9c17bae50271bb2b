"""Structured pruning: fewer channels everywhere, so that what is left is a smaller model of the same kind.

Nothing is masked: the pruned model is an :class:`avtext.model.EventDetector` of smaller settings, whose weights are
those of the channels with the largest norms. It must be trained a little before it is of use (``init=`` in a config).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from avtext.config import ModelSettings
from avtext.encoders.hashed_text import HashedTextEncoder
from avtext.encoders.logmel import LogMelEncoder
from avtext.encoders.small_video import PictureEncoder, SmallVideoEncoder
from avtext.errors import InvalidInput
from avtext.model import EventDetector
from avtext.pruning.channels import Axes, axes_of

CHANNEL_MULTIPLE = 8  # processors take channels by eights: eleven cost what sixteen do


def fewer(count: int, share: float, multiple: int = 1) -> int:
    """What is left of ``count`` channels when ``share`` of them go, rounded to a multiple.

    Example:
        >>> [fewer(n, 0.3) for n in (16, 24, 64, 96, 128, 160, 6)]
        [8, 16, 48, 64, 88, 112, 4]
    """
    step = math.lcm(CHANNEL_MULTIPLE if count >= 2 * CHANNEL_MULTIPLE else 1, multiple)
    return min(count, max(step, round(count * (1 - share) / step) * step))


def pruned_settings(model: EventDetector, share: float) -> ModelSettings:
    """Settings of the model with ``share`` of the channels of every layer taken away.

    Raises:
        InvalidInput: a share outside (0, 0.9].
    """
    if not 0.0 < share <= 0.9:
        raise InvalidInput(f"share: must lie in (0, 0.9], got {share}")
    values = model.settings.model_dump()
    heads = model.settings.fusion.num_heads
    least = math.ceil(CHANNEL_MULTIPLE / heads) * heads  # a width is 8 or more
    values["width"] = max(least, fewer(model.settings.width, share, heads))
    for name, encoder in model.encoders.items():
        values["encoders"][name]["options"] |= resized_options(encoder, lambda count: fewer(count, share))
    return ModelSettings.model_validate(values)


def resized_options(encoder: Any, change: Callable[[int], int]) -> dict[str, Any]:
    """Options of one of the four light encoders with every layer's number of channels changed; of any other none."""
    if isinstance(encoder, LogMelEncoder):
        blocks: Any = encoder.blocks
        channels = [block.conv.out_channels for block in blocks]
    elif isinstance(encoder, SmallVideoEncoder):
        convolutions = [part.out_channels for part in encoder.network if isinstance(part, torch.nn.Conv2d)]
        channels = [encoder.stem.out_channels // 2, *convolutions]
    elif isinstance(encoder, HashedTextEncoder):
        return {"size": change(encoder.size), "embedding": change(encoder.table.embedding_dim)}
    elif isinstance(encoder, PictureEncoder):
        return {"size": change(encoder.size)}
    else:
        return {}
    return {"size": change(encoder.size), "channels": [change(count) for count in channels]}


def prune(model: EventDetector, share: float = 0.3) -> EventDetector:
    """A smaller model with the weights of the strongest channels, in evaluation mode.

    Args:
        model: the four light encoders are pruned; any other stays as it is.
        share: of the channels of every layer.

    Raises:
        InvalidInput: a share outside (0, 0.9].

    Example:
        >>> settings = ModelSettings(labels=["bell"], width=64, encoders={"audio": {"name": "logmel"}})
        >>> prune(EventDetector(settings)).settings.width
        48
    """
    small = EventDetector(pruned_settings(model, share)).eval()
    axes, heads = axes_of(model), model.settings.fusion.num_heads
    state, wanted = model.state_dict(), group_sizes(small.state_dict(), axes_of(small))
    sizes = group_sizes(state, axes)
    norms = _norms(dict(model.named_parameters()), axes, sizes)
    kept = {group: _strongest(norm, wanted[group], heads if is_by_head(group) else 1) for group, norm in norms.items()}
    small.load_state_dict(sliced(state, axes, kept))
    return small


def is_by_head(group: str) -> bool:
    """Whether a group's channels belong to attention heads, each of which must keep as many."""
    return group.endswith((".keys", ".values"))


def group_sizes(state: Mapping[str, Tensor], axes: Axes) -> dict[str, int]:
    """Channels of every group."""
    sizes: dict[str, int] = {}
    for name, parts in axes.items():
        for number, axis in enumerate(parts):
            if axis is not None:
                for group in axis.groups:  # groups side by side are of one size
                    sizes[group] = state[name].shape[number] // len(axis.groups) // axis.inner
    return sizes


def sliced(state: Mapping[str, Tensor], axes: Axes, kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state with only the kept channels, in their given order, on every axis of their group."""
    sizes = group_sizes(state, axes)
    result = {}
    for name, value in state.items():
        for number, axis in enumerate(axes.get(name, ())):
            if axis is not None:
                value = value.index_select(number, axis.places(kept, sizes))
        result[name] = value.clone()
    return result


def _norms(weights: Mapping[str, Tensor], axes: Axes, sizes: Mapping[str, int]) -> dict[str, Tensor]:
    """Per group the norm of each channel: its share of every weight that writes or reads it, added up."""
    norms = {group: torch.zeros(size) for group, size in sizes.items()}
    for name, parts in axes.items():
        if name not in weights or weights[name].ndim < 2:
            continue
        for number, axis in enumerate(parts):
            if axis is None:
                continue
            power = weights[name].detach().square().transpose(0, number).flatten(1).sum(1)
            columns = power.reshape(len(axis.groups), -1, axis.inner).sum(2)
            for group, column in zip(axis.groups, columns, strict=True):
                norms[group] += column / column.mean().clamp_min(1e-12)
    return norms


def _strongest(norm: Tensor, count: int, heads: int) -> Tensor:
    """The ``count`` largest, in order, as many from each head."""
    by_head = norm.reshape(heads, -1)
    best = by_head.topk(count // heads, dim=1).indices.sort(1).values
    return (best + torch.arange(heads)[:, None] * by_head.shape[1]).flatten()
