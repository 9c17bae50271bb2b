from __future__ import annotations

from pathlib import Path

import pytest
import torch

from avtext.encoders import build_encoder
from avtext.errors import ConfigError, ModelError
from avtext.features import fingerprint
from avtext.model import load_detector, save_detector
from tests.model.test_detector import make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_detector(tmp_path / "model", make(3), "# tiny\n")
    return tmp_path / "model"


@torch.no_grad()
def test_it_is_the_encoder_of_the_model(folder: Path) -> None:
    wave, mask = torch.randn(1, 16000), torch.ones(1, 16000, dtype=torch.bool)
    own, stored = (
        load_detector(folder).encoders["audio"],
        build_encoder("stored", {"folder": folder, "stream": "audio"}),
    )
    assert torch.equal(stored.eval()(wave, mask)[0], own(wave, mask)[0])
    assert (stored.size, stored.rate, stored.start, stored.context) == (16, 25.0, 0.0, own.context)
    said = [["[dog barks]", "hello"]]
    words = build_encoder("stored", {"folder": folder, "stream": "text"}).eval()
    assert torch.equal(words(said)[0], load_detector(folder).encoders["text"](said)[0])
    assert not hasattr(words, "rate")  # text has no clock of its own


def test_frozen_features_of_it_take_media(folder: Path) -> None:
    of = {"name": "stored", "options": {"folder": str(folder), "stream": "video"}}
    encoder = build_encoder("features", {"size": 16, "rate": 8, "of": of})
    frames = torch.zeros(1, 8, 64, 64, 3, dtype=torch.uint8)
    values, _ = encoder(frames, torch.ones(1, 8, dtype=torch.bool))
    assert values.shape == (1, 8, 16)
    assert encoder.context == 0.25  # of windows, which must overlap by what it sees
    assert not list(encoder.parameters())  # no weight of the model that uses it


def test_other_weights_have_another_fingerprint(folder: Path, tmp_path: Path) -> None:
    save_detector(tmp_path / "copy", make(3), "# the same\n")
    save_detector(tmp_path / "other", make(4), "# other\n")
    prints = [
        fingerprint(build_encoder("stored", {"folder": where, "stream": "audio"}))
        for where in (folder, tmp_path / "copy", tmp_path / "other")
    ]
    assert prints[0] == prints[1] != prints[2]


def test_what_is_not_there_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="no encoder of 'smell'; it has audio, video, picture, text"):
        build_encoder("stored", {"folder": folder, "stream": "smell"})
    with pytest.raises(ModelError, match="no such model folder"):
        build_encoder("stored", {"folder": folder / "nothing", "stream": "audio"})
