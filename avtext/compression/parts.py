"""A detector cut into graphs: what each of the runtime's ONNX files computes, as a module of tensors alone.

::

    audio    spectra, mask ─┐
    video    frames, mask ──┼─▶ (B, T', width) ─▶ to the grid, in numpy ─▶ tower per modality ─▶ fuse ─▶ emissions
    picture  values, mask ──┘                                               features, embeddings        gates
    text     ids, mask ───────▶ (cues, width) ─▶ on the steps they cover
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avtext.backends.onnx_export import Part
from avtext.encoders.hashed_text import HashedTextEncoder
from avtext.encoders.logmel import LogMelEncoder
from avtext.encoders.small_video import PictureEncoder, SmallVideoEncoder
from avtext.errors import ModelError
from avtext.kernels.picture import SIZE
from avtext.layers.tcn import keep
from avtext.model import EventDetector


class _Stream(nn.Module):
    """An encoder that takes (values, mask), and the projection to the model's width."""

    def __init__(self, encoder: nn.Module, projection: nn.Module) -> None:
        super().__init__()
        self.encoder, self.projection = encoder, projection

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        features, real = self.encoder(values, mask)
        return self.projection(features), real


class _Audio(_Stream):
    """The audio encoder behind its front end: the log-mel spectrogram is numpy's."""

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        encoder: Any = self.encoder
        features, real = encoder.features(values, mask)
        return self.projection(features), real


class _Text(nn.Module):
    """Bucket numbers (cues, most sub-words) and their mask to (cues, width)."""

    def __init__(self, encoder: HashedTextEncoder, projection: nn.Module) -> None:
        super().__init__()
        self.table, self.network, self.projection = encoder.table.weight, encoder.network, projection

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        there = mask.to(self.table.dtype)[..., None]
        mean = (F.embedding(ids, self.table) * there).sum(1) / there.sum(1).clamp_min(1.0)
        return self.projection(self.network(mean))


class _Tower(nn.Module):
    """One modality on the grid to its features and embeddings."""

    def __init__(self, model: EventDetector, modality: str) -> None:
        super().__init__()
        self.tcn, self.embedder = model.tcns[modality], model.embedders[modality]

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        features = self.tcn(values, mask)
        return features, keep(F.normalize(self.embedder(features), dim=-1), mask)


class _Fuse(nn.Module):
    """The clip's mask, then features and mask of each modality, to emissions, gates and what each modality says alone;
    whole blocks of steps."""

    def __init__(self, model: EventDetector) -> None:
        super().__init__()
        self.model = model

    def forward(self, mask: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
        output = self.model.fuse(values[::2], values[1::2], mask)
        return tuple(part for part in (output.emissions, output.gates, output.alone) if part is not None)


BATCH_TIME = {0: "batch", 1: "time"}
STEPS = 4  # of the examples, in whole blocks


def parts_of(model: EventDetector) -> dict[str, Part]:
    """The graphs of a detector by name: its streams, ``tower-<modality>`` and ``fuse``.

    Args:
        model: in evaluation mode.

    Raises:
        ModelError: an encoder that has no graph; the message says which ones have.
    """
    found = {name: _stream(name, model) for name in model.encoders}
    values, mask = torch.randn(2, STEPS, model.settings.width), torch.ones(2, STEPS, dtype=torch.bool)
    for modality in model.modalities:
        names = ("features", "embeddings")
        found[f"tower-{modality}"] = Part(
            _Tower(model, modality), (values, mask), ("values", "mask"), names, (BATCH_TIME,) * 2
        )
    found["fuse"] = _fuse(model)
    return found


def _fuse(model: EventDetector) -> Part:
    block, count = model.settings.reach_steps, len(model.modalities)
    B, T = 2, STEPS * block
    masks = [torch.ones(B, T, dtype=torch.bool) for _ in range(1 + count)]  # one each: shared ones count as one input
    example = (masks[0], *[x for mask in masks[1:] for x in (torch.randn(B, T, model.settings.width), mask)])
    names = ("mask", *[x for m in model.modalities for x in (f"features_{m}", f"mask_{m}")])
    axes = {0: "batch", 1: f"{block}*blocks"}
    told = ("emissions", "gates", "alone") if model.settings.loss.alone > 0 else ("emissions", "gates")
    return Part(_Fuse(model), example, names, told, (axes,) * len(example))


def _stream(name: str, model: EventDetector) -> Part:
    encoder, projection = model.encoders[name], model.projections[name]
    if isinstance(encoder, LogMelEncoder):
        spectra = torch.randn(2, 4 * STEPS, encoder.mel.n_mels)
        axes = {0: "batch", 1: "4*steps"}  # whole steps of four spectra
        return _dense(_Audio(encoder, projection), spectra, axes)
    if isinstance(encoder, SmallVideoEncoder):
        side = encoder.frame_size
        return _dense(_Stream(encoder, projection), torch.randint(0, 256, (2, 9, side, side, 3), dtype=torch.uint8))
    if isinstance(encoder, PictureEncoder):
        return _dense(_Stream(encoder, projection), torch.randn(2, STEPS, SIZE))
    if isinstance(encoder, HashedTextEncoder):
        ids = torch.randint(0, encoder.num_buckets, (3, 20))
        mask = torch.ones(3, 20, dtype=torch.bool)
        axes = {0: "cues", 1: "subwords"}
        return Part(_Text(encoder, projection), (ids, mask), ("ids", "mask"), ("vectors",), (axes, axes))
    kind = model.settings.encoders[name].name  # type: ignore[index]
    raise ModelError(
        f"{name}: the encoder {kind!r} has no graph for the runtime; those that have: logmel, small_video, picture, "
        "hashed_text: distil into a model of these (configs/distill.yaml)",
        stage="export",
    )


def _dense(module: nn.Module, values: Tensor, axes: Mapping[int, str] = BATCH_TIME) -> Part:
    mask = torch.ones(values.shape[:2], dtype=torch.bool)
    return Part(module, (values, mask), ("values", "mask"), ("features", "real"), (axes, axes))
