"""Only the parts that a run names learn; all else, what batch norm counts included, stays to the bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch

from avtext.clip import Event
from avtext.config import ModelSettings
from avtext.distill import DistillSettings
from avtext.errors import ConfigError
from avtext.model import EventDetector, load_detector, save_detector
from avtext.training import fit, settings_of
from avtext.training.settings import Part
from avtext.training.start import fix_all_but
from tests.tiny import talkative
from tests.training.test_loop import MODEL, RECIPE, SOURCE, SceneSource, equal, run, weights


def changed_parts(tmp_path: Path, learn: list[str]) -> set[str]:
    """Names of the parts that six steps from a stored model change."""
    settings = run(tmp_path / "out", init=tmp_path / "model", learn=learn)
    torch.manual_seed(3)
    save_detector(tmp_path / "model", EventDetector(settings.model), "card")
    before = load_detector(tmp_path / "model").state_dict()
    after = fit(settings, SOURCE).state_dict()
    return {name.split(".")[0] for name, value in before.items() if not torch.equal(value, after[name])}


@pytest.mark.parametrize("learn", [["embedders"], ["head", "emit", "crf"]])
def test_only_what_is_named_learns(tmp_path: Path, learn: list[str]) -> None:
    assert changed_parts(tmp_path, learn) == set(learn)


def test_all_of_it_learns_by_default(tmp_path: Path) -> None:
    settings = run(tmp_path / "out", steps=2)
    torch.manual_seed(settings.seed)
    before = EventDetector(settings.model).state_dict()
    after = fit(settings, SOURCE).state_dict()
    parts = {name.split(".")[0] for name, value in before.items() if not torch.equal(value, after[name])}
    assert {"encoders", "tcns", "embedders", "fusion", "emit"} <= parts


@pytest.mark.parametrize("changes", [{}, {"prune": 0.3}, {"learn": ["embedders"]}])
def test_a_decision_lasts_as_long_as_the_events_that_it_was_made_for(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    model = talkative()
    decision = {"thresholds": {"bell": 1.0, "dog": 1.0}}
    model.settings = ModelSettings.model_validate({**model.settings.model_dump(), "decision": decision})
    save_detector(tmp_path / "model", model, "card")
    values = {"init": str(tmp_path / "model"), "learning_rate": 1e-6, **changes}
    base = run(tmp_path, steps=2, evaluate_every=1, average=0.0).model_dump(exclude={"model"})
    settings = settings_of({**base, **values}, "here")
    clips = [replace(SOURCE[0], events=tuple(Event(t, t + 0.4, "cut") for t in (0.5, 2.0)))]
    for name, validation in (("alone", None), ("validated", clips)):
        found = fit(settings.model_copy(update={"out": tmp_path / name}), clips, validation).settings.decision
        last = load_detector(tmp_path / name / "last").settings.decision
        if "learn" in changes:
            assert last == found == model.settings.decision
        else:
            assert last.thresholds == {}
            assert found.thresholds.get("dog") != 1.0


def test_where_events_stay_what_they_are_the_best_weights_are_the_newest(tmp_path: Path) -> None:
    changes = {"init": tmp_path / "model", "learn": ["embedders"], "average": 0.0, "evaluate_every": 1}
    settings = run(tmp_path / "out", **changes)
    torch.manual_seed(3)
    save_detector(tmp_path / "model", EventDetector(settings.model), "card")
    best = fit(settings, SOURCE, SceneSource(RECIPE, 900, 1)).state_dict()
    assert equal(best, weights(load_detector(tmp_path / "out" / "last")))


def test_a_batch_that_teaches_nothing_is_passed_by(tmp_path: Path) -> None:
    settings = run(tmp_path / "out", init=tmp_path / "model", learn=["embedders"], average=0.0, weight_decay=0.0)
    torch.manual_seed(3)
    save_detector(tmp_path / "model", EventDetector(settings.model), "card")
    heard = replace(SOURCE[0], video=None, picture=None, cues=())
    assert equal(fit(settings, [heard]).state_dict(), weights(load_detector(tmp_path / "model")))


def test_a_part_that_is_not_there_is_refused_as_the_settings_are_read(tmp_path: Path) -> None:
    values = {**run(tmp_path / "out").model_dump(), "learn": ["head", "embeders"]}
    with pytest.raises(ConfigError, match=r"a\.yaml: learn\.1: Input should be 'encoders', .*'emit' or 'crf'"):
        settings_of(values, "a.yaml")
    assert get_args(Part) == tuple(
        dict(EventDetector(settings_of(values | {"learn": None}, "").model).named_children())
    )


CLOCKS = {"crf": 0, "frame": 0, "alone": 0, "presence": 0}  # what is left of the loss teaches these alone
FEATURES = {"audio": {"name": "features", "options": {"size": 8, "rate": 25}}}


@pytest.mark.parametrize(
    ("learn", "changes"),
    [
        ("crf", {"decoder": "softmax"}),
        ("crf", {"loss": {"crf": 0, "presence": 0}}),
        ("emit", {"loss": CLOCKS}),
        ("fusion", {"loss": CLOCKS}),
        ("head", {"loss": {**CLOCKS, "masked": 1}}),
        ("alone", {"loss": {"alone": 0}}),
        ("encoders", {"encoders": FEATURES}),
        ("embedders", {"loss": {"alignment": 0}}),
        ("embedders", {"encoders": FEATURES}),
    ],
)
def test_parts_that_cannot_learn_are_refused(tmp_path: Path, learn: str, changes: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"learn: nothing in {learn} can learn: .*name others of encoders, .*crf"):
        fit(run(tmp_path / "out", model={**MODEL, **changes}, learn=[learn]), SOURCE)


def test_a_chain_learns_from_a_teacher_or_from_labels_without_times_alone() -> None:
    for loss, distill in (({"crf": 0, "presence": 0}, DistillSettings(teacher="teacher")), ({"crf": 0}, None)):
        model = EventDetector(ModelSettings(**{**MODEL, "loss": loss}))
        assert model.crf not in fix_all_but(model, ["crf"], distill)
