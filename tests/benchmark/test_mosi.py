from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from avtext.benchmark.mosi import CONFIG, accuracy, read_clips, train_on
from avtext.clip import Clip
from avtext.errors import ConfigError
from avtext.model import EventDetector
from avtext.training import read_settings


@pytest.fixture(scope="module")
def clips(data_dir: Path) -> tuple[list[Clip], list[Clip]]:
    return read_clips(data_dir / "mosi" / "mosi.npz")


def test_the_official_split_is_read_in_order(clips: tuple[list[Clip], list[Clip]]) -> None:
    train, test = clips
    assert (len(train), len(test)) == (62, 31)
    assert not {clip.name for clip in train} & {clip.name for clip in test}
    assert [sum(clip.duration for clip in part) for part in clips] == [1447, 752]
    positive = [sum(len(clip.events or ()) for clip in part) for part in clips]
    assert [round(100 * p / n, 1) for p, n in zip(positive, (1447, 752), strict=True)] == [49.0, 62.1]


def test_features_are_standardised_by_training_alone(clips: tuple[list[Clip], list[Clip]]) -> None:
    train, test = clips
    rows = np.concatenate([clip.text.values for clip in train if clip.text is not None])
    assert abs(rows.mean()) < 0.01
    assert rows.std() == pytest.approx(1.0, abs=0.05)
    unseen = np.concatenate([clip.text.values for clip in test if clip.text is not None])
    assert abs(unseen.mean(0)).max() > 0.02


def test_a_model_that_always_says_positive_is_right_as_often_as_they_are(
    clips: tuple[list[Clip], list[Clip]],
) -> None:
    model = EventDetector(read_settings(CONFIG).model).eval()
    torch.nn.init.zeros_(model.emit.weight)
    with torch.no_grad():
        model.emit.bias.copy_(torch.tensor([-50.0, 50.0, -50.0]))
    assert accuracy(model, clips[1]) == pytest.approx(62.1, abs=0.05)
    with torch.no_grad():
        model.emit.bias.copy_(torch.tensor([50.0, -50.0, -50.0]))
    assert accuracy(model, clips[1]) == pytest.approx(37.9, abs=0.05)


def test_training_on_text_learns_sentiment(clips: tuple[list[Clip], list[Clip]]) -> None:
    settings = read_settings(CONFIG, ["steps=25", "checkpoint_every=25"])
    model = train_on(settings, clips[0], ["text"], seed=1)
    assert model.modalities == ("text",)
    assert accuracy(model, clips[1]) > 68


def test_absent_features_are_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mosi.npz: the MOSI features are not there"):
        read_clips(tmp_path / "mosi.npz")
