"""Modalities that a clip loses in training, so that the model learns to do without them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from avtext.model import Batch


def modalities_in(batch: Batch, modalities: Sequence[str]) -> Tensor:
    """Which of ``modalities`` each clip of a batch has, boolean (clips, modalities), on the CPU."""
    streams = {name: stream.mask.any(1).cpu() for name, stream in batch.streams.items()}
    cues = zip(batch.cues, batch.cue_steps, strict=True)  # a blank one, and one that covers no step, say nothing
    spoken = [any(t.strip() and last > first for t, (first, last) in zip(*row, strict=True)) for row in cues]
    streams.setdefault("text", torch.tensor(spoken))
    nothing = torch.zeros(len(batch.mask), dtype=torch.bool)
    streams["video"] = streams.get("video", nothing) | streams.pop("picture", nothing)
    return torch.stack([streams.get(name, nothing) for name in modalities], 1)


def draw_lost(given: Tensor, chance: float, generator: torch.Generator) -> Tensor | None:
    """Which modalities the second view of each clip lacks, boolean (clips, modalities), never all that the clip has.

    Args:
        given: boolean (clips, modalities), those that each clip has of the model's.
        chance: that one is lost; with 0, or with one modality, there is no second view.
        generator: of the step.

    Example:
        >>> given = torch.tensor([[True, True, True]] * 50 + [[True, False, False]] * 50)
        >>> lost = draw_lost(given, 0.9, torch.Generator().manual_seed(0))
        >>> bool(lost[:50].any()), bool((given & ~lost).any(1).all())
        (True, True)
    """
    if chance == 0 or given.shape[1] < 2:
        return None
    drawn = torch.rand(given.shape, generator=generator)
    kept = torch.randint(given.shape[1], (len(given),), generator=generator)
    kept = torch.where(given.all(1), kept, drawn.masked_fill(~given, -1.0).argmax(1))
    lost: Tensor = drawn < chance
    lost[torch.arange(len(given)), kept] &= ~(lost | ~given).all(1)
    return lost
