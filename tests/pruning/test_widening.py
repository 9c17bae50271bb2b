"""Widening: the wider model says what the narrow one said, and its copies do not stay alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from avtext.clip import Stream
from avtext.errors import ConfigError, InvalidInput
from avtext.model import Batch, EventDetector, collate, save_detector
from avtext.pruning import widen, widened_settings
from avtext.training.settings import settings_of
from avtext.training.start import start_from
from tests.model.test_detector import ENCODERS, clip, make
from tests.pruning.test_pruning import FUSIONS, model_of


@pytest.mark.parametrize(("kind", "rounds"), FUSIONS)
@pytest.mark.parametrize("factor", [2, 3])
def test_a_wider_model_says_the_same(kind: str, rounds: int, factor: int, batch: Batch) -> None:
    model = model_of(kind, rounds)
    large = widen(model, factor)
    assert large.settings.width == factor * model.settings.width
    with torch.no_grad():
        want, got = model(batch), large(batch)
        told, tells = model.encode(batch).embeddings, large.encode(batch).embeddings
    torch.testing.assert_close(got.emissions, want.emissions, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(got.gates, want.gates, atol=1e-5, rtol=0)
    torch.testing.assert_close(tells, told, atol=1e-4, rtol=0)


def test_features_stay_as_many() -> None:
    values = np.random.default_rng(0).normal(size=(50, 16)).astype(np.float32)
    features = {"name": "features", "options": {"size": 16, "rate": 25}}
    model = make(3, encoders={"audio": features, "text": ENCODERS["text"]})
    batch = collate([clip(2.0, 0, audio=Stream(values, 25.0))])
    large = widen(model, 2)
    assert large.settings.encoders["audio"] == model.settings.encoders["audio"]
    with torch.no_grad():
        torch.testing.assert_close(large(batch).emissions, model(batch).emissions, atol=1e-4, rtol=1e-4)


def test_copies_are_read_apart_so_that_they_learn_apart(batch: Batch) -> None:
    large = widen(make(4), 2).train()
    clips = collate([clip(2.0, 0, events=())], large.scheme)
    large.loss(clips).total.backward()
    weight = large.tcns["audio"].blocks[0].conv.weight
    first, second = weight.grad.chunk(2, 0)
    assert not torch.allclose(first, second)


def test_every_layer_gets_its_channels_and_as_many_heads() -> None:
    model = make(4)
    settings = widened_settings(model, 2)
    large = EventDetector(settings)
    assert settings.fusion == model.settings.fusion
    hidden = [name for name, value in model.state_dict().items() if value.ndim > 1 and name.startswith("encoders")]
    assert all(large.state_dict()[name].numel() >= 2 * model.state_dict()[name].numel() for name in hidden)


@pytest.mark.parametrize("factor", [0, 1, 9])
def test_a_factor_out_of_range_is_refused(factor: int) -> None:
    with pytest.raises(InvalidInput, match=f"factor: must lie in 2 to 8, got {factor}"):
        widen(make(4), factor)


def test_a_model_that_would_be_too_wide_is_refused() -> None:
    model = make(4)
    model.settings = model.settings.model_copy(update={"width": 2048})
    with pytest.raises(ConfigError, match=r"8 times as wide: width: .* equal to 8192, got 16384"):
        widened_settings(model, 8)


def test_a_run_starts_from_a_widened_model(tmp_path, batch: Batch) -> None:
    model = make(4)
    save_detector(tmp_path / "model", model, "card")
    settings = settings_of({"init": tmp_path / "model", "widen": 2}, "here")
    assert settings.model.width == 2 * model.settings.width
    started = start_from(EventDetector(settings.model), tmp_path / "model", factor=2).eval()
    with torch.no_grad():
        torch.testing.assert_close(started(batch).emissions, model(batch).emissions, atol=1e-4, rtol=1e-4)


def test_a_share_that_yaml_takes_for_a_text_is_a_number(tmp_path) -> None:
    save_detector(tmp_path, make(4), "card")
    assert settings_of({"init": tmp_path, "prune": "3e-1"}, "here").prune == 0.3


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"widen": 2}, "widen: changes the model of init: give init"),
        ({"widen": 2, "prune": 0.5, "init": "somewhere"}, "widen: gives channels that prune takes away"),
        ({"widen": "two", "init": "somewhere"}, "here: widen: .*integer.*'two'"),
        ({"prune": "abc", "init": "somewhere"}, "here: prune: .*number.*'abc'"),
        ({"init": 5}, "here: init: .*path.*5"),
    ],
)
def test_what_cannot_be_started_from_is_said(values: dict, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        settings_of(values, "here")
