"""What clips teach whose labels have no times: the likelihood that a label is somewhere, or nowhere.

A label is nowhere if the decoder's path has none of its tags. With ``Z`` the sum over all paths, and ``Z'`` that over
the paths without the label::

    log P(nowhere) = log Z' - log Z          loss = -log P(nowhere)  or  -log(1 - P(nowhere))

With the decoder ``softmax`` steps are independent, and ``1 - P(nowhere)`` is the noisy-or over them of
multiple-instance learning (Maron and Lozano-Pérez 1998). It is in the unit of the CRF term: nats of what is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from avtext.model.detector import EventDetector, Output

EPSILON = 1e-6  # of a probability whose logarithm is taken; its gradient stays


def presence_loss(model: EventDetector, output: Output, present: Tensor) -> Tensor:
    """Negative log-likelihood of which labels occur in each clip, summed over clips and labels.

    Args:
        model: whose decoder gives the probabilities.
        output: emissions of B clips.
        present: (B, labels) int64: 1 where a label occurs, 0 where it does not, -1 where that is not known.
    """
    nowhere = log_nowhere(model, output)
    somewhere = (EPSILON - torch.expm1(nowhere)).log()
    likelihood = torch.where(present == 1, somewhere, nowhere)
    return -likelihood.masked_fill(present < 0, 0.0).sum().float()


def log_nowhere(model: EventDetector, output: Output) -> Tensor:
    """``log P`` that a label has no step of a clip, (B, labels) float64, differentiable, at most 0."""
    mask = model.over_chains(output.mask)
    emissions = output.emissions.double().masked_fill(~mask[..., None], 0.0)  # double: a difference of two large sums
    label_of = torch.from_numpy(model.scheme.labels_of(np.arange(model.scheme.num_tags))).to(emissions.device)
    in_chain = 1 if model.scheme.kind == "overlapping" else len(model.scheme.labels)  # labels that share a chain
    without = [
        _log_total(model, emissions.masked_fill(label_of == label, -torch.inf), output.mask)
        for label in range(in_chain)
    ]
    return (torch.cat(without, 1) - _log_total(model, emissions, output.mask)).clamp(max=0.0)


def _log_total(model: EventDetector, emissions: Tensor, mask: Tensor) -> Tensor:
    """``log Σ exp(score)`` over all paths of each chain, (B, chains)."""
    if model.settings.decoder == "crf":
        return model.crf.log_partition(model.for_crf(emissions), mask).reshape(len(mask), -1)
    steps = emissions.logsumexp(-1).reshape(len(mask), -1, mask.shape[1])
    return steps.masked_fill(~mask[:, None], 0.0).sum(-1)
