"""A transformer's vectors of timed text: its last hidden states averaged over the tokens of each cue.

Mean pooling as in `Reimers and Gurevych, Sentence-BERT <https://arxiv.org/abs/1908.10084>`_: with a sentence
model such as ``sentence-transformers/all-MiniLM-L6-v2`` the vectors are that model's own, before
normalisation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from avtext.encoders.pretrained import (
    config_to_settings,
    first_line,
    load_weights,
    model_folder,
    model_type,
    random_model,
    read_config,
    settings_to_config,
)
from avtext.errors import ConfigError, ModelError


class TransformerTextEncoder(nn.Module):
    """One vector per cue from a `transformers` model.

    Args:
        source: a local folder or hub id with a model and its tokenizer; None for random weights.
        config: settings for random weights, with ``model_type`` such as ``"bert"``; only without ``source``.
        tokenizer: a folder or hub id with a tokenizer only; needed with ``config``, else ``source`` has it.
        max_tokens: tokens that the model sees together; a longer cue is read in pieces and every token
            counts. Never more than the model has positions for.
        batch: pieces computed together.

    Attributes:
        size: feature width, 384 for MiniLM.
        settings: what decides the vectors besides the weights, as plain JSON values.

    Raises:
        ModelError: the folder or id is not there, damaged, not a text encoder, or does not fit its tokenizer.
        ConfigError: settings that are not known, or values out of range.
    """

    def __init__(
        self,
        source: str | Path | None = None,
        config: Mapping[str, Any] | None = None,
        *,
        tokenizer: str | Path | None = None,
        max_tokens: int = 128,
        batch: int = 32,
    ) -> None:
        super().__init__()
        if (source is None) == (config is None):
            raise ConfigError("give either source (pretrained weights) or config (random weights), one of the two")
        if config is not None and tokenizer is None:
            raise ConfigError("config (random weights) needs tokenizer: a folder that has tokenizer.json")
        if max_tokens < 4 or batch < 1:
            raise ConfigError(f"need max_tokens >= 4 and batch >= 1, got {max_tokens=}, {batch=}")
        self.model = _random(config) if config is not None else _pretrained(str(source))
        self._tokenizer = _read_tokenizer(tokenizer if tokenizer is not None else str(source))
        table = _checked_table(self.model, str(source or "config"))
        if len(self._tokenizer) > table.num_embeddings:
            raise ModelError(
                f"tokenizer has {len(self._tokenizer)} tokens, the model only {table.num_embeddings}: give "
                "the tokenizer that belongs to the model"
            )
        self._limit = min(max_tokens, _positions(self.model.config))
        self.size, self._batch = int(self.model.config.hidden_size), batch
        self.settings = {
            "max_tokens": self._limit,
            "tokenizer": hashlib.sha256(self._tokenizer.backend_tokenizer.to_str().encode()).hexdigest(),
            "config": config_to_settings(self.model.config),
        }
        self.eval()

    def forward(self, cues: Sequence[Sequence[str]]) -> tuple[Tensor, Tensor]:
        """Vectors of timed text.

        Args:
            cues: for each of B clips its cues' texts, in their order.

        Returns:
            ``(B, C, size)`` float32 and a boolean mask ``(B, C)``, C the most cues of a clip. A cue without a
            visible character has nothing to say: its vector is zero and its mask false.
        """
        places = [(b, c) for b, row in enumerate(cues) for c, text in enumerate(row) if text.strip()]
        device = next(self.model.parameters()).device
        C = max((len(row) for row in cues), default=0)
        out = torch.zeros(len(cues), C, self.size, device=device)
        mask = torch.zeros(len(cues), C, dtype=torch.bool, device=device)
        if places:
            vectors = self._pooled([cues[b][c] for b, c in places])
            rows, columns = torch.tensor(places, device=device).T
            out = out.index_put((rows, columns), vectors)
            mask[rows, columns] = True
        return out, mask

    def _pooled(self, texts: list[str]) -> Tensor:
        """Mean over its tokens of each text's hidden states, ``(n, size)``."""
        pieces = self._tokenizer(
            texts,
            truncation=True,
            max_length=self._limit,
            return_overflowing_tokens=True,
            add_special_tokens=True,
        )
        ids: list[list[int]] = pieces["input_ids"]
        owners: list[int] = pieces["overflow_to_sample_mapping"]
        device = next(self.model.parameters()).device
        sums = torch.zeros(len(texts), self.size, device=device)
        counts = torch.zeros(len(texts), 1, device=device)
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))  # like lengths together: little padding
        for begin in range(0, len(order), self._batch):
            together = order[begin : begin + self._batch]
            hidden, real = self._hidden([ids[i] for i in together])
            owner = torch.tensor([owners[i] for i in together], device=device)
            sums = sums.index_add(0, owner, torch.where(real[..., None], hidden, 0.0).sum(1))
            counts = counts.index_add(0, owner, real.sum(1, keepdim=True).float())
        return sums / counts.clamp(min=1.0)

    def _hidden(self, ids: list[list[int]]) -> tuple[Tensor, Tensor]:
        """Last hidden states ``(n, tokens, size)`` and which tokens are real ``(n, tokens)``."""
        device = next(self.model.parameters()).device
        longest = max(len(row) for row in ids)
        padding = self._tokenizer.pad_token_id or 0
        tokens = torch.tensor([[*row, *[padding] * (longest - len(row))] for row in ids], device=device)
        lengths = torch.tensor([len(row) for row in ids], device=device)
        real = torch.arange(longest, device=device) < lengths[:, None]
        output = self.model(input_ids=tokens, attention_mask=real.long())
        return output.last_hidden_state.float(), real


def _random(config: Mapping[str, Any]) -> Any:
    from transformers import CONFIG_MAPPING, AutoModel

    name = str(config.get("model_type"))
    if name not in CONFIG_MAPPING:
        raise ConfigError(f'config: model_type must be one that transformers knows, such as "bert", got {name}')
    return random_model(AutoModel.from_config, settings_to_config(CONFIG_MAPPING[name], config))


def _pretrained(source: str) -> Any:
    from transformers import AutoConfig, AutoModel

    folder = model_folder(source)
    settings = read_config(AutoConfig, folder)
    if getattr(settings, "is_encoder_decoder", False):
        raise ModelError(f"{source}: a {model_type(folder)!r} model has a decoder; give an encoder such as BERT")
    return load_weights(AutoModel, folder, settings)


def _checked_table(model: Any, source: str) -> nn.Embedding:
    try:
        table = model.get_input_embeddings()
    except (NotImplementedError, AttributeError):
        table = None
    if not isinstance(table, nn.Embedding) or not hasattr(model.config, "hidden_size"):
        raise ModelError(f"{source}: {type(model).__name__} reads no tokens; give a text encoder such as BERT")
    return table


def _positions(config: Any) -> int:
    """Tokens that the model has positions for; RoBERTa's first two, up to its padding's, are taken."""
    positions = getattr(config, "max_position_embeddings", None) or 1 << 20
    offset = (config.pad_token_id or 0) + 1 if "roberta" in config.model_type or config.model_type == "mpnet" else 0
    return positions - offset


def _read_tokenizer(source: str | Path) -> Any:
    from transformers import AutoTokenizer

    folder = Path(source).expanduser()
    folder = folder if folder.is_dir() else model_folder(source)
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt")):
        # without a vocabulary the library would give a tokenizer to which every word is unknown
        raise ModelError(f"{source}: has no tokenizer.json; save the model's tokenizer there with save_pretrained")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # its readers raise whatever a damaged file makes them raise
        raise ModelError(f"{source}: its tokenizer cannot be read ({first_line(error)})") from error
    if not tokenizer.is_fast:
        raise ModelError(f"{source}: only tokenizers with a tokenizer.json are read; save one with save_pretrained")
    return tokenizer
