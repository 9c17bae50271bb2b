"""Wav2Vec2 and SlowFast in a detector computed by another backend, whether frozen or learnt with it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from avtext.backends import choose
from avtext.clip import Clip
from avtext.errors import InvalidInput, MediaError
from avtext.features import frozen, reading_for
from avtext.media import MediaReader, probe
from avtext.model import EventDetector

_WINDOW, _PER_FILE = 8.0, 3  # seconds of a window of calibration, and windows of a file


def accelerate(
    model: EventDetector, device: torch.device, backend: str, int8: Sequence[str | Path] | None = None
) -> None:
    """Let ``backend`` compute the encoders of ``model``; those without a network for it stay in torch.

    In torch frozen ones are prepared for the CPU where they are built, which is when media first comes; those that are
    part of the model stay as they are, for it may learn on.

    Args:
        model: is changed.
        device: where the model is.
        backend: as :meth:`avtext.Pipeline.from_pretrained` takes it.
        int8: clips for calibration; None for float32.

    Raises:
        InvalidInput: nothing in the model can be accelerated, the backend is none for the device, or one path in place
            of several clips.
    """
    if isinstance(int8, str | Path):
        raise InvalidInput(f"int8: must be several clips, got {str(int8)!r}: give [{str(int8)!r}]")
    apart: dict[str, Any] = {name: one for name, one in model.encoders.items() if getattr(one, "of", None)}
    if backend == "auto" and device.type != "cpu":
        backend = "torch"
    if backend == "torch" and int8 is None:
        for one in apart.values() if device.type == "cpu" else ():
            one.accelerate(_for_cpu, at_once=False)
        return
    from avtext.backends.networks import has_network
    from avtext.backends.prepare import prepare

    chosen = choose(backend)
    if device.type != "cpu":
        raise InvalidInput(f"backend: {chosen} and INT8 are for the CPU, the model is on {device}: use device='cpu'")
    found: dict[str, Any] = {name: one for name, one in model.encoders.items() if has_network(frozen(one))}
    if not found and not (backend == "auto" and int8 is None):
        raise InvalidInput(
            f"backend: {backend}{'' if int8 is None else ' with int8'}: this model has no Wav2Vec2 and no SlowFast to "
            "accelerate: leave it out; a model of light encoders runs in ONNX Runtime after: avtext compress"
        )
    for name, one in found.items():
        clips = None if int8 is None else calibration_windows(int8, {name: one})
        if name in apart:
            one.accelerate(lambda encoder, clips=clips: prepare(encoder, chosen, clips))
        else:
            model.encoders[name] = prepare(one, chosen, clips)


def _for_cpu(encoder: nn.Module) -> nn.Module:
    """A frozen encoder, built only where media comes, in torch as it is fastest on a CPU."""
    from avtext.backends.eager import prepared
    from avtext.backends.networks import has_network

    return prepared(encoder) if has_network(encoder) else encoder


def calibration_windows(files: Sequence[str | Path], encoders: Mapping[str, Any]) -> Iterator[Clip]:
    """Some windows of each file, as these encoders, by stream name, take them; those taken first are of many files.

    The files come in a random order, always the same: names often sort them by what happens in them.
    """
    options = reading_for(encoders, window=_WINDOW, overlap=0.0)
    shuffled = random.Random(0).sample(files, len(files))
    for part in range(_PER_FILE):
        for file in shuffled:
            start = part and part * max(_WINDOW, (probe(file).duration or 0.0) / _PER_FILE)
            try:
                with MediaReader(file, replace(options, start=float(start))) as reader:
                    yield from islice(reader, 1)
            except MediaError:
                if not part:  # else it is shorter, or than it says
                    raise
