"""The transformer text encoder, with a tokenizer and a model that the tests make themselves."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch import nn
from transformers import (
    AutoModel,
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    Wav2Vec2Config,
    Wav2Vec2Model,
)

from avtext.encoders.transformer_text import TransformerTextEncoder
from avtext.errors import ConfigError, ModelError

CORPUS = ["the dog barks at the moon", "[siren wails]", "a knock on the door", "who is there? nobody."]
BERT = {
    "model_type": "bert",
    "vocab_size": 120,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
}
MINILM = {  # all-MiniLM-L6-v2
    "model_type": "bert",
    "vocab_size": 30522,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
}


def save_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer.train_from_iterator(
        CORPUS, trainers.WordPieceTrainer(vocab_size=120, special_tokens=special, show_progress=False)
    )
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    )
    fast.save_pretrained(folder)
    return fast


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bert")
    save_tokenizer(path)
    torch.manual_seed(0)
    BertModel(BertConfig(**{k: v for k, v in BERT.items() if k != "model_type"})).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def encoder(folder: Path) -> TransformerTextEncoder:
    return TransformerTextEncoder(folder)


@torch.inference_mode()
def run(encoder: TransformerTextEncoder, *cues: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    return encoder(list(cues))


@torch.inference_mode()
def test_vector_is_the_mean_over_tokens(folder: Path, encoder: TransformerTextEncoder) -> None:
    vectors, mask = encoder([["the dog barks"]])
    tokens = PreTrainedTokenizerFast.from_pretrained(folder)("the dog barks", return_tensors="pt")
    hidden = BertModel.from_pretrained(folder).eval()(tokens["input_ids"]).last_hidden_state
    assert tokens["input_ids"].shape[1] == 5  # three words between [CLS] and [SEP]
    assert encoder.size == 32
    assert mask.tolist() == [[True]]
    torch.testing.assert_close(vectors[0, 0], hidden[0].mean(0), atol=1e-6, rtol=0)


@pytest.mark.parametrize("batch", [1, 2, 32])
def test_alone_equals_batch(folder: Path, batch: int) -> None:
    encoder = TransformerTextEncoder(folder, batch=batch)
    rows = [["the dog barks", "a", "who is there? nobody. the dog, the door"], [], ["[siren wails]", "ß☃"]]
    vectors, mask = run(encoder, *rows)
    assert mask.tolist() == [[True] * 3, [False] * 3, [True, True, False]]
    for b, row in enumerate(rows):
        for c, text in enumerate(row):
            torch.testing.assert_close(vectors[b, c], run(encoder, [text])[0][0, 0], atol=1e-5, rtol=0)
    assert not vectors[~mask].any()
    assert torch.isfinite(vectors).all()


def test_different_texts_differ_and_order_counts(encoder: TransformerTextEncoder) -> None:
    vectors, _ = run(encoder, ["the dog barks", "the door barks", "barks dog the", "THE DOG BARKS"])
    assert (vectors[0, 0] - vectors[0, 1]).abs().max() > 0.01
    assert (vectors[0, 0] - vectors[0, 2]).abs().max() > 0.01
    assert vectors[0, 0].equal(vectors[0, 3])


@pytest.mark.parametrize("cues", [[], [[]], [[], []]])
def test_no_text(encoder: TransformerTextEncoder, cues: list[list[str]]) -> None:
    vectors, mask = encoder(cues)
    assert vectors.shape == (len(cues), 0, 32)
    assert mask.shape == (len(cues), 0)


def test_invisible_text_is_not_real(encoder: TransformerTextEncoder) -> None:
    vectors, mask = run(encoder, ["", " \n\t", "a"])
    assert mask.tolist() == [[False, False, True]]
    assert not vectors[0, :2].any()


def test_every_token_of_a_long_cue_counts(folder: Path) -> None:
    encoder = TransformerTextEncoder(folder, max_tokens=16)
    words = ["the", "dog", "barks", "at", "the", "moon"] * 10
    long, _ = run(encoder, [" ".join(words)])
    pieces = [" ".join(words[i : i + 14]) for i in range(0, 60, 14)]  # 14 words between [CLS] and [SEP]
    separate, _ = run(encoder, pieces)
    weights = torch.tensor([len(piece.split()) + 2.0 for piece in pieces])
    expected = (separate[0] * weights[:, None]).sum(0) / weights.sum()
    torch.testing.assert_close(long[0, 0], expected, atol=1e-5, rtol=0)
    changed, _ = run(encoder, [" ".join([*words[:-1], "knock"])])
    assert (changed - long).abs().max() > 1e-4  # the last word is heard


def test_never_more_tokens_than_positions(folder: Path) -> None:
    encoder = TransformerTextEncoder(folder, max_tokens=500)
    vectors, mask = run(encoder, ["dog " * 300])
    assert mask.all()
    assert torch.isfinite(vectors).all()
    assert encoder.settings["max_tokens"] == 40


def test_saved_again_gives_bit_equal_vectors(folder: Path, encoder: TransformerTextEncoder, tmp_path: Path) -> None:
    encoder.model.save_pretrained(tmp_path)
    for file in folder.glob("tokenizer*"):
        shutil.copy(file, tmp_path)
    again = TransformerTextEncoder(tmp_path)
    assert run(again, CORPUS)[0].equal(run(encoder, CORPUS)[0])
    assert again.settings == encoder.settings


def test_random_weights_from_a_config(folder: Path) -> None:
    encoder = TransformerTextEncoder(config=BERT, tokenizer=folder)
    vectors, _ = run(encoder, CORPUS)
    assert vectors.shape == (1, 4, 32)


class TestRefusals:
    def test_missing_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="no such folder") as caught:
            TransformerTextEncoder(tmp_path / "absent")
        assert "\n" not in str(caught.value)

    def test_no_tokenizer(self, encoder: TransformerTextEncoder, tmp_path: Path) -> None:
        encoder.model.save_pretrained(tmp_path)
        with pytest.raises(ModelError, match=r"has no tokenizer\.json") as caught:
            TransformerTextEncoder(tmp_path)
        assert "\n" not in str(caught.value)

    def test_model_that_reads_no_text(self, tmp_path: Path) -> None:
        tiny = Wav2Vec2Config(
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            intermediate_size=8,
            conv_dim=[8] * 7,
            num_conv_pos_embedding_groups=1,
        )
        Wav2Vec2Model(tiny).save_pretrained(tmp_path)
        save_tokenizer(tmp_path)
        with pytest.raises(ModelError, match="Wav2Vec2Model reads no tokens"):
            TransformerTextEncoder(tmp_path)

    def test_tokenizer_of_another_model(self, folder: Path) -> None:
        with pytest.raises(ModelError, match="tokens, the model only 10"):
            TransformerTextEncoder(config={**BERT, "vocab_size": 10}, tokenizer=folder)

    def test_foreign_code_is_not_run(self, folder: Path, tmp_path: Path) -> None:
        save_tokenizer(tmp_path)
        (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
        (tmp_path / "trap.py").write_text("raise SystemExit('foreign code ran')\n")
        (tmp_path / "config.json").write_text(
            '{"model_type": "trap", "auto_map": {"AutoConfig": "trap.Config", "AutoModel": "trap.Model"}}'
        )
        with pytest.raises(ModelError, match=r"config.json is refused"):
            TransformerTextEncoder(tmp_path)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, "either source"),
            ({"source": "x", "config": BERT}, "either source"),
            ({"config": BERT}, "needs tokenizer"),
            ({"config": {"model_type": "brt"}, "tokenizer": "x"}, "model_type must be"),
            ({"config": {**BERT, "hidden_sise": 3}, "tokenizer": "x"}, "no setting 'hidden_sise'"),
            ({"config": {**BERT, "num_attention_heads": 5}, "tokenizer": "x"}, "config: "),
            ({"source": "x", "max_tokens": 3}, "max_tokens >= 4"),
        ],
    )
    def test_options(self, options: dict, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            TransformerTextEncoder(**options)


def test_minilm_size(folder: Path) -> None:
    with torch.device("meta"):
        model = AutoModel.from_config(BertConfig(**{k: v for k, v in MINILM.items() if k != "model_type"}))
    assert sum(p.numel() for p in model.parameters()) == 22_713_216  # as published: 22.7 M
    encoder = TransformerTextEncoder(config=MINILM, tokenizer=folder)
    assert isinstance(encoder, nn.Module)
    assert run(encoder, ["the dog barks"])[0].shape == (1, 1, 384)
