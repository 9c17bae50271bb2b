"""Wav2Vec2: equal to the library on a short row, to itself in a batch, and near itself across windows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import BertConfig, BertModel, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from avtext.clip import AUDIO_RATE
from avtext.encoders.wav2vec2 import Wav2Vec2Encoder
from avtext.errors import ConfigError, InvalidInput, ModelError

TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 32,
    "num_conv_pos_embedding_groups": 4,
}
LAYER_NORM = {**TINY, "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}


@pytest.fixture(params=["group", "layer"])
def settings(request: pytest.FixtureRequest) -> dict:
    return TINY if request.param == "group" else LAYER_NORM


def build(settings: dict, **options: object) -> Wav2Vec2Encoder:
    torch.manual_seed(0)
    return Wav2Vec2Encoder(config=settings, **options)  # type: ignore[arg-type]


def sound(samples: int, seed: int = 0) -> Tensor:
    """Noise whose loudness changes every half second: a row that is not the same everywhere."""
    generator = torch.Generator().manual_seed(seed)
    loudness = torch.rand(samples // 8000 + 1, generator=generator).repeat_interleave(8000)[:samples]
    return torch.randn(samples, generator=generator) * loudness


def run(encoder: Wav2Vec2Encoder, *rows: Tensor) -> tuple[Tensor, Tensor]:
    longest = max(len(row) for row in rows)
    values, mask = (
        torch.full((len(rows), longest), torch.nan),
        torch.zeros(len(rows), longest, dtype=torch.bool),
    )
    for index, row in enumerate(rows):
        values[index, : len(row)], mask[index, : len(row)] = row, True
    with torch.inference_mode():
        return encoder(values, mask)


def test_short_row_equals_the_library(settings: dict) -> None:
    encoder = build(settings)
    row = sound(24_000) * 0.1 + 0.02
    features, real = run(encoder, row)
    prepared = Wav2Vec2FeatureExtractor()(row.numpy(), sampling_rate=AUDIO_RATE, return_tensors="pt")
    with torch.inference_mode():
        expected = encoder.model(prepared["input_values"]).last_hidden_state
    assert features.shape == expected.shape == (1, 74, 32)
    assert real.all()
    torch.testing.assert_close(features, expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("batch", [1, 4])
def test_alone_equals_batch_and_padding_is_inert(settings: dict, batch: int) -> None:
    encoder = build(settings, window=2.0, halo=0.25, batch=batch)
    rows = [sound(n, seed) for seed, n in enumerate((16_000, 5_000, 50_000, 16_000, 300))]
    features, real = run(encoder, *rows)
    assert torch.isfinite(features).all()
    for index, row in enumerate(rows):
        alone, alone_real = run(encoder, row)
        steps = alone.shape[1]
        torch.testing.assert_close(features[index, :steps], alone[0], atol=1e-5 if batch > 1 else 0, rtol=0)
        assert real[index, :steps].equal(alone_real[0])
        assert not real[index, steps:].any()
        assert not features[index, steps:].any()


@pytest.mark.parametrize(("samples", "steps"), [(0, 0), (1, 1), (399, 1), (400, 1), (719, 1), (720, 2), (16_000, 49)])
def test_number_of_steps(samples: int, steps: int) -> None:
    features, real = run(build(TINY), sound(samples))
    assert features.shape == (1, steps, 32)
    assert real.all()
    assert torch.isfinite(features).all()


def test_no_rows() -> None:
    features, real = build(TINY)(torch.zeros(0, 500), torch.zeros(0, 500, dtype=torch.bool))
    assert features.shape == (0, 0, 32)
    assert real.shape == (0, 0)


def test_convolutions_do_not_depend_on_windows(settings: dict) -> None:
    """But for the transformer, stitched windows equal the whole: the normalisation is the row's."""
    whole, pieces = build(settings, window=60.0), build(settings, window=1.0, halo=0.1)
    for encoder in (whole, pieces):  # hidden states are then the projected convolutions themselves
        encoder.model.encoder = torch.nn.Identity()
        encoder.model.encoder.forward = lambda hidden: type("Out", (), {"last_hidden_state": hidden})  # type: ignore[method-assign]
    row = sound(16_000 * 7 + 123)
    torch.testing.assert_close(run(pieces, row)[0], run(whole, row)[0], atol=1e-4, rtol=0)


def test_windows_stay_near_the_whole(settings: dict) -> None:
    """Only the transformer's context ends at a window's end; measured with random weights: 0.006 at most."""
    row = sound(16_000 * 12)
    whole, real = run(build(settings, window=60.0), row)
    pieces, same = run(build(settings, window=4.0, halo=1.0), row)
    assert real.equal(same)
    assert 0.0 < (whole - pieces).abs().max() < 0.03
    assert torch.cosine_similarity(whole[0], pieces[0], dim=1).min() > 0.999
    one_step_off = torch.cosine_similarity(whole[0, 1:], pieces[0, :-1], dim=1)
    assert one_step_off.mean() < 0.9  # the check above would see a wrong seam


def test_batch_padding_as_the_library_does_it_would_differ() -> None:
    """Why rows are kept apart: padded together, the base model's GroupNorm changes the shorter one."""
    encoder = build(TINY)
    short = torch.nn.functional.layer_norm(sound(8_000), (8_000,))
    with torch.inference_mode():
        alone = encoder.model(short[None]).last_hidden_state
        padded = torch.nn.functional.pad(short, (0, 24_000))[None]
        together = encoder.model(padded, attention_mask=(padded != 0).long()).last_hidden_state[:, : alone.shape[1]]
    assert (alone - together).abs().max() > 0.05


def test_impulse_lands_on_its_step() -> None:
    """The convolutions' features move most at the step whose centre is nearest to a click."""
    encoder = build(LAYER_NORM)
    extractor = encoder.model.feature_extractor
    for at in (8_000, 20_123):
        quiet, click = torch.zeros(1, 32_000), torch.zeros(1, 32_000)
        click[0, at] = 1.0
        with torch.inference_mode():
            change = (extractor(click) - extractor(quiet)).abs().sum(1)[0]
        centre = float((torch.arange(len(change)) * change).sum() / change.sum())
        assert encoder.start + (centre + 0.5) / encoder.rate == pytest.approx(at / AUDIO_RATE, abs=0.01)
    assert encoder.rate == 50.0
    assert encoder.start == pytest.approx(0.0025)


def test_gap_inside_a_row_is_masked_and_inert() -> None:
    encoder = build(TINY)
    row, mask = sound(32_000)[None], torch.ones(1, 32_000, dtype=torch.bool)
    mask[0, 10_000:20_000] = False
    broken = torch.where(mask, row, torch.nan)
    with torch.inference_mode():
        features, real = encoder(row, mask)
        same, _ = encoder(broken, mask)
    assert features.equal(same)
    centres = (torch.arange(real.shape[1]) * 320 + 200).numpy()
    expected = (centres < 10_000) | (centres >= 20_000)
    assert np.array_equal(real[0].numpy(), expected)


@pytest.mark.parametrize("level", [0.0, 1e-8, 1e-5])
def test_silence_does_not_blow_up(level: float) -> None:
    encoder = build(TINY)
    quiet, real = run(encoder, sound(16_000) * level)
    loud, _ = run(encoder, sound(16_000))
    assert torch.isfinite(quiet).all()
    assert real.all()
    assert quiet.abs().max() < 3 * loud.abs().max()


def test_loudness_and_offset_do_not_matter() -> None:
    encoder = build(TINY)
    row = sound(16_000)
    torch.testing.assert_close(run(encoder, row * 0.05 + 0.3)[0], run(encoder, row)[0], atol=1e-3, rtol=0)


def test_layers_can_be_left_out() -> None:
    full, half = build(TINY), build(TINY, layer=1)
    half.model.load_state_dict(full.model.state_dict(), strict=False)
    row = sound(8_000)
    with torch.inference_mode():
        states = full.model(
            torch.nn.functional.layer_norm(row, (8_000,), eps=1e-7)[None], output_hidden_states=True
        ).hidden_states
    torch.testing.assert_close(run(half, row)[0], states[1], atol=2e-5, rtol=0)
    assert len(half.model.encoder.layers) == 1


def test_saved_folder_gives_bit_equal_features(tmp_path: Path, settings: dict) -> None:
    encoder = build(settings)
    encoder.model.save_pretrained(tmp_path)
    again = Wav2Vec2Encoder(tmp_path)
    row = sound(20_000)
    assert run(again, row)[0].equal(run(encoder, row)[0])
    assert again.settings == encoder.settings


def test_no_randomness_in_training_mode_but_dropout() -> None:
    encoder = build({**TINY, **dict.fromkeys(("hidden_dropout", "attention_dropout", "activation_dropout"), 0.0)})
    encoder.model.feature_projection.dropout.p = 0.0
    row = sound(20_000)
    expected, _ = run(encoder, row)
    assert run(encoder.train(), row)[0].equal(expected)  # neither time masking nor dropped layers


def test_gradients_reach_every_weight() -> None:
    encoder = build(TINY).train()
    features, _ = encoder(sound(8_000)[None], torch.ones(1, 8_000, dtype=torch.bool))
    features.square().sum().backward()
    without = [name for name, p in encoder.named_parameters() if p.grad is None]
    assert without == []


class TestRefusals:
    def test_missing_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="no such folder") as caught:
            Wav2Vec2Encoder(tmp_path / "absent")
        assert "\n" not in str(caught.value)

    def test_no_hub_is_asked_for_an_id_offline(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        asked: list[str] = []

        def no_network(host: str, *_: object, **__: object) -> None:
            asked.append(host)
            raise OSError("no network")

        monkeypatch.setattr("socket.getaddrinfo", no_network)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        with pytest.raises(ModelError, match=r"nobody/nothing: .*HF_HUB_OFFLINE is set.*give its folder") as caught:
            Wav2Vec2Encoder("nobody/nothing")
        assert "\n" not in str(caught.value)
        assert asked == []

    def test_another_kind_of_model(self, tmp_path: Path) -> None:
        BertModel(BertConfig(vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=1)).save_pretrained(
            tmp_path
        )
        with pytest.raises(ModelError, match="'bert' model; give a wav2vec2"):
            Wav2Vec2Encoder(tmp_path)

    def test_pickled_weights(self, tmp_path: Path) -> None:
        encoder = build(TINY)
        encoder.model.config.save_pretrained(tmp_path)
        torch.save(encoder.model.state_dict(), tmp_path / "pytorch_model.bin")
        with pytest.raises(ModelError, match="pickled weights are never loaded"):
            Wav2Vec2Encoder(tmp_path)

    @pytest.mark.parametrize("fault", ["cut", "absent weight", "shape", "config"])
    def test_damaged_folder(self, tmp_path: Path, fault: str) -> None:
        encoder = build(TINY)
        encoder.model.save_pretrained(tmp_path)
        weights, config = tmp_path / "model.safetensors", tmp_path / "config.json"
        if fault == "cut":
            weights.write_bytes(weights.read_bytes()[:1000])
        elif fault == "absent weight":
            shutil.rmtree(tmp_path)
            state = {k: v for k, v in encoder.model.state_dict().items() if "layers.1.final" not in k}
            encoder.model.save_pretrained(tmp_path, state_dict=state)
        elif fault == "shape":
            config.write_text(json.dumps({**json.loads(config.read_text()), "intermediate_size": 40}))
        else:
            config.write_text("{")
        with pytest.raises(ModelError, match=str(tmp_path)) as caught:
            Wav2Vec2Encoder(tmp_path)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"config": {"hidden_sise": 3}}, "no setting 'hidden_sise'"),
            ({"config": {"hidden_size": 30, "num_attention_heads": 4}}, "divisible"),
            ({"config": TINY, "layer": 3}, 'layer must be 1 to 2 or "last"'),
            ({"config": TINY, "layer": 0}, "layer must be"),
            ({"config": TINY, "window": 2.0, "halo": 1.0}, "window > 2"),
            ({"config": TINY, "source": "x"}, "not both"),
        ],
    )
    def test_options(self, options: dict, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            Wav2Vec2Encoder(**options)

    def test_shapes(self) -> None:
        encoder = build(TINY)
        with pytest.raises(InvalidInput, match=r"\(B, samples\)"):
            encoder(torch.zeros(1, 4), torch.ones(1, 5, dtype=torch.bool))
        with pytest.raises(InvalidInput, match=r"torch\.int64"):
            encoder(torch.zeros(1, 4, dtype=torch.long), torch.ones(1, 4, dtype=torch.bool))


def test_full_size_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        encoder = Wav2Vec2Encoder()
    assert isinstance(encoder.model, Wav2Vec2Model)
    assert sum(p.numel() for p in encoder.parameters()) == 94_370_944  # base: 94.4 M without masking's vector


def test_full_size_forward() -> None:
    features, real = run(Wav2Vec2Encoder(), sound(16_000))
    assert features.shape == (1, 49, 768)
    assert real.all()
    assert torch.isfinite(features).all()


def test_only_the_last_layers_learn_and_checkpointing_changes_no_gradient() -> None:
    gradients = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        quiet = {**TINY, "hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0}
        encoder = Wav2Vec2Encoder(config=quiet, trained_blocks=1, checkpointing=checkpointing).train()
        encoder(sound(8000)[None], torch.ones(1, 8000, dtype=torch.bool))[0].square().sum().backward()
        learning = {name: p.grad for name, p in encoder.named_parameters() if p.grad is not None}
        last = len(encoder.model.encoder.layers) - 1
        assert all(f"layers.{last}." in name or "encoder.layer_norm" in name for name in learning)
        assert set(learning) == {name for name, p in encoder.named_parameters() if p.requires_grad}
        gradients.append(learning)
    for name in gradients[0]:
        torch.testing.assert_close(gradients[0][name], gradients[1][name])
