"""Features of a frozen encoder: extracted once and passed through, or made on the spot when media comes instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from avtext.errors import ConfigError
from avtext.layers.tcn import keep


class PrecomputedEncoder(nn.Module):
    """A frozen encoder that is no part of the model's weights.

    In training clips carry its features, which were extracted once; at inference they carry media, and the
    encoder is loaded from where it is kept.

    Args:
        size: features per step.
        rate: steps per second.
        start: seconds from the stream's first value to the beginning of step 0.
        of: ``{"name": …, "options": …}``, the encoder that makes the features; None where only features come.

    Raises:
        ConfigError: the encoder that ``of`` names has another size, rate or start.
    """

    def __init__(self, size: int, rate: float, start: float = 0.0, of: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.size, self.rate, self.start = size, float(rate), float(start)
        self.of = None if of is None else {"name": of["name"], "options": dict(of.get("options", {}))}
        self._preparing: Callable[[nn.Module], nn.Module] | None = None
        self._built: list[nn.Module] = []  # a list: its weights are not this model's
        self.register_buffer("_place", torch.zeros(0), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the model is, and the frozen encoder with it."""
        return self.get_buffer("_place").device

    @torch.inference_mode(False)  # or an attack that comes after inference could take no gradient through it
    def encoder(self) -> nn.Module:
        """The frozen encoder, built when first asked for."""
        from avtext.encoders import build_encoder

        if self.of is None:
            raise ConfigError(
                f"features: what came is not of size {self.size}, and the model does not say which encoder its "
                "features are of: set size to that of the features, or give of, which makes them from media"
            )
        if not self._built:
            with torch.random.fork_rng(devices=[]):  # the run's own dice stay as they are: it may have been resumed
                torch.default_generator.manual_seed(0)  # weights that nobody keeps are the same each time
                built = build_encoder(self.of["name"], self.of["options"]).eval().requires_grad_(False)
            clock = (float(getattr(built, "rate", self.rate)), float(getattr(built, "start", self.start)))
            if built.size != self.size or not np.allclose(clock, (self.rate, self.start), rtol=0, atol=1e-6):
                raise ConfigError(
                    f"features: {self.of['name']} gives {built.size} values at {clock[0]:g} a second from {clock[1]:g} "
                    f"s on, not {self.size} at {self.rate:g} from {self.start:g} s: set size, rate and start"
                )
            self._built.append(built if self._preparing is None else self._preparing(built))
        return self._built[0].to(self.device)

    @property
    def context(self) -> float:
        """That of the frozen encoder; 0 where only features come, whose windows are not known."""
        return 0.0 if self.of is None else float(getattr(self.encoder(), "context", 0.0))

    def accelerate(self, prepare: Callable[[nn.Module], nn.Module], at_once: bool = True) -> None:
        """Let what ``prepare`` makes of the frozen encoder compute, now or, not ``at_once``, once it is built."""
        if at_once or self._built:
            self._built = [prepare(self.encoder())]
        else:
            self._preparing = prepare

    def forward(self, values: Tensor | Sequence[Sequence[str]], mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(B, T, size) and (B, T), as they come; waveform, frames or cues go through the encoder first."""
        if isinstance(values, Tensor) and mask is not None and values.ndim == 3 and values.shape[-1] == self.size:
            return keep(values.float(), mask), mask
        arguments = (values,) if mask is None else (values, mask)
        attacked = isinstance(values, Tensor) and values.requires_grad and torch.is_grad_enabled()
        with torch.set_grad_enabled(attacked):  # of what goes in alone: no weight of it learns
            return self.encoder()(*arguments)
