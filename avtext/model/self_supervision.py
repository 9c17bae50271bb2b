"""What unlabelled clips teach: which streams belong together, in time too, and what one modality says of another.

All work on the embeddings in which clocks are found, so that they need no weights of their own and leave a detector
that any later stage can start from.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from avtext.layers.matching import info_nce
from avtext.layers.soft_dtw import soft_dtw_divergence
from avtext.layers.tcn import keep

if TYPE_CHECKING:
    from avtext.model.detector import EventDetector

HARDNESS = 0.5  # of other clips in the batch
EVERY = 5  # steps between those that masked modelling tells apart: neighbours are too alike
MIN_STEPS = 4  # steps of a modality in a clip, fewer cannot be told apart
SOFTNESS = 0.1  # of the warp, in squared distances of embeddings, which lie between 0 and 4


def mean_of(terms: list[Tensor], like: Tensor) -> Tensor:
    """The mean of scalars; zero, of the type and on the device of ``like``, where there is none."""
    return torch.stack(terms).mean() if terms else like.new_zeros(())


def matching_loss(embeddings: list[Tensor], masks: list[Tensor], temperature: float) -> Tensor:
    """Does this clip's sound belong to this picture, and these words: InfoNCE over the clips of a batch.

    A clip's modality is the mean of its embeddings over its real steps; the mean over pairs of modalities.

    Args:
        embeddings: M times (B, T, E).
        masks: M times (B, T).
        temperature: τ.
    """
    clips = [
        F.normalize(keep(e, m).sum(1) / m.sum(1).clamp_min(1)[:, None], dim=-1)
        for e, m in zip(embeddings, masks, strict=True)
    ]
    there = [mask.any(1) for mask in masks]
    terms = [
        info_nce(clips[i], clips[j], there[i] & there[j], temperature, HARDNESS)
        for i, j in combinations(range(len(clips)), 2)
    ]
    return mean_of(terms, embeddings[0])


def masked_loss(model: EventDetector, features: list[Tensor], masks: list[Tensor], embeddings: list[Tensor]) -> Tensor:
    """One modality told from the others: hidden from the fusion, its embeddings must be found among its own steps.

    The modality that a clip hides is drawn at random among those it has, if it has another. What the fusion makes of
    the rest, read by the hidden modality's own embedder, is compared with the embeddings at some steps of that clip.

    Args:
        model: whose fusion and embedders are trained; the embeddings to be told are fixed.
        features: M times (B, T, width) on one clock.
        masks: M times (B, T).
        embeddings: M times (B, T, E) on the same clock.
    """
    there = torch.stack([mask.any(1) for mask in masks], 1).float()  # (B, M)
    hidden = torch.multinomial(there + 1e-6, 1).squeeze(1)
    views = [mask & (hidden != m)[:, None] for m, mask in enumerate(masks)]
    fused = model.fusion(features, views)
    place = slice(int(torch.randint(EVERY, ())), None, EVERY)
    terms = []
    for m, (embed, target) in enumerate(zip(model.embedders.values(), embeddings, strict=True)):
        told = (hidden == m).to(target.device)
        known = (masks[m] & fused.mask & told[:, None])[:, place]
        known = known & (known.sum(1, keepdim=True) >= MIN_STEPS)
        if bool(known.any()):
            guess = F.normalize(embed(fused.features[:, place]), dim=-1)
            terms.append(info_nce(guess, target[:, place].detach(), known, model.settings.alignment.temperature))
    return mean_of(terms, features[0])


def soft_dtw_loss(embeddings: list[Tensor], masks: list[Tensor], temperature: float) -> Tensor:
    """Do this clip's sound and picture take one course: a triplet of soft-DTW divergences, another clip the third.

    Per pair of modalities ``softplus((D(a, b) - D(a, b')) / τ)``, D per step, b' of the clip before it in the batch
    that has both; the first takes the last one's. What is out of step by a little, or at another pace, is no error; a
    divergence alone would be least where all embeddings are one.

    Args:
        embeddings: M times (B, T, E).
        masks: M times (B, T).
        temperature: τ.
    """
    terms = []
    for i, j in combinations(range(len(embeddings)), 2):
        both = (masks[i].any(1) & masks[j].any(1)).nonzero()[:, 0]
        if len(both) < 2:
            continue
        first, there = _centred_front(embeddings[i][both], masks[i][both])
        second, real = _centred_front(embeddings[j][both], masks[j][both])
        others, theirs = torch.cat([second, second.roll(1, 0)]), torch.cat([real, real.roll(1, 0)])
        pairs = first.repeat(2, 1, 1), others, there.repeat(2, 1), theirs
        steps = (pairs[2].sum(1) + theirs.sum(1)) / 2
        own, other = (soft_dtw_divergence(*pairs, gamma=SOFTNESS) / steps).chunk(2)
        terms.append(F.softplus((own - other) / temperature).mean())
    return mean_of(terms, embeddings[0])


def _centred_front(values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The real steps first, without their mean: (B, T, E), and which they are, (B, T)."""
    order = (~mask).long().argsort(dim=1, stable=True)
    values, mask = values.gather(1, order[:, :, None].expand_as(values)).float(), mask.gather(1, order)
    mean = keep(values, mask).sum(1, keepdim=True) / mask.sum(1).clamp_min(1)[:, None, None]
    return keep(values - mean, mask), mask
