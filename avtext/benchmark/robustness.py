"""Robustness of the default model: missing streams, attacks, damage, and whether its gradients are masked.

With a second model, one that has learnt adversarial examples, attacks are measured before and after.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from avtext.benchmark import robustness_attacks, robustness_damage, robustness_guards, robustness_missing
from avtext.benchmark.accuracy import unseen_recipe
from avtext.benchmark.figures import Figure
from avtext.benchmark.robustness_attacks import AttackSizes
from avtext.model import load_detector
from avtext.pipeline import DEFAULT_MODEL

FIRST = 2000  # test scenes that no other suite uses


class Sizes(NamedTuple):
    """How many scenes each part takes, and how many seconds each has."""

    missing: int = 200
    damaged: int = 20
    guards: int = 8
    guard_steps: int = 10
    attacks: AttackSizes = AttackSizes()
    seconds: float = 20.0


FULL = Sizes()


def run(data: Path, other: Path | None = None, model: Path = DEFAULT_MODEL, sizes: Sizes = FULL) -> list[Figure]:
    """Every figure of the robustness of a model.

    Args:
        data: real recordings for the scenes.
        other: folder of the model after adversarial training; None: figures of it are missing.
        model: folder of the model.
        sizes: how many scenes.

    Raises:
        ModelError: there is no model in a folder.
    """
    recipe = unseen_recipe(data).model_copy(update={"duration": (sizes.seconds, sizes.seconds)})
    before = load_detector(model)
    after = None if other is None else load_detector(other)
    return [
        *robustness_missing.measure(before, recipe, range(FIRST, FIRST + sizes.missing)),
        *robustness_attacks.measure(before, after, recipe, FIRST, sizes.attacks),
        *robustness_guards.measure(before, recipe, range(FIRST, FIRST + sizes.guards), sizes.guard_steps),
        *robustness_damage.measure(before, recipe, range(FIRST, FIRST + sizes.damaged)),
    ]
