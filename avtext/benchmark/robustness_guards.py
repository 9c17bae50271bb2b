"""Guards against masked gradients (Athalye et al. 2018), which make a model look robust to attacks that follow them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import fmean

import torch

from avtext.attacks import Attack, within_range
from avtext.benchmark.figures import Figure
from avtext.benchmark.robustness_attacks import EPSILONS, attack_of, batches, found_in
from avtext.clip import Clip
from avtext.data.scenes import SceneRecipe, make_scene
from avtext.model import Batch, EventDetector
from avtext.training.evaluation import Found

HUGE = 0.5  # ε at which nothing of the input need be left
SCALES = (0.1, 10.0)
BLIND = 0.5  # of FGSM's rise of the loss, that random signs may reach
TOLERANCE = 5.0  # points of F1
SPREAD = "0 where attacks divide scores by their spread, as they do"


def measure(model: EventDetector, recipe: SceneRecipe, seeds: Sequence[int], steps: int) -> list[Figure]:
    """Four signs, each with the limit that it keeps where gradients say the truth.

    Args:
        model: in evaluation mode.
        recipe: of the scenes.
        seeds: of the scenes.
        steps: of PGD.
    """
    clips = [make_scene(recipe, seed) for seed in seeds]
    small, detail = EPSILONS[0], f"{len(clips)} scenes, ε {EPSILONS[0]:g}"
    clean = list(batches(model, clips))
    fgsm = list(batches(model, clips, attack_of(small)))
    losses = {
        "clean": loss_of(model, clean),
        "fgsm": loss_of(model, fgsm),
        "pgd": loss_of(model, batches(model, clips, attack_of(small, steps))),
        "blind": loss_of(model, (random_signs(batch, attack_of(small)) for batch in clean)),
    }
    rise = blind_share(losses["clean"], losses["fgsm"], losses["blind"])
    said = ", ".join(f"{name} {loss:.3f}" for name, loss in losses.items())
    return [
        Figure(
            "guard_pgd_over_fgsm", losses["pgd"] / losses["fgsm"], "x its loss", 1.0, "at_least", f"{said}; {detail}"
        ),
        Figure("guard_random_sign", rise, "of FGSM's rise of the loss", BLIND, "at_most", f"{said}; {detail}"),
        _huge(model, clips, clean, steps),
        _scaled(model, clips, found_in(model, clips, fgsm).f1(), detail),
    ]


def scaled(model: EventDetector, factor: float) -> EventDetector:
    """The same model with all its logits, emissions and transitions, times ``factor``: the same best paths."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in (*other.emit.parameters(), *other.crf.parameters()):
            parameter.mul_(factor)
    return other


def random_signs(batch: Batch, how: Attack) -> Batch:
    """Every value that may change moved by its whole budget, up or down by chance."""
    generator = torch.Generator().manual_seed(how.seed)
    streams = dict(batch.streams)
    for name in sorted(set(streams) & set(how.budgets)):
        values = streams[name].values.float()
        signs = 2.0 * torch.randint(0, 2, values.shape, generator=generator) - 1.0
        streams[name] = replace(streams[name], values=within_range(name, values, values + how.budgets[name] * signs))
    return replace(batch, streams=streams)


def blind_share(clean: float, fgsm: float, blind: float) -> float:
    """The share of FGSM's rise of the loss that random signs reach; NaN, which misses any limit, where it raises none.

    Example:
        >>> blind_share(1.0, 3.0, 1.5), blind_share(1.0, 0.5, 1.5)
        (0.25, nan)
    """
    return (blind - clean) / (fgsm - clean) if fgsm > clean else float("nan")


def by_chance(found: Found) -> float:
    """F1 where every scene is given the finds of the next one."""
    names = list(found.reference)
    shifted = [found.estimate[name] for name in (*names[1:], names[0])]
    return Found(found.reference, dict(zip(names, shifted, strict=True))).f1()


@torch.no_grad()
def loss_of(model: EventDetector, those: Iterable[Batch]) -> float:
    """The loss that attacks raise, mean over batches."""
    losses = (model.loss(batch) for batch in those)
    return fmean(float(one.crf + one.frame) for one in losses)


def _huge(model: EventDetector, clips: Sequence[Clip], clean: Sequence[Batch], steps: int) -> Figure:
    f1 = found_in(model, clips, batches(model, clips, attack_of(HUGE, steps))).f1()
    chance = by_chance(found_in(model, clips, clean))
    detail = f"PGD at ε {HUGE:g}: F1 {f1:.3f}; the finds of another scene: {chance:.3f}; {len(clips)} scenes"
    return Figure("guard_huge_over_chance", 100 * (f1 - chance), "points", TOLERANCE, "at_most", detail)


def _scaled(model: EventDetector, clips: Sequence[Clip], f1: float, detail: str) -> Figure:
    """The attack made by a model of other logits, judged by this one: its thresholds are for its own scores.

    It guards the attack itself, which divides scores by their spread: where that is left out, large scores hide it.
    """
    others = [found_in(model, clips, batches(scaled(model, s), clips, attack_of(EPSILONS[0]))).f1() for s in SCALES]
    said = f"F1 {f1:.3f}; by logits times {SCALES[0]:g} and {SCALES[1]:g}: {others[0]:.3f}, {others[1]:.3f}; {SPREAD}"
    away = 100 * max(abs(other - f1) for other in others)
    return Figure("guard_scaled_logits", away, "points", TOLERANCE, "at_most", f"{said}; {detail}")
