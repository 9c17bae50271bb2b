"""Encoders, tiny and with random weights, in every backend against torch."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from avtext.backends import BACKENDS, choose
from avtext.backends.networks import calls_of, feature_similarity
from avtext.backends.prepare import TOLERANCE, prepare
from avtext.clip import Clip, Stream
from avtext.encoders.logmel import LogMelEncoder
from avtext.encoders.slowfast import SlowFastEncoder
from avtext.encoders.wav2vec2 import Wav2Vec2Encoder
from avtext.errors import ConfigError, InvalidInput, MissingExtra, ModelError

SMALL = {
    "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
    "conv_dim": [16] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
GRAPHS = [name for name in BACKENDS if name != "torch"]


def sounds() -> list[Clip]:
    rng = np.random.default_rng(0)
    time = np.arange(16000) / 16000
    waves = [np.sin(2 * np.pi * f * time) * 0.3 + 0.01 * rng.normal(size=16000) for f in (200.0, 900.0)]
    return [Clip(1.0, audio=Stream(wave.astype(np.float32), 16000.0)) for wave in waves]


def films() -> list[Clip]:
    rng = np.random.default_rng(0)
    return [Clip(1.0, video=Stream(rng.integers(0, 256, (15, 32, 32, 3), dtype=np.uint8), 15.0)) for _ in range(2)]


class SmallSlowFast(SlowFastEncoder):
    frame_size = 32


MAKERS = {
    "wav2vec2": (lambda: Wav2Vec2Encoder(config=SMALL, window=0.6, halo=0.1), sounds, "audio"),
    "wav2vec2 of layer norms": (
        lambda: Wav2Vec2Encoder(config={**SMALL, "feat_extract_norm": "layer", "conv_bias": True}), sounds, "audio",
    ),
    "slowfast": (
        lambda: SmallSlowFast(config={"model_depth": 18, "stem_dim_outs": [8, 1]}, clip_frames=8), films, "video",
    ),
}  # fmt: skip


def installed(backend: str) -> str:
    try:
        return choose(backend)
    except MissingExtra as missing:
        pytest.skip(str(missing))


def encoded(encoder: nn.Module, clip: Clip, stream: str) -> tuple[torch.Tensor, torch.Tensor]:
    values = getattr(clip, stream)
    with torch.inference_mode():
        return encoder(torch.tensor(values.values)[None], torch.tensor(values.real)[None])


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_float32_is_what_torch_computes(backend: str, name: str, tmp_path: Path) -> None:
    make, clips, stream = MAKERS[name]
    torch.manual_seed(0)
    encoder = make()
    fast = prepare(encoder, installed(backend), folder=tmp_path)
    for clip in clips():
        want, real = encoded(encoder, clip, stream)
        got, there = encoded(fast, clip, stream)
        assert torch.equal(real, there)
        torch.testing.assert_close(got, want, atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize("name", ["wav2vec2", "slowfast"])
@pytest.mark.parametrize("backend", GRAPHS)
def test_int8_is_near_float32_and_not_it(backend: str, name: str, tmp_path: Path) -> None:
    make, clips, stream = MAKERS[name]
    torch.manual_seed(0)
    encoder = make()
    fast = prepare(encoder, installed(backend), clips(), folder=tmp_path)
    pairs = [(encoded(fast, clip, stream)[0], encoded(encoder, clip, stream)[0]) for clip in clips()]
    assert 0.98 < feature_similarity(*zip(*pairs, strict=True)) < 1.0


@pytest.mark.parametrize("backend", GRAPHS)
def test_a_graph_is_kept_and_travels_to_other_processes(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, clips, stream = MAKERS["slowfast"]
    encoder = make()
    first = prepare(encoder, installed(backend), folder=tmp_path)
    monkeypatch.setattr(f"{BACKENDS[backend].module}.write", None)  # what is there is not written again
    again = pickle.loads(pickle.dumps(prepare(encoder, backend, folder=tmp_path)))
    assert torch.equal(encoded(first, clips()[0], stream)[0], encoded(again, clips()[0], stream)[0])
    with pytest.raises(TypeError):
        prepare(make(), backend, folder=tmp_path)  # other weights: another graph


@pytest.mark.parametrize("name", ["wav2vec2", "slowfast"])
def test_ranges_are_those_that_keep_features_alike(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from avtext.backends import openvino_graph

    installed("openvino")
    make, clips, stream = MAKERS[name]
    encoder, alike = make(), []
    for ranges in (openvino_graph.RANGES, *((one,) for one in openvino_graph.RANGES)):
        monkeypatch.setattr(openvino_graph, "RANGES", ranges)
        fast = prepare(encoder, "openvino", clips(), folder=tmp_path / "".join(ranges))
        results = [[encoded(one, clip, stream)[0] for clip in clips()] for one in (fast, encoder)]
        alike.append(feature_similarity(*results))
    both, *each = alike
    assert both == max(each) > min(each)


def test_an_int8_graph_is_for_processors_that_take_as_many_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    from avtext.backends import prepare as module

    encoder, calls = MAKERS["slowfast"][0](), calls_of(MAKERS["slowfast"][0](), films(), 1)
    keys = []
    for bits in (7, 8):
        monkeypatch.setattr(module, "weight_bits", lambda bits=bits: bits)
        keys.append([module._key(encoder, "onnxruntime", some) for some in (calls, ())])
    assert keys[0][0] != keys[1][0]
    assert keys[0][1] == keys[1][1]  # in float32 any will do


def test_a_graph_that_computes_something_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from avtext.backends import openvino_graph

    installed("openvino")
    right = openvino_graph.Graph.__call__
    monkeypatch.setattr(openvino_graph.Graph, "__call__", lambda self, *values: right(self, *values) * 1.01)
    with pytest.raises(ModelError, match=r"SmallSlowFast: the graph differs from torch by 0\.0\d+, allowed 0.001"):
        prepare(MAKERS["slowfast"][0](), "openvino", folder=tmp_path)
    assert not list(tmp_path.rglob("*.xml"))


class OddBackend:
    """Graphs that are written in two halves and are all zeros."""

    FILE = "graph.txt"
    written = 0
    dies = False

    class Graph:
        def __init__(self, path: Path) -> None:
            assert path.read_text() == "whole"

        def __call__(self, *values: torch.Tensor) -> torch.Tensor:
            return torch.zeros(1, 8, 288)

    @classmethod
    def write(cls, encoder: nn.Module, example: object, calibration: object, path: Path) -> None:
        cls.written += 1
        path.write_text("half")
        if cls.dies:
            raise KeyboardInterrupt
        path.write_text("whole")


def test_no_graph_is_kept_that_was_refused_or_only_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avtext.backends.prepare.backend_module", lambda name: OddBackend)
    encoder, backend = MAKERS["slowfast"][0](), installed(GRAPHS[-1])
    for _ in range(2):
        with pytest.raises(ModelError, match="SmallSlowFast: the graph differs from torch by"):
            prepare(encoder, backend, folder=tmp_path)
    monkeypatch.setattr(OddBackend, "dies", True)
    with pytest.raises(KeyboardInterrupt):
        prepare(encoder, backend, films(), folder=tmp_path)
    assert not list(tmp_path.rglob("*.txt"))
    monkeypatch.setattr(OddBackend, "dies", False)
    for _ in range(2):
        prepare(encoder, backend, films(), folder=tmp_path)  # INT8 is not compared
    assert OddBackend.written == 4


def test_what_does_not_fit_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wav2vec2 = MAKERS["wav2vec2"][0]()
    with pytest.raises(ModelError, match="LogMelEncoder: has no network for another backend; those that have: Wav2Vec"):
        prepare(LogMelEncoder(8, (4,)), "torch")
    with pytest.raises(ConfigError, match="no clip has audio, which Wav2Vec2Encoder takes"):
        calls_of(wav2vec2, films(), 3)
    with pytest.raises(InvalidInput, match="int8: torch computes in float32 only"):
        prepare(wav2vec2, "torch", sounds())
    with pytest.raises(InvalidInput, match="backend: must be auto or one of openvino, onnxruntime, torch, got 'tpu'"):
        choose("tpu")
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r'openvino is not installed: pip install "avtext\[openvino\]"'):
        choose("openvino")
    assert choose("auto") == "torch"


def test_calls_are_heard_without_computing_anything() -> None:
    encoder = MAKERS["wav2vec2"][0]()
    calls = calls_of(encoder, sounds(), 3)
    assert len(calls) == 3
    assert {tuple(call[0].shape) for call in calls} == {(1, 29 * 320 + 400)}
    assert "hidden" not in encoder.__dict__


def test_similarity_is_of_what_differs_from_the_mean() -> None:
    torch.manual_seed(0)
    features = torch.randn(1, 50, 8) + 100.0
    assert feature_similarity([features], [features]) == pytest.approx(1.0)
    assert feature_similarity([features[:, torch.randperm(50)]], [features]) < 0.5
