"""How weights move: AdamW, a warm-up and a half cosine."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from avtext.training.settings import TrainSettings


def make_optimizer(model: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """AdamW; no weight decay on norms, biases (those of attention by distance too), and the CRF's transitions."""
    groups: list[dict[str, Any]] = [
        {"params": [], "weight_decay": settings.weight_decay},
        {"params": [], "weight_decay": 0.0},
    ]
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            spared = parameter.ndim < 2 or name.endswith("bias") or name.startswith("crf.")
            groups[spared]["params"].append(parameter)
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=settings.learning_rate, betas=(0.9, 0.98))


def learning_rate(step: int, settings: TrainSettings) -> float:
    """Linear warm-up, then a half cosine down to 1 %, which the step after the last one would have.

    Args:
        step: from 0 on.
        settings: of the run.
    """
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))
