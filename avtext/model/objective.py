"""The training loss: CRF, frame cross-entropy, labels without times, InfoNCE over lags, and self-supervision."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from avtext.config import AlignmentHeadSettings
from avtext.errors import InvalidInput
from avtext.layers.contrastive import lag_info_nce
from avtext.model.batch import Batch
from avtext.model.presence import presence_loss
from avtext.model.self_supervision import masked_loss, matching_loss, mean_of, soft_dtw_loss

if TYPE_CHECKING:
    from avtext.model.detector import Encoded, EventDetector, Output

EPSILON = 1e-6  # of what is raised to a power: the slope of a root has no end


class Losses(NamedTuple):
    """Weighted sum and its terms, per real grid step; ``alone`` is the frame term of each modality by itself."""

    total: Tensor
    crf: Tensor
    frame: Tensor
    alone: Tensor
    alignment: Tensor
    distillation: Tensor
    matching: Tensor
    masked: Tensor
    presence: Tensor
    soft_dtw: Tensor


class Taught(Protocol):
    """The weighted distillation loss of one view of a batch; see :mod:`avtext.distill`."""

    def __call__(self, encoded: Encoded, output: Output) -> Tensor:
        """A scalar."""
        ...


def detection_losses(
    model: EventDetector, batch: Batch, lost: Tensor | None = None, taught: Taught | None = None
) -> Losses:
    """CRF negative log-likelihood, frame cross-entropy on the emissions and InfoNCE between modalities.

    The cross-entropy keeps emissions calibrated: with the CRF loss alone a small bias on them ruins events. Encoders
    cost far more than what follows, so one pass of them serves two views of a clip: whole, and with modalities lost;
    and each modality must say what it can by itself, or the easiest one is all that is learnt.

    Args:
        model: its settings weigh the terms.
        batch: of labelled clips, or of any where a teacher is there. Of a clip whose labels have no times, or of which
            some are annotated, what is known counts.
        lost: boolean (B, M), true where the second view lacks one of the model's M modalities; None: one view.
        taught: what a teacher adds to the loss.

    Raises:
        InvalidInput: a clip is not labelled, a term of the loss learns from labels, and there is no teacher.
    """
    weights = model.settings.loss
    if taught is None and model.settings.supervised and batch.unlabelled:
        raise InvalidInput(
            f"loss: clip {batch.unlabelled[0]!r} is not labelled, and there is no teacher: label it, or give "
            "distill.teacher"
        )
    encoded = model.encode(batch)
    features, masks = model.on_video_clock(encoded, batch)
    zero = features[0].new_zeros((), dtype=torch.float32)
    crf = frame = presence = alone = distilled = zero
    weak = bool(weights.presence) and batch.present is not None
    if model.settings.supervised or taught is not None or weak:
        views = [masks]
        if lost is not None:
            views.append([mask & ~lost[:, m, None] for m, mask in enumerate(masks)])
        outputs = [model.fuse(features, view, batch.mask) for view in views]
        terms = [_view_losses(model, output, batch) for output in outputs]
        crf, frame, presence = (torch.stack(parts).mean() for parts in zip(*terms, strict=True))
        alone = _alone_loss(model, features, masks, batch)
        distilled = torch.stack([taught(encoded, output) for output in outputs]).mean() if taught else zero
    between = _between(model, encoded, features, batch)
    total = weights.crf * crf + weights.frame * frame + weights.alone * alone + distilled
    for name, term in between._asdict().items():
        if weight := getattr(weights, name):
            total = total + weight * term
    if weak:
        total = total + weights.presence * presence
    return Losses(total, crf, frame, alone, distillation=distilled, presence=presence, **between._asdict())


def _view_losses(model: EventDetector, output: Output, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """CRF, frame and presence terms of one view, per real grid step; zero where nothing is known of clips."""
    weights, steps = model.settings.loss, batch.mask.sum().clamp_min(1)
    crf = frame = presence = output.emissions.new_zeros(())
    if batch.present is not None and weights.presence:
        presence = presence_loss(model, output, batch.present) / steps
    if batch.tags is not None:
        frame = _frame_loss(model, output.emissions, batch, batch.mask) / steps
        if model.settings.decoder == "crf":
            crf = _crf_loss(model, output, batch) / steps
    return crf, frame, presence


def _crf_loss(model: EventDetector, output: Output, batch: Batch) -> Tensor:
    """Negative log-likelihood of the chains whose tags are known."""
    assert batch.tags is not None  # asked for only then
    likelihood = model.crf.log_likelihood(model.for_crf(output.emissions), model.for_crf(batch.tags), batch.mask)
    if batch.known is not None:
        likelihood = likelihood.masked_fill(~batch.known.reshape(likelihood.shape), 0.0)
    return -likelihood.sum()


def _alone_loss(model: EventDetector, features: list[Tensor], masks: list[Tensor], batch: Batch) -> Tensor:
    """Mean over the modalities of the frame term of each by itself, where it is there; zero where not labelled."""
    if batch.tags is None:
        return features[0].new_zeros(())
    terms = [
        _frame_loss(model, model.by_chain(head(values)), batch, mask) / mask.sum().clamp_min(1)
        for head, values, mask in zip(model.alone.values(), features, masks, strict=True)
    ]
    return torch.stack(terms).mean()


def _frame_loss(model: EventDetector, emissions: Tensor, batch: Batch, mask: Tensor) -> Tensor:
    """Sum of the cross-entropy, focal where ``loss.focus`` is over 0, at the steps of ``mask`` whose tags are known."""
    tags, known, focus = batch.tags, batch.known, model.settings.loss.focus
    assert tags is not None  # asked for only then
    terms = F.cross_entropy(emissions.flatten(0, -2), tags.flatten(), reduction="none").reshape(tags.shape)
    if focus:
        terms = terms * (1.0 - (-terms).exp()).clamp_min(EPSILON) ** focus
    counted = model.over_chains(mask)
    if known is not None:
        counted = counted & (known if tags.ndim == 2 else known[:, :, None])
    return (terms * counted).sum()


class Between(NamedTuple):
    """Terms that compare modalities with each other and need no labels."""

    alignment: Tensor
    matching: Tensor
    masked: Tensor
    soft_dtw: Tensor


def _between(model: EventDetector, encoded: Encoded, features: list[Tensor], batch: Batch) -> Between:
    """Each term, zero where its weight is."""
    weights, settings = model.settings.loss, model.settings.alignment
    nothing = torch.zeros((), device=batch.mask.device)
    terms = Between(nothing, nothing, nothing, nothing)
    if not model.settings.compares:
        return terms
    embeddings, masks = model.on_video_clock(encoded._replace(features=encoded.embeddings), batch)
    if settings.enabled and weights.alignment:
        reach = round(settings.reach * model.settings.grid_rate)
        terms = terms._replace(alignment=_alignment_loss(embeddings, masks, reach, settings))
    if weights.matching:
        terms = terms._replace(matching=matching_loss(embeddings, masks, settings.temperature))
    if weights.masked:
        terms = terms._replace(masked=masked_loss(model, features, masks, embeddings))
    if weights.soft_dtw:
        terms = terms._replace(soft_dtw=soft_dtw_loss(embeddings, masks, settings.temperature))
    return terms


def _alignment_loss(
    embeddings: list[Tensor], masks: list[Tensor], reach: int, settings: AlignmentHeadSettings
) -> Tensor:
    """Mean InfoNCE over pairs of modalities that some clip has."""
    terms = [
        lag_info_nce(embeddings[i], embeddings[j], (masks[i], masks[j]), reach, settings.temperature)
        for i, j in combinations(range(len(embeddings)), 2)
        if bool((masks[i].any(1) & masks[j].any(1)).any())
    ]
    return mean_of(terms, embeddings[0])
