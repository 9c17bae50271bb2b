"""SlowFast R50, dense: pooled over space only, so that every frame keeps its own features.

`Feichtenhofer et al., SlowFast Networks <https://arxiv.org/abs/1812.03982>`_. The usual way slides a window
and recomputes nearly everything for each; here the video is cut into clips of 32 frames that do not overlap,
and one pass over each gives features of all its frames. The fast pathway has one step per frame, the slow one
every fourth, interpolated::

    frames   0   1   2   3   4   5   6   7   8 ...      15 a second
    fast     o   o   o   o   o   o   o   o   o
    slow     O . . . . . . . O . . . . . . . O          step j sees frame 4 j, and the fast steps around it
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from avtext.encoders.pretrained import first_line, learn_only_last, together_on
from avtext.encoders.slowfast_weights import load_network, read_weights
from avtext.errors import ConfigError, InvalidInput

MEAN, DEVIATION = 0.45, 0.225  # of Kinetics pixels in [0, 1]: what the published weights were trained with
LANES = 8  # channels that tensor cores take at once
LEAST_SIDE = 32  # pixels of a frame
SETTINGS: dict[str, Any] = {  # of create_slowfast, those that may be set; the defaults are R50, 8x8
    "model_depth": 50,
    "stem_dim_outs": (64, 8),
    "slowfast_channel_reduction_ratio": 8,
    "slowfast_conv_channel_fusion_ratio": 2,
    "slowfast_fusion_conv_kernel_size": (7, 1, 1),
    "slowfast_fusion_conv_stride": (4, 1, 1),
}


class StemConv(nn.Conv3d):
    """A convolution that takes more channels than it has, zeros: three are too few for the GPU's tensor cores."""

    @classmethod
    def like(cls, conv: nn.Conv3d) -> StemConv:
        """One with another's shape and weights."""
        shape = (conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding)
        stem = cls(*shape, bias=conv.bias is not None)  # type: ignore[arg-type]
        stem.load_state_dict(conv.state_dict())
        return stem

    def forward(self, values: Tensor) -> Tensor:
        """``(n, channels, T, H, W)``, of at least as many channels as the weights are for."""
        spare = values.shape[1] - self.in_channels
        weight = F.pad(self.weight, (0, 0) * 3 + (0, spare)) if spare else self.weight
        return self._conv_forward(values, weight, self.bias)


class SlowFastEncoder(nn.Module):
    """Dense SlowFast features of RGB frames.

    Args:
        source: a local checkpoint (``.pyth``, ``.pt`` or ``.safetensors``) or ``"slowfast_r50"``, which is
            looked for among earlier downloads and then fetched; None for random weights.
        config: settings of `pytorchvideo`'s ``create_slowfast`` (names in ``SETTINGS``); default: R50, 8x8.
        rate: frames per second that :meth:`forward` is given. The published weights saw 15: every second
            frame at 30.
        clip_frames: frames computed together, a multiple of the ratio of the pathways' rates.
        batch: clips computed together; None: one on a CPU and eight on a GPU.
        trained_blocks: how many of the five (stem and four stages), from the last on, learn where the encoder is a
            part of the model; None: all.
        checkpointing: compute the blocks' activations again in the backward pass instead of keeping them: less
            memory, about a third more time (`Chen et al. 2016 <https://arxiv.org/abs/1604.06174>`_).
        frame_size: pixels, height and width, in which frames of files come; None: the 256 of the published weights.
        learn_statistics: in training BatchNorm takes and learns the statistics of the ``batch`` clips that are computed
            together, which random weights need; false: it keeps the stored ones then too, since those of one
            video's clips would make features depend on what else is in the batch.

    Attributes:
        rate: steps per second, one per frame.
        size: feature width, slow before fast: 2048 + 256 for R50.
        start: 0: step i is frame i.
        context: 0.2 s, about what neighbouring frames share; how far a frame sees depends on its place among the
            ``clip_frames``, which no window beyond them changes.
        batch: as given; features do not depend on it, but for rounding.
        settings: what decides the features besides the weights, as plain JSON values.

    Raises:
        ModelError: the file is missing, damaged, unsafe or of another model, or the hub cannot be reached.
        ConfigError: a setting that is not known or does not fit.

    Example:
        >>> small = {"model_depth": 18, "stem_dim_outs": [8, 1]}
        >>> encoder = SlowFastEncoder(config=small)
        >>> frames = torch.zeros(1, 40, 64, 64, 3, dtype=torch.uint8)
        >>> features, real = encoder(frames, torch.ones(1, 40, dtype=torch.bool))
        >>> features.shape, encoder.rate
        (torch.Size([1, 40, 288]), 15.0)
    """

    start = 0.0
    context = 0.2
    for_tensor_cores = True  # on a GPU: channels last, and as many of them as its convolutions are made for
    frame_size = 256

    def __init__(
        self,
        source: str | Path | None = None,
        config: Mapping[str, Any] | None = None,
        *,
        rate: float = 15.0,
        clip_frames: int = 32,
        batch: int | None = None,
        trained_blocks: int | None = None,
        checkpointing: bool = False,
        frame_size: int | None = None,
        learn_statistics: bool = False,
    ) -> None:
        super().__init__()
        chosen = _settings(config or {})
        weights = None if source is None else read_weights(source)
        self.blocks = _build(chosen)
        if weights is not None:
            load_network(self.blocks, weights, str(source))
        self._ratio = chosen["slowfast_fusion_conv_stride"][0]
        if clip_frames < 1 or clip_frames % self._ratio or (batch is not None and batch < 1) or not rate > 0:
            needed = f"clip_frames must be a positive multiple of {self._ratio}, batch at least 1 and rate positive"
            raise ConfigError(f"{needed}, got {clip_frames=}, {batch=}, {rate=}")
        if frame_size is not None and frame_size < LEAST_SIDE:
            raise ConfigError(f"frame_size must be at least {LEAST_SIDE} pixels, got {frame_size}")
        slow = 32 * chosen["stem_dim_outs"][0]  # the last stage is 32 times as wide as the stem
        self.rate, self.size = float(rate), slow + slow // chosen["slowfast_channel_reduction_ratio"]
        self._frames, self.batch, self._checkpointing = clip_frames, batch, checkpointing
        self.frame_size, self._learn_statistics = frame_size or self.frame_size, learn_statistics
        learn_only_last(self.blocks, list(self.blocks), trained_blocks)
        self.settings = {"rate": self.rate, "clip_frames": clip_frames, "config": chosen}
        self.eval()

    def train(self, mode: bool = True) -> SlowFastEncoder:
        """Training mode for all but BatchNorm, which keeps its stored statistics unless it is to learn them."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm3d) and not self._learn_statistics:
                module.eval()
        return self

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Features of every frame.

        Args:
            values: ``(B, frames, height, width, 3)`` RGB, uint8 or as floats in [0, 255], through which gradients
                go; at least 32 pixels a side; 256 is what the published weights saw.
            mask: boolean ``(B, frames)``, true where a frame is real. Inside a gap the frame before it is
                held, so that its edges are no flashes; nothing else of what ``values`` holds there is read.

        Returns:
            ``(B, frames, size)`` float32, zero where not real, and the mask as given.

        Raises:
            InvalidInput: shapes or types that do not fit.
        """
        _check(values, mask)
        features = torch.zeros(*mask.shape, self.size, device=values.device)
        clips = [(row, *clip) for row, real in enumerate(mask) for clip in _clips(real, self._frames)]
        size = together_on(values.device, self.batch)
        for begin in range(0, len(clips), size):
            together = clips[begin : begin + size]
            computed = self.dense(torch.stack([values[row, index] for row, _, index in together]))
            for (row, first, _), steps in zip(together, computed, strict=True):
                kept = features[row, first : first + self._frames]
                kept.copy_(steps[: len(kept)])
        return features.masked_fill_(~mask[..., None], 0.0), mask

    def dense(self, frames: Tensor) -> Tensor:
        """The network alone: frames ``(n, clip_frames, H, W, 3)`` to ``(n, clip_frames, size)``."""
        fast = frames.permute(0, 4, 1, 2, 3).div(255.0).sub_(MEAN).div_(DEVIATION)
        if fast.is_cuda and self.for_tensor_cores:
            fast = F.pad(fast, (0, 0) * 3 + (0, LANES - 3)).contiguous(memory_format=torch.channels_last_3d)
        pathways = [fast[:, :, :: self._ratio], fast]
        for block in self.blocks:
            if self._checkpointing and torch.is_grad_enabled():
                pathways = checkpoint(_through, block, *pathways, use_reentrant=False)
            else:
                pathways = _through(block, *pathways)
        slow, fast = (pathway.float().mean((3, 4)) for pathway in pathways)
        position = torch.arange(self._frames, device=frames.device) / self._ratio
        low = position.long()
        high = (low + 1).clamp(max=slow.shape[2] - 1)
        dense = torch.lerp(slow[:, :, low], slow[:, :, high], position - low)
        return torch.cat([dense, fast], 1).transpose(1, 2)


def _through(block: nn.Module, *pathways: Tensor) -> Any:
    """What a block makes of the pathways; a list of their own, since blocks write into it."""
    return block([*pathways])


def _clips(real: Tensor, length: int) -> list[tuple[int, Tensor]]:
    """Of one row: each clip's first frame and the ``length`` frames to look at, up to the last real one."""
    if not bool(real.any()):
        return []
    number = torch.arange(len(real), device=real.device)
    shown = torch.where(real, number, -1).cummax(0).values
    shown = torch.where(shown < 0, real.byte().argmax(), shown)  # before the first real frame that one is held
    last = int(number[real][-1])
    clips = []
    for first in range(0, last + 1, length):
        clips.append((first, shown[(first + number.new_tensor(range(length))).clamp(max=last)]))
    return clips


def _check(values: Tensor, mask: Tensor) -> None:
    fits = values.ndim == 5 and values.shape[:2] == mask.shape and values.shape[4] == 3
    coloured = values.dtype == torch.uint8 or values.is_floating_point()
    if not fits or not coloured or mask.dtype != torch.bool or min(values.shape[2:4]) < LEAST_SIDE:
        raise InvalidInput(
            "values must be uint8 or floating (B, frames, H, W, 3) of at least 32 x 32 pixels and mask boolean "
            f"(B, frames), got {values.dtype} {tuple(values.shape)} and {mask.dtype} {tuple(mask.shape)}"
        )


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """All of ``SETTINGS``, those of R50 where not given."""
    unknown = sorted(set(config) - set(SETTINGS))
    if unknown:
        raise ConfigError(f"config: SlowFast has no setting {unknown[0]!r}; known: {', '.join(SETTINGS)}")
    chosen = {**SETTINGS, **config}
    slow, fast = chosen["stem_dim_outs"]
    if slow != fast * chosen["slowfast_channel_reduction_ratio"]:
        raise ConfigError(
            "config: stem_dim_outs must be [slow, fast], slow = fast * slowfast_channel_reduction_ratio, "
            f"got {chosen['stem_dim_outs']} and {chosen['slowfast_channel_reduction_ratio']}"
        )
    return chosen


def _build(settings: Mapping[str, Any]) -> nn.ModuleList:
    """Stem and stages, without the head that pools time away."""
    from pytorchvideo.models.slowfast import create_slowfast

    try:
        network = create_slowfast(**settings, head=None)
    except (AssertionError, TypeError, ValueError, RuntimeError, IndexError) as error:
        raise ConfigError(f"config: SlowFast cannot be built from {dict(settings)} ({first_line(error)})") from error
    for pathway in network.blocks[0].multipathway_blocks:
        pathway.conv = StemConv.like(pathway.conv)
    return network.blocks[:5]
