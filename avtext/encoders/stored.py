"""The encoder of one stream of a trained model, as it lies in the model's folder: frozen features for other models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from avtext.checkpoint import read_model
from avtext.errors import ConfigError


class StoredEncoder(nn.Module):
    """One encoder of a model folder with the weights that it has there.

    Mostly the ``of`` of frozen ``features``: models that are compared on the same features then cost little to train.
    It has the ``size``, and where the encoder has them the ``rate``, ``start``, ``context`` and ``frame_size``, of what
    it holds.

    Args:
        folder: of the model.
        stream: ``audio``, ``video``, ``picture`` or ``text``.

    Raises:
        ModelError: the folder is refused.
        ConfigError: its model has no encoder of that stream.
    """

    def __init__(self, folder: str | Path, stream: str) -> None:
        from avtext.encoders import build_encoder

        super().__init__()
        config, weights = read_model(folder)
        known: dict[str, Any] = config.get("encoders", {})
        if stream not in known:
            raise ConfigError(f"stored: stream: {folder} has no encoder of {stream!r}; it has {', '.join(known)}")
        self.encoder = build_encoder(known[stream]["name"], known[stream].get("options", {}))
        self.kind: dict[str, Any] = known[stream]  # what it is, for the fingerprint of its features
        prefix = f"encoders.{stream}."
        self.encoder.load_state_dict({n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)})
        for name in ("size", "rate", "start", "context", "frame_size"):
            if hasattr(self.encoder, name):
                setattr(self, name, getattr(self.encoder, name))

    def forward(self, values: Tensor | Sequence[Sequence[str]], mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What the encoder itself gives: (B, T, size) and (B, T), for cues (B, cues, size) and (B, cues)."""
        found: tuple[Tensor, Tensor] = self.encoder(values) if mask is None else self.encoder(values, mask)
        return found
