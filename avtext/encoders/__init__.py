"""Encoders: one per file, all with one interface, found by name in ``ENCODERS``.

An encoder of sound or picture is an ``nn.Module`` that is a :class:`StreamEncoder`. Text encoders have no clock of
their own: ``forward(cues: list[list[str]])`` gives one vector per cue, (B, cues, size) with a mask (B, cues); the model
lays them on the grid.
"""

from __future__ import annotations

import importlib
import math
from typing import Any, Protocol

from torch import Tensor, nn

from avtext.errors import AvtextError, ConfigError

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


class StreamEncoder(Protocol):
    """What an encoder of sound or picture has."""

    @property
    def size(self) -> int:
        """Features per step."""
        ...

    @property
    def rate(self) -> float:
        """Steps per second of what it returns."""
        ...

    @property
    def start(self) -> float:
        """Seconds from the stream's first value to the beginning of the first step."""
        ...

    @property
    def context(self) -> float:
        """Seconds to either side of a step that its features depend on."""
        ...

    def __call__(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """A stream (B, values, ...) with its mask (B, values) to features (B, T, size) and their mask (B, T)."""
        ...


def build_encoder(name: str, options: dict[str, Any]) -> nn.Module:
    """The encoder called ``name`` with its keyword ``options``.

    Raises:
        ConfigError: no such encoder, an option it does not have, or a value that makes none.

    Example:
        >>> build_encoder("logmel", {"size": 32}).rate
        25.0
    """
    if name not in ENCODERS:
        raise ConfigError(f"encoder {name!r} is not known; known: {', '.join(ENCODERS)}")
    module, kind = ENCODERS[name]
    make = getattr(importlib.import_module(module), kind)
    try:
        encoder = make(**options)
    except AvtextError:
        raise
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RuntimeError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ConfigError(f"encoder {name!r}: cannot be built from the options {options} ({reason})") from None
    _check(name, encoder)
    return encoder


def _check(name: str, encoder: Any) -> None:
    """Refuse what torch builds without a word: a clock that stands still, and layers of nothing."""
    clock = {part: getattr(encoder, part, 1.0) for part in ("rate", "start")}
    for part, value in clock.items():
        if not isinstance(value, int | float) or not math.isfinite(value) or (part == "rate" and value <= 0):
            raise ConfigError(f"encoder {name!r}: {part}: must be a finite number, a rate above 0, got {value!r}")
    if not isinstance(encoder.size, int) or encoder.size < 1 or not all(p.numel() for p in encoder.parameters()):
        raise ConfigError(f"encoder {name!r}: size and numbers of channels must be whole and at least 1")
