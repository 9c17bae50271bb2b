"""A detector in torch as a :class:`avtext.detection.network.Network`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from avtext.clip import Clip
from avtext.detection.network import Emitted, Track
from avtext.features import frozen_ones
from avtext.features.key import canonical, fingerprint
from avtext.layers.modes import evaluating
from avtext.layers.precision import prefers_bfloat16
from avtext.model import EventDetector, Output, collate
from avtext.timeline import num_steps

Precision = Literal["auto", "float32", "bfloat16"]
_process = os.getpid()  # the one that torch's threads are of


def mind_forks() -> None:
    """Let torch compute in one thread where this process was forked: it would wait for threads that it has not got."""
    global _process
    if os.getpid() != _process:
        torch.set_num_threads(1)
        _process = os.getpid()


def encoding_halo(model: EventDetector) -> int:
    """Grid steps to either side of a step that its encoded features can depend on, the encoders' context included."""
    tcns: list[Any] = list(model.tcns.values())
    context = max(float(getattr(encoder, "context", 0.0)) for encoder in model.encoders.values())  # of text: none
    return max(tcn.receptive_field for tcn in tcns) // 2 + round(context * model.settings.grid_rate) + 3


def fusion_halo(model: EventDetector) -> int:
    """Grid steps to either side that fused emissions can depend on."""
    attention = model.settings.fusion.num_layers * model.settings.reach_steps
    return attention + model.head.receptive_field // 2 + 1


class TorchNetwork:
    """Runs ``model`` where it is; arrays go in and come out.

    Args:
        model: computes in evaluation mode here, and is in the mode that it was in again afterwards.
        precision: in which its encoders and TCNs compute: ``"float32"``, ``"bfloat16"``, or ``"auto"``: bfloat16 on a
            GPU that has it, float32 elsewhere, where bfloat16 is slower. Alignment, fusion and CRF are float32.
    """

    def __init__(self, model: EventDetector, precision: Precision = "auto") -> None:
        self.precision = precision
        self.model, self.settings, self.modalities = model, model.settings, model.modalities
        self.encoders: Mapping[str, Any] = dict(model.encoders.items())
        self.fusion_halo = fusion_halo(model)
        self._hashed: tuple[list[tuple[int, int]], list[str]] = [], []

    @cached_property
    def encoding_halo(self) -> int:
        """See :class:`avtext.detection.network.Network`; found when asked for, which builds frozen encoders."""
        return encoding_halo(self.model)

    @property
    def identity(self) -> str:
        """See :meth:`avtext.detection.network.Network.identity`: of the weights as they are now, in training too."""
        encoders = dict(self.model.encoders.items())  # as they are now: a graph may have come into one since
        inner = list(frozen_ones(encoders).values())
        own = [*encoders.values(), *inner]
        graphs = [str(part.path) for one in own for part in vars(one).values() if hasattr(part, "path")]
        graphs += ["bfloat16"] * self._short
        parts = [canonical(self.settings.model_dump(mode="json")), *self._fingerprints([self.model, *inner]), *graphs]
        return sha256("\n".join(parts).encode()).hexdigest()

    def _fingerprints(self, modules: Sequence[nn.Module]) -> list[str]:
        """Of each; hashed anew when torch has counted another write to one of the weights."""
        weights = [tensor for module in modules for tensor in module.state_dict().values()]
        written = [(tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version) for tensor in weights]
        if written != self._hashed[0]:
            self._hashed = written, [fingerprint(module) for module in modules]
        return self._hashed[1]

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    @property
    def _short(self) -> bool:
        return self.precision == "bfloat16" or (self.precision == "auto" and prefers_bfloat16(self._device.type))

    @contextmanager
    def _computing(self, short: bool = False) -> Iterator[None]:
        """In this precision and in evaluation, whatever a caller who trains the model has set."""
        mind_forks()
        with evaluating(self.model), torch.autocast(self._device.type, torch.bfloat16, enabled=short):
            yield

    def encode(self, clip: Clip) -> list[Track]:
        """See :meth:`avtext.detection.network.Network.encode`."""
        return self.encode_together([clip])[0]

    @torch.inference_mode()
    def encode_together(self, clips: Sequence[Clip]) -> list[list[Track]]:
        """See :meth:`avtext.detection.network.Network.encode_together`."""
        batch = collate(clips, None, self.settings.grid_rate).to(self._device)
        with self._computing(self._short):
            encoded = self.model.encode(batch)
        modalities = [
            (features.float().cpu().numpy(), embeddings.float().cpu().numpy(), mask.cpu().numpy())
            for features, embeddings, mask in zip(encoded.features, encoded.embeddings, encoded.masks, strict=True)
        ]
        counts = [num_steps(clip.duration, self.settings.grid_rate) for clip in clips]
        return [[Track(x[b, :n], e[b, :n], m[b, :n]) for x, e, m in modalities] for b, n in enumerate(counts)]

    @torch.inference_mode()
    def fuse(self, features: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> Emitted:
        """See :meth:`avtext.detection.network.Network.fuse`."""
        values = [torch.tensor(x, device=self._device)[None] for x in features]
        real = [torch.tensor(m, device=self._device)[None] for m in masks]
        with self._computing():
            output = self.model.fuse(values, real, torch.ones_like(real[0]))
        own = None if output.alone is None else output.alone[0].cpu().numpy()
        return Emitted(output.emissions[0].cpu().numpy(), output.gates[0].cpu().numpy(), own)

    @torch.inference_mode()
    def decode(self, emissions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`avtext.detection.network.Network.decode`."""
        scores = torch.tensor(emissions, device=self._device)[None]
        mask = torch.ones(1, scores.shape[-2], dtype=torch.bool, device=self._device)
        output = Output(scores, mask, scores.new_zeros(1, scores.shape[-2], 3))
        with self._computing():
            return self.model.tags(output)[0].cpu().numpy(), self.model.marginals(output)[0].cpu().numpy()
