"""Where the modalities of a detector looked, for pictures of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from avtext.clip import Clip
from avtext.layers.modes import evaluating
from avtext.model.batch import collate
from avtext.model.detector import EventDetector


class AttentionMap(NamedTuple):
    """What one modality attended to in another.

    Args:
        looking: the modality that attends; ``"all"`` where they were mixed before.
        seen: the modality that it attends to.
        weights: ``(steps, 2 reach + 1)``, the mean of the heads: of the step ``j - reach`` later, at each step. Over
            all maps of one looking modality a step's weights sum to one.
        rate: steps per second.
    """

    looking: str
    seen: str
    weights: np.ndarray
    rate: float


@torch.inference_mode()
def attention_maps(model: EventDetector, clip: Clip) -> list[AttentionMap]:
    """Every pair of modalities of the last round of attention, none without any; of a clip of some seconds, for its
    memory.

    Args:
        model: a detector.
        clip: with streams as the model's encoders take them.
    """
    if not model.settings.fusion.num_layers:
        return []
    attention: Any = model.fusion.layers[-1]
    taken: list[Any] = []
    handle = attention.register_forward_pre_hook(lambda module, given: taken.append(given))
    try:
        with evaluating(model):
            model(collate([clip], None, model.settings.grid_rate).to(next(model.parameters()).device))
    finally:
        handle.remove()
    names = model.modalities if len(taken[0][0]) == len(model.modalities) else ("all",)
    return [
        AttentionMap(name, names[source], weights[0, :, s].float().cpu().numpy(), model.settings.grid_rate)
        for m, (name, weights) in enumerate(zip(names, attention.weights(*taken[0]), strict=True))
        for s, source in enumerate(attention.sources(m))
    ]
