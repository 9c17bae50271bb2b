"""A waveform of any length, seen in windows as one whole: its normalisation and the windows' borders.

::

    row        |------------------------------------------------|
    window 0   |====keep====|-halo-|
    window 1         |-halo-|==keep==|-halo-|
    window 2                         |-halo-|====keep===========|    windows are equally long: the first keeps
                                                                     its left end, the last its right end
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

_PIECE = 1 << 20  # samples looked at together when statistics are taken: memory stays flat over hours
_VARIANCE_FLOOR = 1e-7  # as in the pretrained models' own normalisation: silence stays silence


class Window(NamedTuple):
    """Steps ``[first, last)`` of a row are computed together, ``[keep_first, keep_last)`` of them kept."""

    row: int
    first: int
    last: int
    keep_first: int
    keep_last: int


def plan_windows(row: int, count: int, length: int, halo: int) -> Iterator[Window]:
    """Windows of ``length`` steps whose kept parts tile ``[0, count)``; a short row is one window.

    Example:
        >>> [(w.first, w.last, w.keep_first, w.keep_last) for w in plan_windows(0, 14, 6, 1)]
        [(0, 6, 0, 5), (4, 10, 5, 9), (8, 14, 9, 14)]
    """
    if 0 < count <= length:
        yield Window(row, 0, count, 0, count)
        return
    kept = 0
    while kept < count:
        first = min(max(kept - halo, 0), count - length)
        last = first + length
        end = count if last == count else last - halo
        yield Window(row, first, last, kept, end)
        kept = end


@dataclass(frozen=True)
class WaveformRow:
    """One waveform without padding: ``values``, ``mask`` ``(samples,)``; ``mean``, ``scale`` scalars."""

    values: Tensor
    mask: Tensor
    mean: Tensor
    scale: Tensor

    @classmethod
    def of(cls, values: Tensor, mask: Tensor) -> WaveformRow:
        """The row up to its last real sample, with mean and inverse deviation of its real samples.

        Example:
            >>> row = WaveformRow.of(torch.tensor([1.0, 3.0, 9.0]), torch.tensor([True, True, False]))
            >>> len(row.values), row.normalised(0, 3).round(decimals=4).tolist()
            (2, [-1.0, 1.0, 0.0])
        """
        count = int(mask.sum())
        length = len(mask) - int(mask.flip(0).byte().argmax()) if count else 0
        values, mask = values[:length], mask[:length]
        zero = torch.zeros((), dtype=torch.float64, device=values.device)
        mean = power = zero
        for piece, known in zip(values.split(_PIECE), mask.split(_PIECE), strict=True):
            mean = mean + torch.where(known, piece.double(), zero).sum() / max(1, count)
        for piece, known in zip(values.split(_PIECE), mask.split(_PIECE), strict=True):
            power = power + torch.where(known, piece.double() - mean, zero).square().sum() / max(1, count)
        return cls(values, mask, mean.to(values.dtype), (power + _VARIANCE_FLOOR).rsqrt().to(values.dtype))

    def normalised(self, first: int, last: int) -> Tensor:
        """Samples ``[first, last)`` at zero mean and unit variance; zero where not real or past the end."""
        values, mask = self.values[first:last], self.mask[first:last]
        out = torch.where(mask, (values - self.mean) * self.scale, torch.zeros_like(self.mean))
        return pad(out, (0, last - first - len(out)))

    def frame_moments(self, size: int, stride: int, samples: int) -> tuple[Tensor, Tensor]:
        """Mean ``(size,)`` and covariance ``(size, size)`` of the normalised row's overlapping frames,
        float64.

        Args:
            size: samples in a frame.
            stride: samples from one frame's beginning to the next one's.
            samples: the row is looked at as if padded with zeros to this length, at least ``size``.
        """
        count = (samples - size) // stride + 1
        mean = torch.zeros(size, dtype=torch.float64, device=self.values.device)
        power = torch.zeros(size, size, dtype=torch.float64, device=self.values.device)
        for begin in range(0, count, _PIECE // stride):
            end = min(begin + _PIECE // stride, count)
            piece = self.normalised(begin * stride, (end - 1) * stride + size)
            frames = piece.double().unfold(0, size, stride)
            mean = mean + frames.sum(0) / count
            power = power + frames.T @ frames / count
        return mean, power - torch.outer(mean, mean)

    def real_steps(self, hop: int, field: int) -> Tensor:
        """Boolean ``(steps,)``: whether at least half of the ``field`` samples that a step sees are real."""
        seen = pad(self.mask, (0, max(0, field - len(self.mask)))).unfold(0, field, hop)
        return 2 * seen.sum(1) >= min(field, len(self.mask))
