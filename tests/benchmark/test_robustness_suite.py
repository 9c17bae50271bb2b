"""The suite of robustness in small, and what its figures are made of."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from avtext.attacks import Attack
from avtext.benchmark.embeddings import behind_encoders, embedded
from avtext.benchmark.figures import Figure
from avtext.benchmark.robustness import Sizes, run
from avtext.benchmark.robustness_attacks import AttackSizes, attack_of
from avtext.benchmark.robustness_guards import blind_share, by_chance, random_signs, scaled
from avtext.benchmark.robustness_missing import find_given, half_of, sensed
from avtext.clip import Event
from avtext.data.scenes import LABELS
from avtext.data.scenes.chance import generator
from avtext.model import collate, save_detector
from avtext.training.evaluation import Found, find
from tests.model.test_detector import clip, make
from tests.tiny import talkative

SMALL = Sizes(missing=2, damaged=1, guards=1, guard_steps=2, attacks=AttackSizes(2, 1, 2), seconds=4.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a tiny detector that knows every label of a scene."""
    folder = tmp_path_factory.mktemp("robustness") / "model"
    save_detector(folder, talkative(labels=list(LABELS)), "# tiny\n")
    return folder


def test_the_whole_suite_in_small(model: Path, data_dir: Path) -> None:
    figures = {figure.name: figure for figure in run(data_dir, model, model, SMALL)}
    assert figures["attack_clean_fall"].value == 0.0  # the same model before and after
    assert figures["attack_fgsm_0006_kept_before"] == _named(figures["attack_fgsm_0006_kept_after"], "before")
    for name in ("missing_half_loss", "missing_all_over_best_subset", "attack_kept", "guard_pgd_over_fgsm"):
        assert figures[name].limit is not None
        assert figures[name].value is not None
    assert sum(name.startswith("missing_f1_") for name in figures) == 7
    assert sum(name.startswith("corruption_") for name in figures) == 1 + 5 * 3
    assert all(0.0 <= f.value <= 1.0 for f in figures.values() if f.unit == "F1" and f.value is not None)


def _named(figure: Figure, when: str) -> Figure:
    return Figure(figure.name.replace("after", when), figure.value, figure.unit, detail=figure.detail)


def test_without_a_second_model_its_figures_are_missed_and_say_why(model: Path, data_dir: Path) -> None:
    one = Sizes(missing=1, damaged=0, guards=1, guard_steps=1, attacks=AttackSizes(1, 1, 1), seconds=4.0)
    figures = {figure.name: figure for figure in run(data_dir, None, model, one)}
    assert figures["attack_kept"].met is False
    assert "--model" in figures["attack_kept"].detail
    assert not any(name.endswith("_after") for name in figures)


def test_views_of_one_encoding_are_what_is_found_without_the_streams() -> None:
    model = talkative().eval()
    clips = [clip(2.0, seed) for seed in range(3)]
    given = [("audio",), ("video", "text"), ("audio", "video", "text")]
    found = find_given(model, clips, {"mixed": given})["mixed"]
    for one, names in zip(clips, given, strict=True):
        alone = find(model, [one], names)
        assert found.reference[one.name] == alone.reference[one.name]
        assert [(e.start, e.end, e.label) for e in found.estimate[one.name]] == [
            (e.start, e.end, e.label) for e in alone.estimate[one.name]
        ]
    assert sum(map(len, found.estimate.values())) > 0


def test_half_of_the_streams_is_exactly_half_and_never_all_of_a_clip() -> None:
    three = [clip(1.0, seed) for seed in range(20)]
    two = [clip(1.0, seed, cues=()) for seed in range(4)]
    for draw in range(5):
        left = half_of([*three, *two], generator(draw))
        assert sum(map(len, left)) == 34  # of 68
        assert min(map(len, left)) == 1
        assert all("text" not in names for names in left[20:])
    assert len({half_of(three, generator(draw))[0] for draw in range(20)}) > 3


def test_only_what_can_be_sensed_counts() -> None:
    truth = {"a": [Event(0.0, 1.0, "bell"), Event(0.0, 1.0, "cut"), Event(1.0, 2.0, "impact")]}
    found = sensed(Found(truth, {"a": [Event(0.0, 1.0, "bell")]}), [("audio", "text")])
    assert [event.label for event in found.reference["a"]] == ["bell"]
    assert found.f1() == 1.0
    assert [e.label for e in sensed(Found(truth, truth), [("audio", "video")]).reference["a"]] == [
        "bell",
        "cut",
        "impact",
    ]


def test_behind_its_encoders_a_model_finds_the_same() -> None:
    model = make(1)
    whole = clip(2.0, 0)
    felt = embedded(model, whole)
    with torch.no_grad():
        want, found = model(collate([whole])), behind_encoders(model)(collate([felt]))
    assert torch.allclose(want.emissions, found.emissions, atol=1e-5)
    assert felt.events == whole.events


@pytest.mark.parametrize("fgsm", [0.5, 1.0])
def test_masked_gradients_miss_the_guard_of_random_signs(fgsm: float) -> None:
    rise = blind_share(clean=1.0, fgsm=fgsm, blind=1.5)  # a step along them does not raise the loss, one at random does
    assert Figure("guard_random_sign", rise, "", 0.5, "at_most").met is False


def test_scaled_logits_have_the_same_best_paths() -> None:
    model = talkative().eval()
    batch = collate([clip(2.0, 0)])
    with torch.no_grad():
        small, large = (one.tags(one(batch)) for one in (model, scaled(model, 10.0)))
    assert torch.equal(small, large)
    assert not torch.equal(model.emit.weight, scaled(model, 10.0).emit.weight)


def test_random_signs_use_the_whole_budget_of_every_value() -> None:
    batch = collate([clip(1.0, 0)])
    moved = random_signs(batch, Attack({"audio": 0.01, "picture": 0.02}))
    change = (moved.streams["audio"].values - batch.streams["audio"].values).abs()
    assert torch.allclose(change, torch.full_like(change, 0.01), atol=1e-6)
    assert moved.streams["video"] is batch.streams["video"]


def test_pgd_can_cross_its_budget_from_any_start() -> None:
    how = attack_of(0.006, 20)
    assert how.steps * how.step_size == pytest.approx(2.5)
    assert how.budgets == pytest.approx({"audio": 0.006, "video": 1.53, "picture": 0.006})


def test_chance_gives_a_scene_the_finds_of_another() -> None:
    bell, cut = [Event(0.0, 1.0, "bell")], [Event(0.0, 1.0, "cut")]
    assert by_chance(Found({"a": bell, "b": cut}, {"a": bell, "b": cut})) == 0.0
    assert by_chance(Found({"a": bell, "b": bell}, {"a": bell, "b": bell})) == 1.0
