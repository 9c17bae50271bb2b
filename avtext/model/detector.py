"""EventDetector: encoders → TCN per modality → alignment → gated fusion → CRF. The one place where all parts meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avtext.clip import MODALITIES, STREAMS, Event, modality_of
from avtext.config import ModelSettings
from avtext.encoders import StreamEncoder, build_encoder
from avtext.layers.crf import CRF
from avtext.layers.fusion import GatedFusion
from avtext.layers.tcn import TCN, keep, to_grid
from avtext.layers.warp import warp
from avtext.metrics.decision import decide
from avtext.model.batch import Batch
from avtext.model.objective import Losses, Taught, detection_losses
from avtext.tags import OUTSIDE, TagScheme
from avtext.timeline import ClockMap, centres


class Encoded(NamedTuple):
    """Each modality on the grid, on its own clock.

    ``features`` M times (B, T, width), ``masks`` M times (B, T), ``embeddings`` M times (B, T, size) L2-normalised,
    in which the streams' clocks are found.
    """

    features: list[Tensor]
    masks: list[Tensor]
    embeddings: list[Tensor]


class Output(NamedTuple):
    """``emissions`` (B, C, T, 3) or, exclusive, (B, T, K); ``mask`` (B, T); ``gates`` (B, T, 3): audio, video, text;
    ``alone`` (B, T, labels, 3): how probable each label is for what each of them says by itself, zero where it is
    missing, None in training and of a model that has not learnt that (``loss.alone``)."""

    emissions: Tensor
    mask: Tensor
    gates: Tensor
    alone: Tensor | None = None


class EventDetector(nn.Module):
    """Events from sound, picture and words; every variant is a :class:`avtext.config.ModelSettings`.

    Args:
        settings: what it is made of; weights are drawn at random, but for those of pretrained encoders.

    Raises:
        AvtextError: an encoder cannot be built from its options, or its weights cannot be loaded.

    Example:
        >>> from avtext.clip import Clip, Stream
        >>> from avtext.model import collate
        >>> import numpy as np
        >>> settings = ModelSettings(labels=["bell"], width=16, encoders={"audio": {"name": "logmel"}})
        >>> model = EventDetector(settings).eval()
        >>> clip = Clip(1.0, audio=Stream(np.zeros(16000, np.float32), 16000.0))
        >>> model(collate([clip])).emissions.shape
        torch.Size([1, 1, 25, 3])
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings
        self.scheme = TagScheme(settings.labels, settings.scheme)
        width = settings.width
        built: dict[str, Any] = {n: build_encoder(e.name, e.options) for n, e in sorted(settings.encoders.items())}
        self.encoders = nn.ModuleDict(built)
        self.projections = nn.ModuleDict({name: nn.Linear(e.size, width) for name, e in built.items()})
        have = set(map(modality_of, self.encoders))
        self.modalities = tuple(name for name in MODALITIES if name in have)
        tcn = settings.tcn
        self.tcns = nn.ModuleDict(
            {m: TCN(width, tcn.num_layers, tcn.kernel_size, tcn.dropout) for m in self.modalities}
        )
        self.embedders = nn.ModuleDict(
            {
                m: nn.Sequential(
                    nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, settings.alignment.size)
                )
                for m in self.modalities
            }
        )
        count = self.scheme.num_chains * self.scheme.num_tags
        self.alone = nn.ModuleDict(
            {m: nn.Sequential(nn.LayerNorm(width), nn.Linear(width, count)) for m in self.modalities}
        )
        fusion = settings.fusion
        self.fusion = GatedFusion(
            width,
            len(self.modalities),
            fusion.kind,
            fusion.num_layers,
            fusion.num_heads,
            settings.reach_steps,
            fusion.dropout,
        )
        self.head = TCN(width, settings.head_layers, tcn.kernel_size, tcn.dropout)
        self.emit = nn.Linear(width, count)
        self._start_quiet()
        self.crf = self._chain()

    @torch.no_grad()
    def _start_quiet(self) -> None:
        """Begin with emissions that say: mostly nothing happens."""
        bias = torch.full((self.scheme.num_chains, self.scheme.num_tags), -1.0)
        bias[:, OUTSIDE] = 2.0
        for layer in (self.emit, *(cast(nn.Sequential, head)[-1] for head in self.alone.values())):
            cast(nn.Linear, layer).bias.copy_(bias.flatten())

    def _chain(self) -> CRF:
        grammar = self.scheme.grammar()
        return CRF(
            self.scheme.num_tags,
            self.scheme.num_chains,
            allowed_start=torch.from_numpy(grammar.starts),
            allowed=torch.from_numpy(grammar.transitions),
            allowed_end=torch.from_numpy(grammar.ends),
        )

    # -- from a batch to emissions ------------------------------------------------------------------------------

    def encode(self, batch: Batch) -> Encoded:
        """Every modality on the grid, on its own clock; see :class:`Encoded`."""
        features, masks, embeddings = [], [], []
        for modality in self.modalities:
            values, mask = self._on_grid(modality, batch)
            mask = mask & batch.mask
            values = self.tcns[modality](values, mask)
            features.append(values)
            masks.append(mask)
            embeddings.append(keep(F.normalize(self.embedders[modality](values), dim=-1), mask))
        return Encoded(features, masks, embeddings)

    def _on_grid(self, modality: str, batch: Batch) -> tuple[Tensor, Tensor]:
        """Sum of the projected streams of one modality, (B, T, width), and where any of them is real."""
        B, T = batch.mask.shape
        total = torch.zeros(B, T, self.settings.width, device=batch.mask.device)
        anywhere = torch.zeros_like(batch.mask)
        for name in STREAMS:
            if name not in self.encoders or modality_of(name) != modality:
                continue
            found = self._text(batch) if name == "text" and "text" not in batch.streams else self._stream(name, batch)
            if found is not None:
                total, anywhere = total + found[0], anywhere | found[1]
        return total, anywhere

    def _stream(self, name: str, batch: Batch) -> tuple[Tensor, Tensor] | None:
        if name not in batch.streams or not bool(batch.streams[name].mask.any()):
            return None
        stream = batch.streams[name]
        encoder = cast(StreamEncoder, self.encoders[name])
        values, mask = encoder(stream.values, stream.mask)
        values = self.projections[name](values)
        start = stream.start + encoder.start
        return to_grid(values, mask, encoder.rate, start, self.settings.grid_rate, batch.mask.shape[1])

    def _text(self, batch: Batch) -> tuple[Tensor, Tensor] | None:
        """Each cue's vector on the steps it covers; their mean where cues overlap."""
        if not any(batch.cues):
            return None
        vectors, real = self.encoders["text"](batch.cues)
        B, T = batch.mask.shape
        cover = torch.zeros(B, T, vectors.shape[1], device=vectors.device)
        for b, spans in enumerate(batch.cue_steps):
            for c, (first, last) in enumerate(spans):
                cover[b, first:last, c] = 1.0
        cover = cover * real[:, None, :]
        count = cover.sum(-1)
        values = torch.bmm(cover, self.projections["text"](vectors)) / count.clamp_min(1.0).unsqueeze(-1)
        return values, count > 0

    def fuse(self, features: Sequence[Tensor], masks: Sequence[Tensor], mask: Tensor) -> Output:
        """Emissions and gates from modalities that are on one clock.

        Args:
            features: M times (B, T, width), as in :class:`Encoded`.
            masks: M times (B, T).
            mask: (B, T), the clips' steps; a step where no modality is real still gets emissions.
        """
        fused = self.fusion(list(features), list(masks))
        hidden = self.head(fused.features, mask)
        emissions = self.by_chain(self.emit(hidden))
        gates = fused.gates.new_zeros(*mask.shape, len(MODALITIES))
        gates[..., [MODALITIES.index(m) for m in self.modalities]] = fused.gates
        tells = self.settings.loss.alone > 0 and not self.training
        return Output(emissions, mask, gates.to(emissions.dtype), self._alone(features, masks) if tells else None)

    def _alone(self, features: Sequence[Tensor], masks: Sequence[Tensor]) -> Tensor:
        found: dict[str, Tensor] = {}
        for modality, values, mask in zip(self.modalities, features, masks, strict=True):
            tags = self.by_chain(self.alone[modality](values)).softmax(-1)
            found[modality] = self.scheme.activity(tags) * mask[..., None]
        nothing = torch.zeros_like(next(iter(found.values())))
        return torch.stack([found.get(name, nothing) for name in MODALITIES], -1)

    def by_chain(self, flat: Tensor) -> Tensor:
        """Scores (B, T, chains · tags) in the shape of emissions, float32."""
        flat = flat.float()
        if self.scheme.kind == "exclusive":
            return flat
        return flat.unflatten(2, (self.scheme.num_chains, self.scheme.num_tags)).transpose(1, 2)

    def over_chains(self, mask: Tensor) -> Tensor:
        """A mask (B, T) that goes with what emissions have but their last axis: (B, 1, T) or, exclusive, as it is."""
        return mask if self.scheme.kind == "exclusive" else mask[:, None]

    def forward(self, batch: Batch) -> Output:
        """Emissions of a batch, its streams warped by ``batch.clocks`` where those are given."""
        encoded = self.encode(batch)
        features, masks = self.on_video_clock(encoded, batch)
        return self.fuse(features, masks, batch.mask)

    def on_video_clock(self, encoded: Encoded, batch: Batch) -> tuple[list[Tensor], list[Tensor]]:
        """Features and masks of ``encoded`` with audio and text moved to the video's clock by ``batch.clocks``."""
        features, masks = [], []
        for m, (values, mask) in zip(self.modalities, zip(encoded.features, encoded.masks, strict=True), strict=True):
            clocks = [c.get(m) for c in batch.clocks]
            if any(c is not None and not c.is_identity for c in clocks):
                position = self._positions(clocks, batch)
                values, mask = warp(values, mask, position)
                mask = mask & batch.mask
                values = keep(values, mask)
            features.append(values)
            masks.append(mask)
        return features, masks

    def _positions(self, clocks: Sequence[ClockMap | None], batch: Batch) -> Tensor:
        """For each step of the video's grid its fractional step on a stream's grid, (B, T); NaN where it has none."""
        rate, T = self.settings.grid_rate, batch.mask.shape[1]
        rows = []
        for clock, start in zip(clocks, batch.starts, strict=True):
            times = centres(T, rate, start)
            stream = times if clock is None else clock.to_stream(times)
            rows.append(torch.from_numpy((stream - start) * rate - 0.5))
        return torch.stack(rows).to(batch.mask.device)

    # -- training and decoding ----------------------------------------------------------------------------------

    def loss(self, batch: Batch, lost: Tensor | None = None, taught: Taught | None = None) -> Losses:
        """The training loss and its terms; arguments as of :func:`avtext.model.objective.detection_losses`.

        Raises:
            InvalidInput: a clip is not labelled, a term of the loss learns from labels, and there is no teacher.
        """
        return detection_losses(self, batch, lost, taught)

    def for_crf(self, values: Tensor) -> Tensor:
        """Emissions or tags without the chain axis where the CRF has one chain and so wants none."""
        return values.squeeze(1) if self.scheme.kind == "overlapping" and self.scheme.num_chains == 1 else values

    def per_chain(self, values: Tensor) -> Tensor:
        """The inverse of :meth:`for_crf`."""
        return values.unsqueeze(1) if self.scheme.kind == "overlapping" and self.scheme.num_chains == 1 else values

    def marginals(self, output: Output) -> Tensor:
        """Tag probabilities in the shape of the emissions, float32; softmax where the decoder is ``softmax``."""
        if self.settings.decoder == "crf":
            return self.per_chain(self.crf.marginals(self.for_crf(output.emissions), output.mask))
        return output.emissions.softmax(-1)

    def tags(self, output: Output) -> Tensor:
        """Best tag per step, -1 outside the mask."""
        if self.settings.decoder == "crf":
            return self.per_chain(self.crf.decode(self.for_crf(output.emissions), output.mask).tags)
        best = output.emissions.argmax(-1)
        return best.masked_fill(~self.over_chains(output.mask), -1)

    @torch.no_grad()
    def decode(self, output: Output, starts: Sequence[float] | None = None) -> list[list[Event]]:
        """Events of each clip in seconds, ordered by start, as ``settings.decision`` keeps and scores them.

        Args:
            output: of :meth:`forward`.
            starts: seconds at which the clips begin; zeros by default.
        """
        tags, marginals = self.tags(output).cpu().numpy(), self.marginals(output).cpu().numpy()
        gates, counts = output.gates.cpu().numpy(), output.mask.sum(1).tolist()
        alone = None if output.alone is None else output.alone.cpu().numpy()
        rate, result = self.settings.grid_rate, []
        for b, count in enumerate(counts):
            origin = 0.0 if starts is None else float(starts[b])
            activity = self.scheme.activity(marginals[b][..., :count, :])
            own = None if alone is None else alone[b, :count]
            found = self.scheme.decode(tags[b][..., :count], activity, rate, origin, gates[b, :count], own)
            result.append(decide(found, self.settings.decision))
        return result

    def num_parameters(self) -> Mapping[str, int]:
        """Parameters of each direct part, and ``total``."""
        parts = {name: sum(p.numel() for p in part.parameters()) for name, part in self.named_children()}
        return {**parts, "total": sum(parts.values())}
