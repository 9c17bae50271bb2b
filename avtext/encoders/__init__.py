"""Encoders: one per file, all with one interface, found by name in ``ENCODERS``.

An encoder is an ``nn.Module`` with ``rate`` (steps per second of what it returns), ``size`` (features per step) and
``start`` (seconds from the stream's first value to the beginning of the first step), and

    forward(values, mask) -> (features (B, T, size), mask (B, T))

Text encoders have no clock of their own: ``forward(cues: list[list[str]])`` gives one vector per cue,
(B, cues, size) with a mask (B, cues); the model lays them on the grid.
"""

from __future__ import annotations

import importlib
from typing import Any

from torch import nn

from avtext.errors import ConfigError

# name -> (module, class). Imported when asked for: transformers and pytorchvideo are heavy.
ENCODERS = {
    "logmel": ("avtext.encoders.logmel", "LogMelEncoder"),
    "small_video": ("avtext.encoders.small_video", "SmallVideoEncoder"),
    "picture": ("avtext.encoders.small_video", "PictureEncoder"),
    "hashed_text": ("avtext.encoders.hashed_text", "HashedTextEncoder"),
    "wav2vec2": ("avtext.encoders.wav2vec2", "Wav2Vec2Encoder"),
    "slowfast": ("avtext.encoders.slowfast", "SlowFastEncoder"),
    "transformer_text": ("avtext.encoders.transformer_text", "TransformerTextEncoder"),
    "features": ("avtext.encoders.precomputed", "PrecomputedEncoder"),
    "stored": ("avtext.encoders.stored", "StoredEncoder"),
}


def build_encoder(name: str, options: dict[str, Any]) -> nn.Module:
    """The encoder called ``name`` with its keyword ``options``.

    Raises:
        ConfigError: no such encoder, or an option it does not have.

    Example:
        >>> build_encoder("logmel", {"size": 32}).rate
        25.0
    """
    if name not in ENCODERS:
        raise ConfigError(f"encoder {name!r} is not known; known: {', '.join(ENCODERS)}")
    module, kind = ENCODERS[name]
    encoder = getattr(importlib.import_module(module), kind)
    try:
        return encoder(**options)
    except TypeError as error:
        raise ConfigError(f"encoder {name!r}: {error}") from None
