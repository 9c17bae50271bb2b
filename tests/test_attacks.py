from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from avtext.attacks import BUDGETS, Attack, attack, fgsm_from_random_start, with_gradients
from avtext.benchmark.robustness_guards import random_signs, scaled
from avtext.clip import Clip, Event, Stream
from avtext.errors import InvalidInput
from avtext.model import Batch, EventDetector, collate
from tests.model.test_detector import ENCODERS, clip, make


@pytest.fixture(scope="module")
def model() -> EventDetector:
    return make(3)


@pytest.fixture(scope="module")
def batch(model: EventDetector) -> Batch:
    return collate([clip(2.0, 0), clip(1.2, 1)], model.scheme)


def loss(model: EventDetector, batch: Batch) -> float:
    with torch.no_grad():
        found = model.loss(batch)
    return (found.crf + found.frame).item()


@pytest.mark.parametrize("how", [Attack(), Attack(steps=4)], ids=["fgsm", "pgd"])
def test_the_loss_rises_within_the_budget(model: EventDetector, batch: Batch, how: Attack) -> None:
    worse = attack(model, batch, how)
    assert loss(model, worse) > loss(model, batch) + 1e-3
    for name, stream in batch.streams.items():
        values = worse.streams[name].values
        assert values.dtype == stream.values.dtype
        moved = (values.float() - stream.values.float()).abs()[stream.mask]
        assert 0 < moved.max() <= BUDGETS[name] + 1e-5
        if name == "audio":
            assert values.abs().max() <= 1.0


def test_who_wants_no_gradients_can_attack_too(model: EventDetector, batch: Batch) -> None:
    with torch.no_grad():
        worse = attack(model, batch, Attack({"picture": 0.01}))
    assert torch.equal(
        worse.streams["picture"].values, attack(model, batch, Attack({"picture": 0.01})).streams["picture"].values
    )
    assert not worse.streams["picture"].values.requires_grad


def test_several_steps_do_more_harm_than_one(model: EventDetector, batch: Batch) -> None:
    budgets = {"picture": 0.05}
    one, many = (attack(model, batch, Attack(budgets, steps)) for steps in (1, 8))
    assert loss(model, many) > loss(model, one) > loss(model, batch)


@pytest.mark.parametrize("factor", [0.01, 3000.0])
def test_scores_that_are_only_larger_hide_nothing(model: EventDetector, batch: Batch, factor: float) -> None:
    there = {name: (stream.values, stream.mask) for name, stream in attack(model, batch).streams.items()}
    for name, stream in attack(scaled(model, factor), batch).streams.items():
        values, mask = there[name]
        assert (values == stream.values)[mask].float().mean() > 0.99


def test_only_the_streams_with_a_budget_change(model: EventDetector, batch: Batch) -> None:
    worse = attack(model, batch, Attack({"audio": 0.01}))
    assert not torch.equal(worse.streams["audio"].values, batch.streams["audio"].values)
    for name in ("video", "picture"):
        assert worse.streams[name] is batch.streams[name]
    assert attack(model, batch, Attack({"audio": 0.0})) is batch


@pytest.mark.parametrize("how", [Attack(), Attack(steps=2)], ids=["fgsm", "pgd"])
def test_what_the_model_does_not_read_cannot_harm_it(how: Attack) -> None:
    deaf = make(encoders={"text": ENCODERS["text"]})
    silent = collate([clip(1.0, 0)], deaf.scheme)
    assert loss(deaf, attack(deaf, silent, how)) == loss(deaf, silent)


@pytest.mark.parametrize("budget", [1.53, 3.06])
def test_frames_stay_whole_and_within_a_budget_that_is_not(model: EventDetector, batch: Batch, budget: float) -> None:
    clean = batch.streams["video"].values.float()
    whole = attack(model, batch, Attack({"video": budget})).streams["video"].values
    assert whole.dtype == torch.uint8
    assert (whole.float() - clean).abs().max() == int(budget)
    floats = attack(model, batch, Attack({"video": budget}, whole=False)).streams["video"].values
    assert (floats - clean).abs().max() == pytest.approx(budget, abs=1e-4)


def test_a_frozen_encoder_lets_an_attack_on_its_media_through() -> None:
    """It would come back as it was, and the model look robust."""
    size = {"audio": 16, "video": 288}
    slowfast = {"name": "slowfast", "options": {"rate": 8, "config": {"model_depth": 18, "stem_dim_outs": [8, 1]}}}
    frozen = {
        name: {"name": "features", "options": {"size": size[name], "rate": rate, "of": of}}
        for name, rate, of in (("audio", 25, ENCODERS["audio"]), ("video", 8, slowfast))
    }
    model = make(3, encoders=frozen)
    batch = collate([clip(1.0, 0)], model.scheme)
    with torch.inference_mode():  # where it is built
        model(batch)
    worse = attack(model, batch, Attack({"audio": 0.004, "video": 2.0}))
    assert all((worse.streams[name].values != batch.streams[name].values).any() for name in frozen)
    assert loss(model, worse) > loss(model, batch)


def _attacked(model: EventDetector, batch: Batch, budgets: dict[str, float]) -> tuple[Batch, Batch, Batch]:
    """By FGSM, by two steps of PGD, and by FGSM from a random start."""
    open_batch, leaves = with_gradients(batch, budgets)
    model.loss(open_batch).total.backward()
    return (
        attack(model, batch, Attack(budgets)),
        attack(model, batch, Attack(budgets, steps=2)),
        fgsm_from_random_start(open_batch, leaves, budgets, torch.Generator().manual_seed(0)),
    )


def test_features_of_frozen_encoders_have_no_range() -> None:
    features = {"name": "features", "options": {"size": 8, "rate": 25}}
    model = make(3, encoders={"audio": features, "video": features})
    drawn = [Stream(10 * np.random.default_rng(i).normal(size=(50, 8)).astype(np.float32), 25.0) for i in range(2)]
    batch = collate([Clip(2.0, audio=drawn[0], video=drawn[1], events=(Event(0.4, 1.0, "bell"),))], model.scheme)
    budgets = {"audio": 0.006, "video": 0.001}
    for name, budget in budgets.items():
        for changed in _attacked(model, batch, budgets):
            moved = (changed.streams[name].values - batch.streams[name].values).abs()
            assert 0 < moved.max() <= budget + 1e-5


def test_sound_beyond_full_scale_stays_within_the_budget_too(model: EventDetector) -> None:
    """As MP3 and AAC are decoded where they were loud; cut to [-1, 1] it would move by more than the budget."""
    loud = clip(1.0, 0)
    assert loud.audio is not None
    loud = replace(loud, audio=replace(loud.audio, values=loud.audio.values / np.abs(loud.audio.values).max() * 1.3))
    batch, budgets = collate([loud], model.scheme), {"audio": 0.004}
    for changed in (*_attacked(model, batch, budgets), random_signs(batch, Attack(budgets))):
        moved = (changed.streams["audio"].values - batch.streams["audio"].values).abs()
        assert 0 < moved.max() <= 0.004 + 1e-6
        assert changed.streams["audio"].values.abs().max() <= 1.3 + 1e-6


def test_a_backward_pass_is_enough_for_a_harder_batch(model: EventDetector, batch: Batch) -> None:
    budgets = {"audio": 0.01, "picture": 0.05}
    before = {name: stream.values.clone() for name, stream in batch.streams.items()}
    open_batch, leaves = with_gradients(batch, budgets)
    model.loss(open_batch).total.backward()
    model.zero_grad()
    worse = fgsm_from_random_start(open_batch, leaves, budgets, torch.Generator().manual_seed(0))
    assert loss(model, worse) > loss(model, batch) + 1e-3
    for name, stream in batch.streams.items():
        assert torch.equal(stream.values, before[name])
        assert not stream.values.requires_grad
        moved = (worse.streams[name].values.float() - stream.values.float()).abs()
        assert (moved.max() <= budgets[name] + 1e-6) if name in budgets else moved.max() == 0
    again = fgsm_from_random_start(open_batch, leaves, budgets, torch.Generator().manual_seed(0))
    assert torch.equal(again.streams["audio"].values, worse.streams["audio"].values)


def test_the_model_is_as_before(batch: Batch) -> None:
    model = make(3).train()
    model.crf.requires_grad_(False)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    asked = [p.requires_grad for p in model.parameters()]
    attack(model, batch)
    assert model.training
    assert [p.requires_grad for p in model.parameters()] == asked
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())


def test_what_is_refused(model: EventDetector) -> None:
    with pytest.raises(InvalidInput, match="budgets must be at least 0, finite, and for audio, video, picture, text"):
        Attack({"sound": 0.1})
    for budget in (float("nan"), float("inf"), -0.1):
        with pytest.raises(InvalidInput, match="budgets must be at least 0, finite"):
            Attack({"audio": budget})
    with pytest.raises(InvalidInput, match="needs a step"):
        Attack(steps=0)
    with pytest.raises(InvalidInput, match="a positive step size that is finite"):
        Attack(steps=2, step_size=float("inf"))
    unasked = make(loss={"crf": 0, "frame": 0, "alone": 0})
    for one in (model, unasked):
        with pytest.raises(InvalidInput, match=r"the batch has no tags.*not labelled"):
            attack(one, collate([clip(1.0, 0)]))
    with pytest.raises(InvalidInput, match="the model's loss takes no tags"):
        attack(unasked, collate([clip(1.0, 0)], model.scheme))
    with pytest.raises(InvalidInput, match="'unheard' is not labelled"):
        attack(model, collate([clip(1.0, 0), replace(clip(1.0, 0), events=None, name="unheard")], model.scheme))
