"""Light video encoders: a 2-D network on each frame at 8 fps, and a linear one on full-rate picture statistics."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from avtext.kernels.picture import SIZE as NUM_STATISTICS
from avtext.layers.modes import norm_of_real
from avtext.layers.tcn import keep

CENTRE = 127.5  # of the values of a frame
LEAST_CONTRAST = 4.0  # of 255: the noise of an even frame stays small


class Absolute(nn.Module):
    """Magnitudes: an edge is the same edge whichever side of it is the brighter."""

    def forward(self, values: Tensor) -> Tensor:
        """Of any shape."""
        return values.abs()


class SmallVideoEncoder(nn.Module):
    """Frames to features, one step per frame: a network on the frame and on its change since the frame before.

    The first convolution is linear, so that of the change is the difference of two frames' and costs nothing more.

    Args:
        size: features per step.
        channels: of the convolutions; the first divides height and width by four, those after the second by two.
        rate: frames per second.
        contrast: whether frames are brought to one mean and one contrast, and the first convolution's results are
            taken without their sign [1]_: dark scenes and colours that are never twice the same hide shapes from a
            network that is small. How bright the picture is and how it changes is what :class:`PictureEncoder` says.

    .. [1] Jarrett, Kavukcuoglu, Ranzato, LeCun, *What is the best multi-stage architecture for object recognition?*,
       ICCV 2009: rectification by the absolute value, and contrast normalisation.
    """

    start = 0.0
    frame_size = 64  # pixels, height and width

    def __init__(
        self,
        size: int = 160,
        channels: Sequence[int] = (32, 64, 96, 128),
        rate: float = 8.0,
        contrast: bool = False,
    ) -> None:
        super().__init__()
        self.size, self.rate, self.contrast = size, rate, contrast
        self.spread = 1.0 if contrast else 127.5  # of the frames' values; 1 as well where the stem has taken it in
        self.stem = nn.Conv2d(3, 2 * channels[0], 5, stride=4, padding=2, bias=False)
        layers: list[nn.Module] = [nn.BatchNorm2d(channels[0]), Absolute() if contrast else nn.ReLU()]
        for depth, (a, b) in enumerate(pairwise(channels)):
            layers += [
                nn.Conv2d(a, b, 3, stride=min(2, depth + 1), padding=1, bias=False),
                nn.BatchNorm2d(b),
                nn.ReLU(),
            ]
        self.network = nn.Sequential(*layers)
        self.project = nn.Linear(2 * channels[-1], size)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def context(self) -> float:
        """The frame before, and where it is shown."""
        return 2.0 / self.rate

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 (B, frames, H, W, 3) with mask (B, frames) to (B, frames, size) and the mask."""
        B, T = mask.shape
        if T == 0:
            return values.new_zeros(B, 0, self.size, dtype=torch.float32), mask
        still, moving = self.stem(self._centred(values, mask)).chunk(2, dim=1)
        moving = moving.unflatten(0, (B, T))
        change = moving - torch.cat([moving[:, :1], moving[:, :-1]], 1)
        known = mask & torch.cat([mask[:, :1], mask[:, :-1]], 1)  # no change is known at the edge of a gap
        hidden = still + (change * known[:, :, None, None, None]).flatten(0, 1)
        if self.training and 0 < int(mask.sum()) < mask.numel():  # BatchNorm's statistics are those of real frames
            features = torch.zeros(B, T, self.size, device=mask.device)
            features[mask] = self._pooled(hidden[mask.flatten()]).to(features.dtype)
            return features, mask
        return keep(self._pooled(hidden).reshape(B, T, -1), mask), mask

    def _pooled(self, hidden: Tensor) -> Tensor:
        """Features of frames after the stem, (frames, size)."""
        hidden = self.network(hidden).flatten(2)
        pooled: Tensor = self.project(torch.cat([hidden.mean(-1), hidden.amax(-1)], -1))
        return pooled

    def _centred(self, values: Tensor, mask: Tensor) -> Tensor:
        """Frames as the stem takes them, (B * frames, 3, H, W), channels last in memory.

        What a frame outside the mask holds reaches no other frame's features, so only NaN must be kept out, which
        bytes cannot be.
        """
        frames = values.flatten(0, 1).permute(0, 3, 1, 2)
        if frames.is_floating_point():
            frames = torch.where(mask.flatten()[:, None, None, None], frames, torch.zeros(()).to(frames))
        if self.contrast:
            frames = frames.float()
            frames = frames - frames.mean((1, 2, 3), keepdim=True)
            return frames * (frames.square().mean((1, 2, 3), keepdim=True) + LEAST_CONTRAST**2).rsqrt()
        frames = frames.sub(CENTRE)  # also makes floats of bytes
        return frames if self.spread == 1.0 else frames.div_(self.spread)


class PictureEncoder(nn.Module):
    """Full-rate statistics (:mod:`avtext.kernels.picture`) to features, stretched so that small changes are heard too.

    Changes span from camera noise (0.001) to cuts (0.5), so both the value and its signed square root go in.
    """

    start = 0.0
    context = 0.0

    def __init__(self, size: int = 64, rate: float = 25.0) -> None:
        super().__init__()
        self.size, self.rate = size, rate
        self.norm = nn.BatchNorm1d(2 * NUM_STATISTICS)  # a cut stands out by ten deviations
        self.network = nn.Sequential(nn.Linear(2 * NUM_STATISTICS, size), nn.GELU(), nn.Linear(size, size))

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, SIZE) with mask (B, T) to (B, T, size) and the mask."""
        values = keep(values.float(), mask)
        stretched = values.sign() * values.abs().sqrt()
        rows = torch.cat([values, stretched], -1).flatten(0, 1)
        wide = norm_of_real(self.norm, rows, mask.flatten()).unflatten(0, mask.shape)
        return keep(self.network(wide), mask), mask
