"""Learning adversarial examples: off it changes nothing, on it makes attacks hurt less, and it resumes exactly."""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch

from avtext.attacks import Attack, attack, with_gradients
from avtext.clip import Clip
from avtext.config import ModelSettings
from avtext.model import EventDetector, collate
from avtext.training import TrainSettings, fit
from avtext.training.start import fix_all_but
from avtext.training.stepper import Stepper, View
from tests.training.test_loop import MODEL, SOURCE, Killed, equal, run, told, weights

BUDGETS = {"audio": 0.02, "picture": 0.02}
SMALL = {**MODEL, "encoders": {name: MODEL["encoders"][name] for name in ("audio", "picture")}}  # type: ignore[index]


class Kept:
    """A few scenes, made once."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Clip:
        return kept(index)


kept = cache(SOURCE.__getitem__)


def adversarial(out: Path, **changes: object) -> TrainSettings:
    return run(out, **{"model": SMALL, "adversarial": {"budgets": BUDGETS, "weight": 0.7}, **changes})


def attacked_loss(model: EventDetector, budgets: dict[str, float]) -> float:
    """On the scenes of the training, where few steps can tell."""
    batch = collate([kept(i) for i in range(6)], model.scheme)
    worse = attack(model, batch, Attack(budgets, steps=3))
    with torch.no_grad():
        losses = model.loss(worse)
    return (losses.crf + losses.frame).item()


def test_the_loss_under_attack_is_lower_than_after_plain_training(tmp_path: Path) -> None:
    how = {"steps": 50, "learning_rate": 0.01, "checkpoint_every": 50, "average": 0.0, "modality_dropout": 0.0}
    large = {"audio": 0.06, "picture": 0.06}
    plain = fit(run(tmp_path / "plain", model=SMALL, **how), Kept())
    hard = fit(adversarial(tmp_path / "hard", **how, adversarial={"budgets": large, "weight": 0.7}), Kept())
    assert attacked_loss(hard, large) < 0.95 * attacked_loss(plain, large)  # 0.59 to 0.88 with four seeds


def test_without_a_budget_the_second_pass_is_the_first_again(tmp_path: Path) -> None:
    """Two halves of the same gradient are that gradient: nothing else of a step may change."""
    how = {"model": still(run(tmp_path, model=SMALL)), "steps": 1, "modality_dropout": 0.0}
    plain = fit(run(tmp_path / "a", **how), Kept())
    twice = fit(run(tmp_path / "b", **how, adversarial={"budgets": {"audio": 0.0}}), Kept())
    learnt = dict(plain.named_parameters())
    assert all(torch.allclose(value, learnt[name], atol=1e-6) for name, value in twice.named_parameters())


def still(settings: TrainSettings) -> object:
    """The run's model without dropout."""
    changed = settings.model.model_dump()
    changed["tcn"]["dropout"] = changed["fusion"]["dropout"] = 0.0
    return changed


def test_where_an_attacked_batch_teaches_nothing_what_learns_has_a_gradient_all_the_same() -> None:
    """Of several processes one would wait for it without an end: the loss reaches the inputs, and no weight."""
    model = EventDetector(ModelSettings.model_validate(SMALL))
    fix_all_but(model, ["embedders"])
    heard = replace(kept(0), video=None, picture=None, cues=())
    batch, leaves = with_gradients(collate([heard], model.scheme), BUDGETS)
    Stepper(model, None)(View(batch, None, None)).total.backward()
    assert leaves["audio"].grad is not None
    assert all(p.grad is not None and not p.grad.any() for p in model.embedders.parameters())


def test_a_killed_run_ends_with_the_very_weights_of_an_undisturbed_one(tmp_path: Path) -> None:
    whole = fit(adversarial(tmp_path / "a", steps=4), Kept())

    def kill(what: str, step: int, steps: int, figures: dict[str, float]) -> None:
        if step == 3:
            raise Killed

    with pytest.raises(Killed):
        fit(adversarial(tmp_path / "b", steps=4), Kept(), hook=kill)
    steps, keep = told()
    assert equal(weights(whole), weights(fit(adversarial(tmp_path / "b", steps=4), Kept(), hook=keep)))
    assert steps == [3, 4]  # it began from a state, not anew
    with (tmp_path / "a" / "log.csv").open() as file:
        assert all(float(row["attacked"]) > 0 for row in csv.DictReader(file))


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"adversarial\.budgets\n.*for audio, video, picture, text"):
        run(tmp_path, adversarial={"budgets": {"sound": 0.1}})
    with pytest.raises(ValueError, match=r"adversarial\.weight\n.*less than 1"):
        run(tmp_path, adversarial={"weight": 1.0})
