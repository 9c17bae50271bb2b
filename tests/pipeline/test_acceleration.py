"""A detector whose frozen encoder another backend computes."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from avtext.backends import choose
from avtext.config import ModelSettings
from avtext.detection import Result
from avtext.encoders import build_encoder
from avtext.errors import InvalidInput, MediaError, MissingExtra
from avtext.media import MediaInfo
from avtext.model import EventDetector, save_detector
from avtext.pipeline import Pipeline, acceleration
from avtext.pipeline.acceleration import accelerate, calibration_windows
from tests.tiny import save_talkative, write_video, write_wav

SMALL = {
    "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
    "conv_dim": [16] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
OF = {"name": "wav2vec2", "options": {"config": SMALL}}
HEARS = {"audio": {"name": "features", "options": {"size": 32, "rate": 50, "start": 0.0025, "of": OF}}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    try:
        choose("openvino")
    except MissingExtra as missing:
        pytest.skip(str(missing))
    monkeypatch.setenv("AVTEXT_CACHE", str(tmp_path / "cache"))
    model = EventDetector(ModelSettings(labels=("bell",), width=16, encoders=HEARS))
    save_detector(tmp_path / "model", model, "# tiny\n")
    return tmp_path / "model"


def test_the_same_scores_from_openvino(folder: Path, tmp_path: Path) -> None:
    sound = write_wav(tmp_path / "a.wav", 3.0)
    pipe = Pipeline.from_pretrained(folder, device="cpu")
    before = pipe(sound).scores.values
    accelerate(pipe.model, pipe.device, "openvino")
    assert "hidden" in pipe.model.encoders["audio"].encoder().__dict__  # type: ignore[operator]
    np.testing.assert_allclose(pipe(sound).scores.values, before, atol=1e-4)


@pytest.mark.parametrize("one", ["clip.mp4", Path("clip.mp4")])
def test_one_path_is_not_taken_for_several_clips(one: Any) -> None:
    model = EventDetector(ModelSettings(labels=("bell",), width=16, encoders={"audio": {"name": "logmel"}}))
    with pytest.raises(InvalidInput, match=r"int8: must be several clips, got 'clip.mp4': give \['clip.mp4'\]"):
        accelerate(model, torch.device("cpu"), "auto", one)


def test_an_encoder_that_learnt_with_the_model_is_accelerated_too(folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = EventDetector(ModelSettings(labels=("bell",), width=16, encoders={"audio": OF}))
    save_detector(tmp_path / "whole", model, "# tiny\n")
    sound = write_wav(tmp_path / "a.wav", 3.0)
    before = Pipeline.from_pretrained(tmp_path / "whole", device="cpu")(sound).scores.values
    pipe = Pipeline.from_pretrained(tmp_path / "whole", device="cpu", backend="openvino")
    assert "hidden" in pipe.model.encoders["audio"].__dict__
    np.testing.assert_allclose(pipe(sound).scores.values, before, atol=1e-4)


@pytest.mark.usefixtures("folder")  # for its cache of graphs
def test_a_cache_tells_graphs_of_an_encoder_that_learnt_with_the_model_apart(tmp_path: Path) -> None:
    model = EventDetector(ModelSettings(labels=("bell",), width=16, encoders={"audio": OF}))
    save_detector(tmp_path / "whole", model, "# tiny\n")
    clips = [write_video(tmp_path / "b.mkv", 2.0)]
    ways: list[dict[str, Any]] = [{}, {"backend": "openvino"}, {"backend": "openvino", "int8": clips}]
    pipes = [Pipeline.from_pretrained(tmp_path / "whole", device="cpu", **way) for way in ways]
    assert len({pipe.network.identity for pipe in pipes}) == 3


def test_torch_prepares_what_media_asks_for(tmp_path: Path) -> None:
    """Nothing is built before media comes; then the copy for the CPU computes, and gives what the encoder gives."""
    sees = {"name": "slowfast", "options": {"config": {"model_depth": 18, "stem_dim_outs": [8, 1]}}}
    encoders = {"video": {"name": "features", "options": {"size": 288, "rate": 15, "of": sees}}}
    torch.manual_seed(0)
    model = EventDetector(ModelSettings(labels=("bell",), width=16, encoders=encoders))
    save_detector(tmp_path / "model", model, "# tiny\n")
    pipe = Pipeline.from_pretrained(tmp_path / "model", device="cpu")
    frozen: Any = pipe.model.encoders["video"]
    assert not frozen._built
    torch.manual_seed(0)
    kinds = [type(module).__name__ for module in frozen.encoder().modules()]
    assert "Conv3d" in kinds
    assert "BatchNorm3d" not in kinds
    torch.manual_seed(0)
    plain = build_encoder("slowfast", sees["options"]).eval()
    frames, real = torch.randint(0, 256, (1, 32, 64, 64, 3), dtype=torch.uint8), torch.ones(1, 32, dtype=torch.bool)
    with torch.inference_mode():
        torch.testing.assert_close(frozen.encoder()(frames, real)[0], plain(frames, real)[0], atol=1e-4, rtol=1e-4)


def test_auto_leaves_an_encoder_on_a_gpu_as_it_is() -> None:
    """What is prepared for the CPU computes two clips at a time, and a GPU eight."""
    sees = {"name": "slowfast", "options": {"config": {"model_depth": 18, "stem_dim_outs": [8, 1]}}}
    model = EventDetector(ModelSettings(labels=("bell",), width=16, encoders={"video": sees}))
    encoder = model.encoders["video"]
    accelerate(model, torch.device("cuda"), "auto")
    assert model.encoders["video"] is encoder


def test_int8_calibrated_on_clips(folder: Path, tmp_path: Path) -> None:
    clips = [write_video(tmp_path / "b.mkv", 2.0)]
    pipe = Pipeline.from_pretrained(folder, device="cpu", backend="openvino", int8=clips)
    assert pipe(write_wav(tmp_path / "a.wav", 3.0)).duration == pytest.approx(3.0)
    (graph,) = (tmp_path / "cache" / "graphs").rglob("*.xml")
    assert "FakeQuantize" in graph.read_text()


def test_windows_of_calibration_are_of_many_files_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {write_wav(tmp_path / "a.wav", 4.0): 600.0, write_wav(tmp_path / "b.wav", 30.0): 30.0}  # one header lies
    monkeypatch.setattr(acceleration, "probe", lambda file: MediaInfo(str(file), duration=said[file]))
    found = [(Path(clip.name).stem, clip.start) for clip in calibration_windows([*said], {"audio": None})]
    assert {name for name, _ in found[:2]} == {"a", "b"}
    assert sorted(found) == [("a", 0.0), ("b", 0.0), ("b", 10.0), ("b", 20.0)]
    with pytest.raises(MediaError, match="no such file"):
        list(calibration_windows([tmp_path / "none.wav"], {"audio": None}))


def test_what_cannot_be_accelerated_is_said(tmp_path: Path, folder: Path) -> None:
    plain = save_talkative(tmp_path / "plain")
    with pytest.raises(
        InvalidInput, match="backend: openvino: this model has no Wav2Vec2 and no SlowFast to accelerate"
    ):
        Pipeline.from_pretrained(plain, backend="openvino")
    with pytest.raises(InvalidInput, match="backend: torch with int8: this model has no Wav2Vec2"):
        Pipeline.from_pretrained(plain, int8=[tmp_path / "a.wav"])
    assert Pipeline.from_pretrained(plain, backend="auto").labels
    with pytest.raises(InvalidInput, match="backend: must be auto or one of openvino, onnxruntime, torch, got 'tpu'"):
        Pipeline.from_pretrained(folder, backend="tpu")


def test_a_model_with_wav2vec2_goes_to_worker_processes(tmp_path: Path) -> None:
    torch.manual_seed(3)
    model = EventDetector(ModelSettings(labels=("bell",), width=16, encoders={"audio": OF}))
    pipe, sound = Pipeline(model, device="cpu"), write_wav(tmp_path / "a.wav", 2.0)
    (found,) = pipe.batch([sound], jobs=1)
    assert isinstance(found, Result)
    np.testing.assert_allclose(found.scores.values, pipe(sound).scores.values, atol=1e-5)
    pipe.pickler(order := io.BytesIO()).dump(pipe)
    sent = pickle.loads(order.getvalue())
    assert sent.network.identity == pipe.network.identity  # or what is kept in a cache would not be found again
