"""The training loss: CRF, frame cross-entropy, and InfoNCE between modalities."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from avtext.errors import InvalidInput
from avtext.layers.contrastive import frame_info_nce
from avtext.model.batch import Batch

if TYPE_CHECKING:
    from avtext.model.detector import Encoded, EventDetector

NEAR = 6  # grid steps around an event that count as near it
QUIET = 0.05  # weight of a step far from any event in the alignment term


class Losses(NamedTuple):
    """Weighted sum and its terms; each per real grid step."""

    total: Tensor
    crf: Tensor
    frame: Tensor
    alignment: Tensor


def detection_losses(model: EventDetector, batch: Batch) -> Losses:
    """CRF negative log-likelihood, frame cross-entropy on the emissions and InfoNCE between modalities.

    The cross-entropy keeps emissions calibrated: with the CRF loss alone a small bias on them ruins events.

    Args:
        model: its settings weigh the terms.
        batch: with tags.

    Raises:
        InvalidInput: the batch has no tags.
    """
    if batch.tags is None:
        raise InvalidInput("loss: the batch has no tags: its clips are not labelled")
    encoded = model.encode(batch)
    features, masks = model.on_video_clock(encoded, batch)
    output = model.fuse(features, masks, batch.mask)
    steps = batch.mask.sum().clamp_min(1)
    frame = _frame_loss(output.emissions, batch.tags, batch.mask) / steps
    crf = frame.new_zeros(())
    if model.settings.decoder == "crf":
        emissions, tags = model.for_crf(output.emissions), model.for_crf(batch.tags)
        crf = -model.crf.log_likelihood(emissions, tags, batch.mask).sum() / steps
    alignment = _alignment_loss(model, encoded, batch, batch.tags)
    weights = model.settings.loss
    total = weights.crf * crf + weights.frame * frame + weights.alignment * alignment
    return Losses(total, crf, frame, alignment)


def _frame_loss(emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
    terms = F.cross_entropy(emissions.flatten(0, -2), tags.flatten(), reduction="none").reshape(tags.shape)
    return (terms * (mask if tags.ndim == 2 else mask[:, None])).sum()


def _alignment_loss(model: EventDetector, encoded: Encoded, batch: Batch, tags: Tensor) -> Tensor:
    """Mean InfoNCE over pairs of modalities, on steps in or near an event: elsewhere nothing tells the time."""
    settings = model.settings.alignment
    zero = torch.zeros((), device=batch.mask.device)
    if not settings.enabled or model.settings.loss.alignment == 0:
        return zero
    busy = (tags > 0).any(1) if tags.ndim == 3 else tags > 0
    near = F.max_pool1d(busy.float()[:, None], 2 * NEAR + 1, stride=1, padding=NEAR)[:, 0]
    weight = near.clamp_min(QUIET)
    exclusion = round(settings.exclusion * model.settings.grid_rate)
    embeddings, masks = model.on_video_clock(encoded._replace(features=encoded.embeddings), batch)
    terms = [
        frame_info_nce(embeddings[i], embeddings[j], both, weight, settings.temperature, exclusion)
        for i in range(len(embeddings))
        for j in range(i + 1, len(embeddings))
        if bool((both := masks[i] & masks[j]).any())
    ]
    return torch.stack(terms).mean() if terms else zero
