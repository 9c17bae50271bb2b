"""The teacher's encoders, tiny and with random weights, in ONNX and INT8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from avtext.clip import Clip, Stream
from avtext.compression.encoders import compress_encoder, feature_similarity, run_in_onnx
from avtext.encoders.logmel import LogMelEncoder
from avtext.encoders.slowfast import SlowFastEncoder
from avtext.encoders.wav2vec2 import Wav2Vec2Encoder
from avtext.errors import ConfigError, ModelError

SMALL = {
    "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
    "conv_dim": [16] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip


def sounds() -> list[Clip]:
    rng = np.random.default_rng(0)
    time = np.arange(16000) / 16000
    waves = [np.sin(2 * np.pi * f * time) * 0.3 + 0.01 * rng.normal(size=16000) for f in (200.0, 900.0)]
    return [Clip(1.0, audio=Stream(wave.astype(np.float32), 16000.0)) for wave in waves]


def films() -> list[Clip]:
    rng = np.random.default_rng(0)
    return [Clip(1.0, video=Stream(rng.integers(0, 256, (15, 32, 32, 3), dtype=np.uint8), 15.0)) for _ in range(2)]


MAKERS = {
    "wav2vec2": (lambda: Wav2Vec2Encoder(config=SMALL), sounds, "audio"),
    "wav2vec2 of layer norms": (
        lambda: Wav2Vec2Encoder(config={**SMALL, "feat_extract_norm": "layer", "conv_bias": True}), sounds, "audio",
    ),
    "slowfast": (
        lambda: SlowFastEncoder(config={"model_depth": 18, "stem_dim_outs": [8, 1]}, clip_frames=8), films, "video",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MAKERS)
def test_an_encoder_in_onnx_and_int8(name: str, tmp_path: Path) -> None:
    make, clips, stream = MAKERS[name]
    torch.manual_seed(0)
    encoder = make()
    found = compress_encoder(encoder, clips(), tmp_path)
    assert found.similarity > 0.98
    values = getattr(clips()[0], stream)
    pair = torch.tensor(values.values)[None], torch.tensor(values.real)[None]
    with torch.inference_mode():
        want, real = encoder(*pair)
        got, there = run_in_onnx(encoder, found.float32)(*pair)
    assert torch.equal(real, there)
    torch.testing.assert_close(got, want, atol=1e-4, rtol=1e-3)
    assert found.int8.stat().st_size < found.float32.stat().st_size


def test_encoders_and_clips_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="LogMelEncoder: has no network to compress; those that have: Wav2Vec2Encoder"):
        compress_encoder(LogMelEncoder(8, (4,)), sounds(), tmp_path)
    with pytest.raises(ConfigError, match="no clip has audio, which Wav2Vec2Encoder takes"):
        compress_encoder(Wav2Vec2Encoder(config=SMALL), films(), tmp_path)


def test_similarity_is_of_what_differs_from_the_mean() -> None:
    torch.manual_seed(0)
    features = torch.randn(1, 50, 8) + 100.0
    assert feature_similarity([features], [features]) == pytest.approx(1.0)
    assert feature_similarity([features[:, torch.randperm(50)]], [features]) < 0.5
