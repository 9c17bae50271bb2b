"""Modalities that a clip loses in training, so that the model learns to do without them."""

from __future__ import annotations

import torch
from torch import Tensor


def draw_lost(clips: int, modalities: int, chance: float, generator: torch.Generator) -> Tensor | None:
    """Which modalities the second view of each clip lacks, boolean (clips, modalities), never all of them.

    Args:
        clips: how many.
        modalities: how many the model has.
        chance: that one is lost; with 0, or with one modality, there is no second view.
        generator: of the step.

    Example:
        >>> lost = draw_lost(100, 3, 0.9, torch.Generator().manual_seed(0))
        >>> bool(lost.any()), bool(lost.all(1).any())
        (True, False)
    """
    if chance == 0 or modalities < 2:
        return None
    lost: Tensor = torch.rand(clips, modalities, generator=generator) < chance
    kept = torch.randint(modalities, (clips,), generator=generator)
    lost[torch.arange(clips), kept] &= ~lost.all(1)
    return lost
