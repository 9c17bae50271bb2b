"""Which axis of which weight belongs to which group of channels: what must be cut together.

A group is a set of channels that one layer writes and others read, such as the output of a convolution or the residual
stream of a modality. Groups are independent of each other, so each keeps its own best channels::

    stream.audio ─ norm ─ conv ─▶ tcn.audio.0 ─ mix ─▶ stream.audio      (a residual block)
    stream.audio ─ queries ─▶ fusion.0.keys      the channels in which queries and keys are compared, per head
    stream.video ─ keys ────▶ fusion.0.keys, fusion.0.values ─ outputs ─▶ stream.audio
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from avtext.clip import modality_of
from avtext.encoders.hashed_text import HashedTextEncoder
from avtext.encoders.logmel import LogMelEncoder
from avtext.encoders.small_video import PictureEncoder, SmallVideoEncoder
from avtext.model import EventDetector


class Axis(NamedTuple):
    """One axis of a weight: groups side by side, each channel ``inner`` values wide.

    Example:
        >>> Axis(("stem", "stem")).places({"stem": torch.tensor([0, 2])}, {"stem": 3}).tolist()
        [0, 2, 3, 5]
    """

    groups: tuple[str, ...]
    inner: int = 1

    def places(self, kept: Mapping[str, Tensor], sizes: Mapping[str, int]) -> Tensor:
        """Places on the axis of the kept channels."""
        places, begin = [], 0
        for group in self.groups:
            places.append(begin + kept[group])
            begin += sizes[group]
        channels = torch.cat(places)
        return (channels[:, None] * self.inner + torch.arange(self.inner)).flatten()


Axes = dict[str, tuple[Axis | None, ...]]


def axes_of(model: EventDetector) -> Axes:
    """By name of a weight or statistic, its axes that have groups; what is not named has none."""
    axes: Axes = {}
    for name, encoder in model.encoders.items():
        _encoder(axes, name, encoder)
        modality = modality_of(name)
        _linear(axes, f"projections.{name}", f"stream.{modality}", f"{name}.size")
    for modality in model.modalities:
        _tcn(axes, f"tcns.{modality}", model.tcns[modality], f"stream.{modality}")
        _norm(axes, f"embedders.{modality}.0", f"stream.{modality}")
        _linear(axes, f"embedders.{modality}.1", f"embedder.{modality}", f"stream.{modality}")
        _linear(axes, f"embedders.{modality}.3", None, f"embedder.{modality}")
        _norm(axes, f"alone.{modality}.0", f"stream.{modality}")
        _linear(axes, f"alone.{modality}.1", None, f"stream.{modality}")
    _fusion(axes, model)
    _tcn(axes, "head", model.head, "stream")
    _linear(axes, "emit", None, "stream")
    have = model.state_dict()
    return {name: value for name, value in axes.items() if name in have}  # what a layer lacks, such as a bias


def _axis(group: str | Axis | None) -> Axis | None:
    return Axis((group,)) if isinstance(group, str) else group


def _linear(axes: Axes, name: str, out: str | Axis | None, into: str | Axis | None) -> None:
    """A linear layer or a convolution: it writes ``out`` and reads ``into``."""
    axes[f"{name}.weight"] = (_axis(out), _axis(into))
    axes[f"{name}.bias"] = (_axis(out),)


def _norm(axes: Axes, name: str, group: str) -> None:
    for part in ("weight", "bias", "running_mean", "running_var"):
        axes[f"{name}.{part}"] = (_axis(group),)


def _tcn(axes: Axes, name: str, tcn: Any, stream: str) -> None:
    for i in range(len(tcn.blocks)):
        block, hidden = f"{name}.blocks.{i}", f"{name}.{i}"
        _norm(axes, f"{block}.norm", stream)
        _linear(axes, f"{block}.conv", hidden, stream)
        _linear(axes, f"{block}.mix", stream, hidden)


def _fusion(axes: Axes, model: EventDetector) -> None:
    streams = [f"stream.{modality}" for modality in model.modalities]
    for i, stream in enumerate(streams):
        _linear(axes, f"fusion.gate.{i}", None, stream)
        _linear(axes, f"fusion.value.{i}", "stream", stream)
    _norm(axes, "fusion.norm", "stream")
    mixed = model.settings.fusion.kind == "early"  # there attention comes after the mix
    for number in range(len(model.fusion.layers)):
        for i, stream in enumerate(["stream"] if mixed else streams):
            _attention(axes, f"fusion.layers.{number}", i, stream)


def _attention(axes: Axes, layer: str, i: int, stream: str) -> None:
    compared, carried = f"{layer}.keys", f"{layer}.values"  # one group for all modalities: they meet there
    _norm(axes, f"{layer}.norms.{i}", stream)
    _linear(axes, f"{layer}.queries.{i}", compared, stream)
    _linear(axes, f"{layer}.keys.{i}", Axis((compared, carried)), stream)
    _linear(axes, f"{layer}.outputs.{i}", stream, carried)
    _norm(axes, f"{layer}.feedforward.{i}.0", stream)
    _linear(axes, f"{layer}.feedforward.{i}.1", f"{layer}.feedforward.{i}", stream)
    _linear(axes, f"{layer}.feedforward.{i}.3", stream, f"{layer}.feedforward.{i}")


def _encoder(axes: Axes, name: str, encoder: Any) -> None:
    """The four light encoders; of any other only the projection that follows could be cut, so its size stays."""
    if isinstance(encoder, LogMelEncoder):
        _log_mel(axes, name, encoder)
    elif isinstance(encoder, SmallVideoEncoder):
        _small_video(axes, name, encoder)
    elif isinstance(encoder, PictureEncoder):
        _linear(axes, f"encoders.{name}.network.0", f"{name}.hidden", None)
        _linear(axes, f"encoders.{name}.network.2", f"{name}.size", f"{name}.hidden")
    elif isinstance(encoder, HashedTextEncoder):
        axes[f"encoders.{name}.table.weight"] = (None, _axis(f"{name}.embedding"))
        _linear(axes, f"encoders.{name}.network.0", f"{name}.hidden", f"{name}.embedding")
        _linear(axes, f"encoders.{name}.network.2", f"{name}.size", f"{name}.hidden")


def _log_mel(axes: Axes, name: str, encoder: LogMelEncoder) -> None:
    for i in range(len(encoder.blocks)):
        block = f"encoders.{name}.blocks.{i}"
        _linear(axes, f"{block}.conv", f"{name}.{i}", f"{name}.{i - 1}" if i else None)
        _norm(axes, f"{block}.norm", f"{name}.{i}")
    last: Any = encoder.blocks[-1]
    bands = encoder.project.in_features // last.conv.out_channels
    _linear(axes, f"encoders.{name}.project", f"{name}.size", Axis((f"{name}.{len(encoder.blocks) - 1}",), bands))


def _small_video(axes: Axes, name: str, encoder: SmallVideoEncoder) -> None:
    first = f"{name}.0"
    _linear(axes, f"encoders.{name}.stem", Axis((first, first)), None)  # the frame's half, then its change's
    _norm(axes, f"encoders.{name}.network.0", first)
    depth = (len(encoder.network) - 2) // 3  # convolutions after the stem, each with norm and ReLU
    for i in range(depth):
        _linear(axes, f"encoders.{name}.network.{2 + 3 * i}", f"{name}.{i + 1}", f"{name}.{i}")
        _norm(axes, f"encoders.{name}.network.{3 + 3 * i}", f"{name}.{i + 1}")
    last = f"{name}.{depth}"
    _linear(axes, f"encoders.{name}.project", f"{name}.size", Axis((last, last)))  # its mean, then its maximum
