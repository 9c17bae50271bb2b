"""Adversarial examples (Goodfellow et al. 2015; Madry et al. 2018): small changes of the inputs that raise the loss.

Under an L-infinity budget, from the gradient of a loss::

    FGSM   x' = x + ε sign(∇ loss)                             one step
    PGD    x' = clip(x' + α sign(∇ loss), x - ε, x + ε)        several, from a random start
    fast   x' = clip(x + η + 1.25 ε sign(∇ loss), x - ε, x + ε)  one step from a random η, to learn from

The loss of the first two is the CRF's plus the frames', whatever they weigh in training, of emissions and transitions
over their common spread. A softmax that is sure leaves no gradient to follow, so a model whose scores are only larger
would look robust (Croce and Hein 2020 found defences that did); so divided, the same model with all scores times ten
gives the same examples. The last takes the gradient that training has found.

The sound's waveform is in [-1, 1], frames are in [0, 255]; picture statistics, text and the features of a frozen
encoder move as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import torch
from torch import Tensor

from avtext.errors import InvalidInput
from avtext.layers.modes import evaluating
from avtext.model import Batch, EventDetector

# By stream: what may change at most. Sound: -48 dB of full scale; frames: 2 of 255 levels.
BUDGETS: Mapping[str, float] = MappingProxyType({"audio": 0.004, "video": 2.0, "picture": 0.01, "text": 0.01})
FAST_STEP = 1.25  # budgets, of `fgsm_from_random_start`: as Wong et al. found
# By stream and number of axes: waveforms (batch, samples), frames (batch, frames, height, width, 3).
RANGES = {("audio", 2): (-1.0, 1.0), ("video", 5): (0.0, 255.0)}


@dataclass(frozen=True)
class Attack:
    """How inputs are changed.

    Args:
        budgets: by stream, the largest change of a value; streams that are not named stay.
        steps: 1 is FGSM, more is PGD.
        step_size: of PGD, as a share of the budget.
        seed: of PGD's random start.
        whole: frames are left as whole numbers, as files have them; false: as floats, which do more harm.

    Raises:
        InvalidInput: an unknown stream, a budget that is negative or not finite, or no step.
    """

    budgets: Mapping[str, float] = field(default_factory=lambda: BUDGETS)
    steps: int = 1
    step_size: float = 0.25
    seed: int = 0
    whole: bool = True

    def __post_init__(self) -> None:
        check_budgets(self.budgets)
        if self.steps < 1 or not 0 < self.step_size < math.inf:
            raise InvalidInput(
                f"Attack: needs a step and a positive step size that is finite, got {self.steps}, {self.step_size}"
            )


def check_budgets(budgets: Mapping[str, float]) -> None:
    """Refuse streams that cannot be attacked, and budgets that are negative or not finite.

    Raises:
        InvalidInput: names them.
    """
    if set(budgets) - set(BUDGETS) or not all(0 <= budget < math.inf for budget in budgets.values()):
        raise InvalidInput(
            f"Attack: budgets must be at least 0, finite, and for {', '.join(BUDGETS)}, got {dict(budgets)}"
        )


def attack(model: EventDetector, batch: Batch, how: Attack | None = None) -> Batch:
    """A batch on which ``model`` does worse; FGSM by default.

    Args:
        model: its parameters and mode are as before afterwards.
        batch: with tags.
        how: budgets and steps.

    Raises:
        InvalidInput: the batch has no tags, a clip of it is not labelled, or the model's loss takes no tags.
    """
    _check_supervised(model, batch)
    how = how or Attack()
    clean = {n: s.values.float() for n, s in batch.streams.items() if how.budgets.get(n, 0.0) > 0}
    if not clean:
        return batch
    changed = _start(clean, how)
    with _attacked(model), _of_unit_spread(model, batch):
        for _ in range(how.steps):
            changed = _step(model, batch, clean, changed, how)
    if how.whole:
        changed = {name: _as(batch.streams[name].values, clean[name], value) for name, value in changed.items()}
    return _with(batch, changed)


def _check_supervised(model: EventDetector, batch: Batch) -> None:
    """Refuse what has no loss that could rise: the batch would come back as it is, and the model look robust."""
    if batch.tags is None:
        raise InvalidInput(
            f"attack: the batch has no tags, as clip {batch.names[0]!r} is not labelled: give clips their events, and "
            "collate the model's scheme"
        )
    if not model.settings.supervised:
        raise InvalidInput("attack: the model's loss takes no tags: give loss.crf, loss.frame or loss.alone a weight")


def with_gradients(batch: Batch, budgets: Mapping[str, float]) -> tuple[Batch, dict[str, Tensor]]:
    """The same batch with inputs in which a backward pass leaves its gradient, for :func:`fgsm_from_random_start`.

    Args:
        batch: not changed.
        budgets: by stream, the largest change of a value; streams that are not named stay.
    """
    attacked = {n: s.values for n, s in batch.streams.items() if budgets.get(n, 0.0) > 0}
    leaves = {n: values.detach().to(torch.float32, copy=True).requires_grad_() for n, values in attacked.items()}
    return _with(batch, leaves), leaves


def fgsm_from_random_start(
    batch: Batch, leaves: Mapping[str, Tensor], budgets: Mapping[str, float], generator: torch.Generator
) -> Batch:
    """The batch to learn from next: one step uphill from a random start (Wong et al. 2020, "Fast is better than free").

    The gradient is the one that the batch's own backward pass left, so that an adversarial example costs no pass of
    its own. A step longer than the budget, and the random start, keep the model from learning to be steep and bent.

    Args:
        batch: of :func:`with_gradients`.
        leaves: of :func:`with_gradients`, after a backward pass of its loss.
        budgets: as there.
        generator: on the CPU, of the random start.
    """
    changed = {}
    for name, leaf in sorted(leaves.items()):
        clean, budget = leaf.detach(), budgets[name]
        uphill = torch.zeros_like(clean) if leaf.grad is None else torch.nan_to_num(leaf.grad).sign()
        start = 2.0 * torch.rand(clean.shape, generator=generator).to(clean.device) - 1.0
        changed[name] = within_range(name, clean, clean + budget * (start + FAST_STEP * uphill).clamp(-1.0, 1.0))
    return _with(batch, changed)


def _start(clean: Mapping[str, Tensor], how: Attack) -> dict[str, Tensor]:
    """The inputs themselves for FGSM; a random point of the budget for PGD."""
    if how.steps == 1:
        return dict(clean)
    generator = torch.Generator().manual_seed(how.seed)
    drawn = {n: 2.0 * torch.rand(x.shape, generator=generator) - 1.0 for n, x in sorted(clean.items())}
    return {n: within_range(n, x, x + drawn[n].to(x.device) * how.budgets[n]) for n, x in clean.items()}


def _step(
    model: EventDetector, batch: Batch, clean: Mapping[str, Tensor], changed: Mapping[str, Tensor], how: Attack
) -> dict[str, Tensor]:
    leaves = {name: value.detach().requires_grad_() for name, value in changed.items()}
    loss = model.loss(_with(batch, leaves))
    total = loss.crf + loss.frame
    if not total.requires_grad:  # the model reads none of these streams, or nothing in them is real
        return dict(changed)
    uphill = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    result = {}
    for (name, leaf), gradient in zip(leaves.items(), uphill, strict=True):
        budget = how.budgets[name]
        move = torch.zeros_like(leaf) if gradient is None else torch.nan_to_num(gradient).sign()
        stride = budget if how.steps == 1 else budget * how.step_size
        near = (leaf.detach() + stride * move).clamp(clean[name] - budget, clean[name] + budget)
        result[name] = within_range(name, clean[name], near)
    return result


def within_range(name: str, clean: Tensor, values: Tensor) -> Tensor:
    """Values of a stream where it can have them: waveforms in [-1, 1], frames in [0, 255], others anywhere.

    Lossy sound is decoded to a little beyond full scale, and to cut what is there already would exceed a budget.

    Example:
        >>> clean = torch.tensor([[0.999, 1.5]])
        >>> within_range("audio", clean, clean + torch.tensor([[0.25, -0.25]])).tolist()
        [[1.0, 1.25]]
    """
    if (name, values.ndim) not in RANGES:
        return values
    low, high = RANGES[name, values.ndim]
    return values.clamp(clean.clamp(max=low), clean.clamp(min=high))


def _as(like: Tensor, clean: Tensor, values: Tensor) -> Tensor:
    """In the type that the stream has: frames are whole numbers, rounded towards what they were, within the budget."""
    return (clean + (values - clean).trunc()).to(like.dtype) if not like.is_floating_point() else values.to(like.dtype)


def _with(batch: Batch, values: Mapping[str, Tensor]) -> Batch:
    streams = {n: replace(s, values=values[n]) if n in values else s for n, s in batch.streams.items()}
    return replace(batch, streams=streams)


@contextmanager
def _attacked(model: EventDetector) -> Iterator[None]:
    """No dropout; gradients, but none for weights; undone afterwards."""
    asked = [parameter for parameter in model.parameters() if parameter.requires_grad]
    model.requires_grad_(False)
    try:
        with evaluating(model), torch.enable_grad():
            yield
    finally:
        for parameter in asked:
            parameter.requires_grad_(True)


@contextmanager
def _of_unit_spread(model: EventDetector, batch: Batch) -> Iterator[None]:
    """Emissions and transitions divided by the emissions' deviation between tags over real steps; undone afterwards."""
    scores = [*model.emit.parameters(), *model.crf.parameters()]
    was = [parameter.detach().clone() for parameter in scores]
    with torch.no_grad():
        emissions = model(batch).emissions
        told = emissions.movedim(-2, 1)[batch.mask]  # (steps, …, tags)
        spread = float(told.var(-1, correction=0).mean().sqrt()) if len(told) else 0.0
        if 0 < spread < torch.inf:
            for parameter in scores:
                parameter.div_(spread)
    try:
        yield
    finally:
        for parameter, values in zip(scores, was, strict=True):
            parameter.detach().copy_(values)
