"""Starting from another model's weights: what is shared is taken, what follows the labels goes by their names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from avtext.errors import ConfigError
from avtext.model import EventDetector, save_detector
from avtext.training.start import is_per_label, start_from
from tests.model.test_detector import make


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A model of bell, dog, cut whose weights are like no other's."""
    model = make(7)
    with torch.no_grad():
        for value in model.parameters():
            value.add_(torch.rand_like(value))
    save_detector(tmp_path / "model", model, "")
    return tmp_path / "model"


def chains(model: EventDetector, label: str) -> list[torch.Tensor]:
    """Everything of a model that is one label's own."""
    k, count = model.settings.labels.index(label), len(model.settings.labels)
    return [v.view(count, -1)[k] for name, v in model.named_parameters() if is_per_label(name)]


def test_the_same_labels_give_the_same_model(stored: Path) -> None:
    from avtext.model import load_detector

    model = start_from(make(8), stored)
    for name, value in load_detector(stored).state_dict().items():
        assert torch.equal(model.state_dict()[name], value)


def test_labels_go_by_name_and_new_ones_start_fresh(stored: Path) -> None:
    from avtext.model import load_detector

    fresh, old = make(8, labels=["goal", "cut", "dog", "foul"]), load_detector(stored)
    before = [value.clone() for value in chains(fresh, "goal")]
    model = start_from(fresh, stored)
    for label in ("cut", "dog"):
        assert all(torch.equal(a, b) for a, b in zip(chains(model, label), chains(old, label), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(chains(model, "goal"), before, strict=True))
    assert torch.equal(model.head.state_dict()["blocks.0.conv.weight"], old.head.state_dict()["blocks.0.conv.weight"])


def test_one_chain_for_all_labels_takes_what_is_shared(stored: Path) -> None:
    from avtext.model import load_detector

    fresh, given = make(8, labels=["goal", "cut"], scheme="exclusive"), load_detector(stored).state_dict()
    before = {name: value.clone() for name, value in fresh.state_dict().items()}
    for name, value in start_from(fresh, stored).state_dict().items():
        assert torch.equal(value, (before if is_per_label(name) else given)[name]), name


def test_a_model_of_another_grid_is_told_that_it_has_one(stored: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no fusion\..*: give model the grid_rate, encoders, width"):
        start_from(make(8, grid_rate=10.0), stored)


def test_a_model_of_another_shape_is_refused_in_words(stored: Path) -> None:
    with pytest.raises(ConfigError, match=r"init: .*model: has no .* of shape .*: give model the grid_rate, encoders"):
        start_from(make(8, width=24), stored)


@pytest.mark.parametrize(
    "changes", [{"head_layers": 0}, {"tcn": {"num_layers": 0}}, {"labels": ["cut"], "head_layers": 0}]
)
def test_a_model_that_lacks_layers_of_the_stored_one_is_refused_in_words(
    stored: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(ConfigError, match=r"init: .*model: has (head|tcns)\..*, which model lacks: give model the"):
        start_from(make(8, **changes), stored)
