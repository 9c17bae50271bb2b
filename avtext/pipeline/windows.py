"""A detector over a video of any length: encode in windows, find the clocks, fuse and decode in chunks.

What passes from stage to stage lies on disk. Neighbouring windows share a halo at least as wide as the
network can see, and each gives only its middle, so that the whole equals one pass over everything::

    window k       |··halo··|=========|··halo··|
    window k + 1                 |··halo··|=========|··halo··|
    kept                    |=========|=========|
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from avtext.clip import Clip
from avtext.layers.warp import warp
from avtext.model import EventDetector, Output, collate
from avtext.pipeline.spool import Spool
from avtext.timeline import ClockMap, centres

CHUNK = 1500  # grid steps that are fused at once: a minute


def encoding_halo(model: EventDetector) -> int:
    """Grid steps to either side of a step that its encoded features can depend on, encoders' own sight included."""
    tcns: list[Any] = list(model.tcns.values())
    sight = max(float(getattr(encoder, "sight", 0.2)) for encoder in model.encoders.values())
    return max(tcn.receptive_field for tcn in tcns) // 2 + round(sight * model.settings.grid_rate) + 3


def fusion_halo(model: EventDetector) -> int:
    """Grid steps to either side that fused emissions can depend on."""
    fusion = model.settings.fusion
    return fusion.num_layers * round(fusion.reach * model.settings.grid_rate) + model.head.receptive_field // 2 + 1


@dataclass(frozen=True)
class _Row:
    """Layout of one spooled grid step: features, embedding and mask of each modality, side by side."""

    width: int
    size: int
    modalities: int

    @property
    def length(self) -> int:
        return self.modalities * (self.width + self.size + 1)


class EncodedVideo:
    """Every modality of a video on the grid, on disk.

    Args:
        model: whose encoders are used.

    Attributes:
        start_step: grid step at which the first row lies.
    """

    def __init__(self, model: EventDetector) -> None:
        self.model = model
        self.rate = model.settings.grid_rate
        self._row = _Row(model.settings.width, model.settings.alignment.size, len(model.modalities))
        self._spool = Spool((self._row.length,), np.float32)
        self.start_step = 0
        self._present: frozenset[str] = frozenset()

    def __enter__(self) -> EncodedVideo:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()

    def __len__(self) -> int:
        return len(self._spool)

    @torch.inference_mode()
    def add(self, clip: Clip, last: bool) -> None:
        """Encode the next window; only what no earlier window gave, and no later one will, is kept.

        Args:
            clip: windows in order of time, each overlapping the one before by twice the halo or more.
            last: whether this is the end of the video.
        """
        model = self.model
        first = round(clip.start * self.rate)
        if len(self) == 0:
            self.start_step = first
        device = next(model.parameters()).device
        batch = collate([clip], None, self.rate).to(device)
        encoded = model.encode(batch)
        parts = [
            torch.cat([x[0], e[0], m[0, :, None].to(x.dtype)], -1)
            for x, e, m in zip(encoded.features, encoded.embeddings, encoded.masks, strict=True)
        ]
        rows = torch.cat(parts, -1).float().cpu().numpy()
        self._present |= {m for m, mask in zip(model.modalities, encoded.masks, strict=True) if bool(mask.any())}
        have = self.start_step + len(self) - first
        until = len(rows) if last else len(rows) - encoding_halo(model)
        self._spool.append(rows[have : max(have, until)])

    def _read(self, first: int, last: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Features, embeddings and mask of each modality for the rows ``[first, last)``."""
        rows, row = self._spool.read(first, last), self._row
        step = row.width + row.size + 1
        return [
            (part[:, : row.width], part[:, row.width : -1], part[:, -1] > 0.5)
            for part in (rows[:, m * step : (m + 1) * step] for m in range(row.modalities))
        ]

    def embeddings(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Per modality the embeddings ``(steps, size)``, float16 to save memory, and the mask of the whole video."""
        total, names = len(self), self.model.modalities
        whole = {m: (np.empty((total, self._row.size), np.float16), np.empty(total, dtype=bool)) for m in names}
        for first in range(0, total, CHUNK):
            for name, (_, embedding, mask) in zip(names, self._read(first, first + CHUNK), strict=True):
                place = slice(first, first + len(mask))
                whole[name][0][place], whole[name][1][place] = embedding, mask
        return whole

    def modalities_present(self) -> tuple[str, ...]:
        """Modalities that are real anywhere."""
        return tuple(name for name in self.model.modalities if name in self._present)

    @torch.inference_mode()
    def emissions(self, clocks: Mapping[str, ClockMap]) -> Iterator[Output]:
        """Emissions and gates of consecutive chunks on the video's clock, on the CPU, each ``(1, …)``."""
        model, halo, total = self.model, fusion_halo(self.model), len(self)
        device = next(model.parameters()).device
        for first in range(0, total, CHUNK):
            begin, end = max(0, first - halo), min(total, first + CHUNK + halo)
            features, masks = [], []
            for m, name in enumerate(model.modalities):
                values, mask = self._moved(m, clocks.get(name), begin, end)
                features.append(values.to(device))
                masks.append(mask.to(device))
            whole = torch.ones(1, end - begin, dtype=torch.bool, device=device)
            output = model.fuse(features, masks, whole)
            keep = slice(first - begin, min(total, first + CHUNK) - begin)
            yield Output(output.emissions[..., keep, :].cpu(), output.mask[:, keep].cpu(), output.gates[:, keep].cpu())

    def _moved(self, m: int, clock: ClockMap | None, begin: int, end: int) -> tuple[Tensor, Tensor]:
        """Features and mask of one modality for the video's steps ``[begin, end)``, read through its clock."""
        if clock is None or clock.is_identity:
            values, _, mask = self._read(begin, end)[m]
            return torch.tensor(values)[None], torch.tensor(mask)[None]
        origin = self.start_step / self.rate
        times = centres(end - begin, self.rate, origin + begin / self.rate)
        position = (clock.to_stream(times) - origin) * self.rate - 0.5
        known = position[np.isfinite(position)]
        low = int(np.clip(np.floor(known.min()), 0, len(self))) if known.size else 0
        high = int(np.clip(np.ceil(known.max()) + 2, low, len(self))) if known.size else 0
        if high <= low:
            return torch.zeros(1, end - begin, self._row.width), torch.zeros(1, end - begin, dtype=torch.bool)
        values, _, mask = self._read(low, high)[m]
        return warp(torch.tensor(values)[None], torch.tensor(mask)[None], torch.from_numpy(position - low)[None])


@dataclass(frozen=True)
class Decoded:
    """``tags`` as the scheme encodes them, ``activity`` (steps, labels), ``gates`` (steps, 3)."""

    tags: np.ndarray
    activity: np.ndarray
    gates: np.ndarray


@torch.inference_mode()
def decode_chunks(model: EventDetector, chunks: Iterator[Output], overlap: int = 500) -> Decoded:
    """Best tags and label probabilities of a whole video from its chunks of emissions.

    The chain runs over each chunk with ``overlap`` steps of its neighbours, of which half is trusted from either
    side: a chain forgets within seconds, so the whole is as if decoded at once.

    Args:
        model: whose CRF decodes.
        chunks: as :meth:`EncodedVideo.emissions` gives them.
        overlap: grid steps.
    """
    pieces: list[Decoded] = []
    held: Output | None = None  # the last `overlap` steps of what came before, half of them not yet given out
    pending = 0  # steps at the end of `held` that are still to be given out
    iterator = iter(chunks)
    chunk = next(iterator, None)
    while chunk is not None:
        following = next(iterator, None)
        joined = chunk if held is None else _join([held, chunk])
        length = joined.mask.shape[1]
        first = 0 if held is None else held.mask.shape[1] - pending
        last = length if following is None else max(first, length - overlap // 2)
        decoded = _decode(model, joined)
        pieces.append(Decoded(decoded.tags[..., first:last], decoded.activity[first:last], decoded.gates[first:last]))
        held, pending = _tail(joined, overlap), length - last
        chunk = following
    if not pieces:
        labels, chains = len(model.scheme.labels), model.scheme.num_chains
        shape = (chains, 0) if model.scheme.kind == "overlapping" else (0,)
        return Decoded(np.zeros(shape, np.int64), np.zeros((0, labels), np.float32), np.zeros((0, 3), np.float32))
    return Decoded(
        np.concatenate([p.tags for p in pieces], -1),
        np.concatenate([p.activity for p in pieces]),
        np.concatenate([p.gates for p in pieces]),
    )


def _join(outputs: Sequence[Output]) -> Output:
    return Output(
        torch.cat([o.emissions for o in outputs], -2),
        torch.cat([o.mask for o in outputs], 1),
        torch.cat([o.gates for o in outputs], 1),
    )


def _tail(output: Output, steps: int) -> Output:
    first = max(0, output.mask.shape[1] - steps)
    return Output(output.emissions[..., first:, :], output.mask[:, first:], output.gates[:, first:])


def _decode(model: EventDetector, output: Output) -> Decoded:
    crf_device = next(model.parameters()).device
    output = Output(*(x.to(crf_device) for x in output))
    tags, marginals = model.tags(output)[0].cpu().numpy(), model.marginals(output)[0].cpu().numpy()
    activity = model.scheme.activity(marginals).astype(np.float32)
    return Decoded(tags, activity, output.gates[0].cpu().numpy())
