"""Weights to start from: those of another model that fit, also where it finds other events."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from pathlib import Path

import torch
from torch import nn

from avtext.distill import DistillSettings
from avtext.errors import ConfigError
from avtext.model import EventDetector, load_detector
from avtext.pruning import prune, widen

logger = logging.getLogger(__name__)
_PER_LABEL = re.compile(r"(emit|crf|alone\.\w+\.1)\.")  # layers whose outputs are the labels' tags


def is_per_label(name: str) -> bool:
    """Whether a weight of a detector follows its labels; from all others every label is found.

    Example:
        >>> is_per_label("emit.weight"), is_per_label("head.norm.weight")
        (True, False)
    """
    return _PER_LABEL.match(name) is not None


def fix_all_but(
    model: EventDetector, learn: Collection[str], distill: DistillSettings | None = None
) -> list[nn.Module]:
    """Take the gradients from all parts of a detector but some; returns the fixed ones, to be kept in evaluation mode.

    Args:
        model: changed.
        learn: names of the parts that keep theirs.
        distill: how a teacher speaks, too.

    Raises:
        ConfigError: nothing in these parts can learn.
    """
    parts = dict(model.named_children())
    fixed = [part for name, part in parts.items() if name not in learn]
    for part in fixed:
        part.requires_grad_(False)
    idle = _idle(model, distill)
    if not any(p.requires_grad for name in learn if name not in idle for p in parts[name].parameters()):
        raise ConfigError(
            f"learn: nothing in {', '.join(learn)} can learn: its weights are fixed, or the model's loss does not "
            f"depend on them: name others of {', '.join(parts)}"
        )
    return fixed


def _idle(model: EventDetector, distill: DistillSettings | None) -> set[str]:
    """Parts that the loss does not reach."""
    settings, loss = model.settings, model.settings.loss
    chains = settings.decoder == "crf" and (loss.crf or (distill is not None and distill.marginals))
    events = chains or loss.frame or loss.presence or (distill is not None and distill.emissions)
    reached = {
        "embedders": settings.compares and len(model.modalities) > 1,
        "alone": loss.alone,
        "fusion": events or loss.masked or (distill is not None and distill.gates),
        "head": events,
        "emit": events,
        "crf": chains or (settings.decoder == "crf" and loss.presence),
    }
    return {name for name, is_reached in reached.items() if not is_reached}


@torch.no_grad()
def start_from(
    model: EventDetector, folder: str | Path, share: float | None = None, factor: int | None = None
) -> EventDetector:
    """Give ``model`` the weights and the decision of a stored one; labels that only ``model`` has start fresh.

    Args:
        model: to be trained; changed.
        folder: a model folder whose encoders and widths, once pruned or widened, are those of ``model``.
        share: of its channels that go first; see :mod:`avtext.pruning`.
        factor: copies of each of its channels.

    Raises:
        ModelError: the folder is refused.
        ConfigError: a weight that all labels share is not in both, or has another shape; names it.
    """
    stored = load_detector(folder)
    stored = stored if share is None else prune(stored, share)
    stored = stored if factor is None else widen(stored, factor)
    own, given = model.state_dict(), stored.state_dict()
    shared = {name: value for name, value in given.items() if not is_per_label(name)}
    surplus = [name for name in shared if name not in own]
    if surplus:
        raise ConfigError(
            f"init: {folder}: has {surplus[0]}, which model lacks: give model the encoders, tcn, fusion and "
            "head_layers of its config.json"
        )
    for name, value in own.items():
        if not is_per_label(name) and (name not in shared or shared[name].shape != value.shape):
            raise ConfigError(
                f"init: {folder}: has no {name} of shape {tuple(value.shape)}: give model the grid_rate, encoders, "
                "width, tcn, fusion and head_layers of its config.json"
            )
    model.settings = model.settings.model_copy(update={"decision": stored.settings.decision})
    if model.settings.labels == stored.settings.labels and model.settings.scheme == stored.settings.scheme:
        model.load_state_dict(given)
        return model
    model.load_state_dict({**own, **shared})
    known = _take_labels(model, stored)
    logger.info("init: %s knows %s of the labels already", folder, ", ".join(known) or "none")
    return model


def _take_labels(model: EventDetector, stored: EventDetector) -> list[str]:
    """Copy the emissions and chains of the labels that both models have, one chain each; returns those labels."""
    mine, theirs = model.settings, stored.settings
    if (mine.scheme, theirs.scheme) != ("overlapping", "overlapping"):
        return []
    both = [label for label in mine.labels if label in theirs.labels]
    own, given = dict(model.named_parameters()), dict(stored.named_parameters())
    for name in (name for name in own if is_per_label(name)):
        target, source = own[name].view(len(mine.labels), -1), given[name].view(len(theirs.labels), -1)
        for label in both:
            target[mine.labels.index(label)] = source[theirs.labels.index(label)]
    return both
