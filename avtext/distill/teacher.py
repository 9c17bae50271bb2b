"""A teacher that is asked once about every clip."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from avtext.clip import Clip, Stream
from avtext.distill.loss import Targets, ask
from avtext.errors import ConfigError
from avtext.features import FeatureCache, FeatureKey, fingerprint, frozen_ones
from avtext.model import Batch, EventDetector, collate


class Clips(Protocol):
    """Numbered clips, as :class:`avtext.data.sources.ClipSource`."""

    def __getitem__(self, index: int) -> Clip:
        """Clip ``index``, the same each time."""
        ...


class Teacher:
    """Says what a detector makes of a batch; keeps it where there is a cache.

    Args:
        model: the teacher.
        clips: the student's clips, by the same numbers, as the teacher's encoders take them; None where both take
            the same.
        cache: folder; files are found again by the content of the clip as the teacher takes it, and the teacher's
            weights, its frozen encoders' among them.

    Example:
        >>> from avtext.config import ModelSettings
        >>> settings = ModelSettings(labels=["bell"], width=16, encoders={"audio": {"name": "logmel"}})
        >>> clip = Clip(1.0, audio=Stream(np.zeros(16000, np.float32), 16000.0))
        >>> Teacher(EventDetector(settings)).targets(collate([clip]), [0]).emissions.shape
        torch.Size([1, 1, 25, 3])
    """

    def __init__(self, model: EventDetector, clips: Clips | None = None, cache: str | Path | None = None) -> None:
        self.model = model.eval().requires_grad_(False)
        self._clips = clips
        self._cache = None if cache is None else FeatureCache(cache)
        self._made_by = {} if cache is None else _made_by(model)

    def targets(self, batch: Batch, indices: Sequence[int]) -> Targets:
        """What the teacher says of a batch, on the batch's device.

        Args:
            batch: as the student takes it, whole.
            indices: the numbers of its clips.

        Raises:
            ConfigError: the teacher has other clips by these numbers.
        """
        taken = self._as_taken(batch, indices)
        if self._cache is None:
            return self._say(taken.to(batch.mask.device))
        keys = [FeatureKey(_digest(taken, row), self._made_by) for row in range(len(indices))]
        found = [self._cache.get(key) for key in keys]
        if any(one is None for one in found):
            said = self._say(taken.to(batch.mask.device))
            for row, key in enumerate(keys):
                if found[row] is None:
                    found[row] = packed = _packed(said, row, int(batch.mask[row].sum()), self.model.settings.grid_rate)
                    self._cache.put(key, packed)
        return _stacked([one for one in found if one is not None], batch.mask, self.model.settings.decoder == "crf")

    def _as_taken(self, batch: Batch, indices: Sequence[int]) -> Batch:
        """The clips of the batch as the teacher's encoders take them."""
        if self._clips is None:
            return batch
        taken = collate([self._clips[i] for i in indices], None, self.model.settings.grid_rate)
        _check_same_clips(taken, batch)
        return taken

    def _say(self, batch: Batch) -> Targets:
        self.model.to(batch.mask.device)
        with torch.no_grad():
            encoded = self.model.encode(batch)
            output = self.model.fuse(*self.model.on_video_clock(encoded, batch), batch.mask)
        return ask(self.model, encoded, output)


def _made_by(model: EventDetector) -> dict[str, str]:
    """What the model says depends on; weights that lie elsewhere are no part of the model, but of what it says."""
    frozen = frozen_ones(dict(model.encoders.items()))
    prints = {f"frozen {name}": fingerprint(encoder) for name, encoder in frozen.items()}
    return {"teacher": fingerprint(model), "settings": model.settings.model_dump_json(), **prints}


def _check_same_clips(taken: Batch, batch: Batch) -> None:
    theirs, ours = (
        [f"{name!r} of {steps} grid steps" for name, steps in zip(one.names, one.mask.sum(1).tolist(), strict=True)]
        for one in (taken, batch)
    )
    for their, our in zip(theirs, ours, strict=True):
        if their != our:
            raise ConfigError(
                f"distill: the student's clip is {our}, the teacher has {their} by its number: train on the clips that "
                "train says, whole and in their order"
            )


def _digest(batch: Batch, row: int) -> str:
    """SHA-256 of all that a clip of a batch holds: real values, their places, and cues; whatever else is in the batch,
    and whether the clip was just made or comes from a file."""
    digest = hashlib.sha256(repr((batch.cues[row], batch.cue_steps[row], int(batch.mask[row].sum()))).encode())
    digest.update(repr(sorted((name, clock.to_dict()) for name, clock in batch.clocks[row].items())).encode())
    for name, stream in sorted(batch.streams.items()):
        mask = stream.mask[row].cpu()
        if not mask.any():  # the stream of another clip
            continue
        digest.update(f"{name} {float(stream.rate)} {float(stream.start[row])}".encode())
        digest.update(np.packbits(np.trim_zeros(mask.numpy(), "b")).data)
        digest.update(stream.values[row].cpu()[mask].contiguous().numpy().tobytes())
    return digest.hexdigest()


def _packed(said: Targets, row: int, count: int, rate: float) -> dict[str, Stream]:
    """One clip's part of the targets as streams, time first; what has no time is one step."""
    timed: dict[str, Tensor] = {"emissions": said.emissions[row].movedim(-2, 0), "gates": said.gates[row]}
    if said.marginals is not None:
        timed["marginals"] = said.marginals[row].movedim(-2, 0)
    whole = {name: getattr(said, name)[row] for name in ("start", "transitions", "end", "negentropy")}
    masks = {f"features.{name}": said.masks[name][row, :count].cpu().numpy() for name in said.features}
    timed |= {f"features.{name}": values[row] for name, values in said.features.items()}
    streams = {n: Stream(_array(v[:count]), rate, 0.0, masks.get(n)) for n, v in timed.items()}
    return streams | {name: Stream(_array(value[None]), 1.0) for name, value in whole.items()}


def _array(values: Tensor) -> np.ndarray:
    return values.detach().float().cpu().contiguous().numpy()


def _stacked(rows: Sequence[Mapping[str, Stream]], mask: Tensor, crf: bool) -> Targets:
    """Targets of a batch from those of its clips, padded to its length."""

    def timed(name: str) -> Tensor:
        return torch.stack([_padded(row[name].values, mask.shape[1]) for row in rows]).to(mask.device)

    def whole(name: str) -> Tensor:
        return torch.stack([torch.from_numpy(np.array(row[name].values[0])) for row in rows]).to(mask.device)

    names = [name.removeprefix("features.") for name in rows[0] if name.startswith("features.")]
    real = {n: torch.stack([_padded(r[f"features.{n}"].real, mask.shape[1]) for r in rows]) for n in names}
    return Targets(
        emissions=timed("emissions").movedim(1, -2),
        marginals=timed("marginals").movedim(1, -2) if crf else None,
        start=whole("start"),
        transitions=whole("transitions"),
        end=whole("end"),
        negentropy=whole("negentropy").double(),
        gates=timed("gates"),
        features={name: timed(f"features.{name}") for name in names},
        masks={name: values.to(mask.device) for name, values in real.items()},
    )


def _padded(values: Any, length: int) -> Tensor:
    tensor = torch.from_numpy(np.array(values))
    return F.pad(tensor, (0, 0) * (tensor.ndim - 1) + (0, length - len(tensor)))
