"""How weights move: AdamW or Muon, a warm-up and a half cosine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from avtext.training.muon import Muon
from avtext.training.settings import TrainSettings

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def make_optimizer(model: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """The optimizer of the settings; no weight decay on norms, biases (those of attention by distance too), and the
    CRF's transitions. Muon is for the matrices and kernels of layers; embeddings and all else are AdamW's.
    """
    muon = settings.optimizer == "muon"
    layers = set(_weights_of_layers(model)) if muon else set()
    groups: list[dict[str, Any]] = [
        {"params": [], "weight_decay": settings.weight_decay},
        {"params": [], "weight_decay": 0.0},
        {"params": [], "weight_decay": settings.weight_decay, "orthogonal": True},
    ]
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            spared = parameter.ndim < 2 or name.endswith("bias") or name.startswith("crf.")
            groups[2 if parameter in layers else spared]["params"].append(parameter)
    kind = Muon if muon else torch.optim.AdamW
    return kind([g for g in groups if g["params"]], lr=settings.learning_rate, betas=(0.9, 0.98))


def _weights_of_layers(model: nn.Module) -> Iterator[nn.Parameter]:
    for module in model.modules():
        if isinstance(module, LAYERS) and isinstance(weight := module.weight, nn.Parameter):  # no computed ones
            yield weight


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
