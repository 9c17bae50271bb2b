"""Distillation (Hinton et al. 2015): a student learns from what its teacher says of the same clips.

A loss, not a second loop. With teacher t, student s, temperature τ, posteriors p over whole tag sequences (the CRF's),
features f and gates g, means over real steps::

    emissions   τ² KL(softmax(e_t / τ) ‖ softmax(e_s / τ))
    marginals   KL(p_t ‖ p_s) = E_t[score_t] - log Z_t - E_t[score_s] + log Z_s
    features    |cos(f_t, f_t') - cos(f_s, f_s')|²  over pairs of steps, per modality: no width has to match
    gates       KL(g_t ‖ g_s)  where both have the same modalities

Every term is zero when the student says what the teacher says. The gradient of the second is the difference of the
two chains' marginals; ``E_t`` needs the teacher's marginals and expected transitions alone, so those are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from avtext.config import ModelSettings, Settings
from avtext.errors import ConfigError
from avtext.layers.tcn import keep
from avtext.model import Encoded, EventDetector, Output
from avtext.model.objective import Taught


class DistillSettings(Settings):
    """Whom to learn from, and how much each term counts; terms are per real grid step."""

    teacher: Path = Field(description="model folder")
    temperature: float = Field(2.0, gt=0)
    emissions: float = Field(1.0, ge=0)
    marginals: float = Field(1.0, ge=0)
    features: float = Field(1.0, ge=0)
    gates: float = Field(0.2, ge=0)
    cache: Path | None = Field(None, description="folder that keeps what the teacher says; None: said again each time")


class Targets(NamedTuple):
    """What a teacher says of a batch.

    Attributes:
        emissions: (B, C, T, 3) or, exclusive, (B, T, K).
        marginals: shaped as the emissions; None for a teacher without a CRF.
        start, transitions, end: (B, C, K), (B, C, K, K), (B, C, K) expected counts of each clip's chains.
        negentropy: (B,) ``E_t[score_t] - log Z_t``, float64.
        gates: (B, T, 3).
        features: per modality (B, T, width).
        masks: per modality (B, T).
    """

    emissions: Tensor
    marginals: Tensor | None
    start: Tensor
    transitions: Tensor
    end: Tensor
    negentropy: Tensor
    gates: Tensor
    features: dict[str, Tensor]
    masks: dict[str, Tensor]


class Terms(NamedTuple):
    """The loss and its unweighted terms."""

    total: Tensor
    emissions: Tensor
    marginals: Tensor
    features: Tensor
    gates: Tensor


def check_same_task(teacher: ModelSettings, student: ModelSettings) -> None:
    """Refuse a teacher of other tags.

    Raises:
        ConfigError: labels, scheme or grid differ.
    """
    if teacher.labels != student.labels:
        theirs, ours = set(teacher.labels) - set(student.labels), set(student.labels) - set(teacher.labels)
        what = f"it has {sorted(theirs)}, the student {sorted(ours)}" if theirs or ours else "their order differs"
        raise ConfigError(
            f"distill.teacher: its labels are not the student's: {what}: set model.labels to the teacher's"
        )
    if (teacher.scheme, teacher.grid_rate) != (student.scheme, student.grid_rate):
        raise ConfigError(
            f"distill.teacher: has {teacher.scheme} labels at {teacher.grid_rate:g} steps a second, the student "
            f"{student.scheme} ones at {student.grid_rate:g}: set model.scheme and model.grid_rate to the teacher's"
        )


def ask(teacher: EventDetector, encoded: Encoded, output: Output) -> Targets:
    """What a teacher says, from its own pass over a batch.

    Args:
        teacher: in evaluation mode.
        encoded: of the batch.
        output: of the batch.
    """
    features = dict(zip(teacher.modalities, encoded.features, strict=True))
    masks = dict(zip(teacher.modalities, encoded.masks, strict=True))
    marginals, start, transitions, end, negentropy = (x.detach() for x in _expectations(teacher, output))
    known = marginals if teacher.settings.decoder == "crf" else None
    return Targets(output.emissions, known, start, transitions, end, negentropy, output.gates, features, masks)


def _expectations(teacher: EventDetector, output: Output) -> tuple[Tensor, ...]:
    """Marginals, expected starts, transitions and ends, and the negative entropy of each clip's posterior."""
    emissions, count = output.emissions, len(output.mask)
    found = teacher.crf.expectations(teacher.for_crf(emissions), output.mask)
    marginals = teacher.per_chain(found.marginals)
    expected = _score(teacher, emissions, *found[2:], marginals=marginals)
    return marginals, *found[2:], expected - found.log_partition.double().reshape(count, -1).sum(1)


def _score(
    model: EventDetector, emissions: Tensor, start: Tensor, transitions: Tensor, end: Tensor, *, marginals: Tensor
) -> Tensor:
    """Expected score of each clip's tags under ``model``, (B,) float64; what is forbidden has an expectation of 0."""
    crf = model.crf
    found = (marginals.double() * emissions.double()).flatten(1).sum(1)
    pairs = ((start, crf.start_transitions), (transitions, crf.transitions), (end, crf.end_transitions))
    for counts, parameter in pairs:
        found = found + (counts.double() * parameter.double()).flatten(1).sum(1)
    return found


def distillation_terms(
    model: EventDetector, encoded: Encoded, output: Output, targets: Targets, settings: DistillSettings
) -> Terms:
    """The loss of a student on one batch.

    Args:
        model: the student.
        encoded: its own, of the batch.
        output: its own, perhaps with modalities lost.
        targets: what the teacher says of the whole batch.
        settings: temperature and weights.
    """
    steps = output.mask.sum().clamp_min(1)
    emissions = _emissions_term(model, output, targets, settings.temperature) / steps
    marginals = _marginals_term(model, output, targets) / steps
    features = _features_term(model.modalities, encoded, targets)
    gates = _gates_term(output, targets) / steps
    s = settings
    total = s.emissions * emissions + s.marginals * marginals + s.features * features + s.gates * gates
    return Terms(total, emissions, marginals, features, gates)


def teaching(model: EventDetector, targets: Targets, settings: DistillSettings) -> Taught:
    """The weighted loss as the training loss of :mod:`avtext.model.objective` takes it."""
    return lambda encoded, output: distillation_terms(model, encoded, output, targets, settings).total


def _emissions_term(model: EventDetector, output: Output, targets: Targets, temperature: float) -> Tensor:
    ours, theirs = ((x / temperature).log_softmax(-1) for x in (output.emissions, targets.emissions))
    terms = F.kl_div(ours, theirs, reduction="none", log_target=True).sum(-1)
    return temperature**2 * terms.masked_fill(~model.over_chains(output.mask), 0.0).sum()


def _marginals_term(model: EventDetector, output: Output, targets: Targets) -> Tensor:
    if model.settings.decoder != "crf" or targets.marginals is None:
        return output.emissions.new_zeros(())
    counts = (targets.start, targets.transitions, targets.end)
    expected = _score(model, output.emissions, *counts, marginals=targets.marginals)
    log_z = model.crf.log_partition(model.for_crf(output.emissions), output.mask).double()
    return (targets.negentropy - expected + log_z.reshape(len(expected), -1).sum(1)).sum().to(output.emissions.dtype)


def _features_term(modalities: Sequence[str], encoded: Encoded, targets: Targets) -> Tensor:
    """From the products of features, (width, width), so that memory is linear in time: the sum over pairs of steps of
    ``(u·u')²`` is the square of ``UᵀU``, and that of ``(u·u') (v·v')`` the square of ``UᵀV``."""
    terms = []
    for name, features, mask in zip(modalities, encoded.features, encoded.masks, strict=True):
        if name in targets.features:
            real = mask & targets.masks[name]
            ours, theirs = (_of_unit_length(x, real) for x in (features, targets.features[name]))
            apart = _squares(ours, ours) - 2 * _squares(ours, theirs) + _squares(theirs, theirs)
            terms.append((apart / real.sum(1).square().sum().clamp_min(1)).float())
    return torch.stack(terms).mean() if terms else encoded.features[0].new_zeros(())


def _of_unit_length(features: Tensor, real: Tensor) -> Tensor:
    """Float64, since the sums are large where their difference is small; zero outside the mask."""
    return F.normalize(keep(features, real).double(), dim=-1)


def _squares(first: Tensor, second: Tensor) -> Tensor:
    return (first.transpose(1, 2) @ second).square().sum()


def _gates_term(output: Output, targets: Targets) -> Tensor:
    ours, theirs = output.gates.clamp_min(1e-8), targets.gates.clamp_min(1e-8)
    same = ((output.gates > 0) == (targets.gates > 0)).all(-1) & output.mask
    return (targets.gates * (theirs.log() - ours.log())).sum(-1).masked_fill(~same, 0.0).sum()
