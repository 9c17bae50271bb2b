"""A detector in ONNX Runtime as a :class:`avtext.detection.network.Network`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from avtext.backends.sessions import give_back, open_session, run_session
from avtext.clip import STREAMS, Clip, Cue, Stream, modality_of
from avtext.detection.network import Emitted, Track
from avtext.features.cues import lay_cues
from avtext.kernels.logmel import log_mel
from avtext.kernels.resampling import to_grid
from avtext.kernels.subwords import subword_ids
from avtext.runtime.folder import CONFIG, Chain, Manifest, read_manifest
from avtext.storage import sha256_of
from avtext.timeline import num_steps

Laid = tuple[np.ndarray, np.ndarray]  # (steps, width) and (steps,)


class OnnxNetwork:
    """The graphs of a runtime folder.

    Args:
        folder: as ``avtext compress`` makes it.
        threads: of ONNX Runtime; None takes all cores, or what ``OMP_NUM_THREADS`` says.

    Raises:
        ModelError: the folder is refused.
        MissingExtra: ONNX Runtime is not installed.
    """

    def __init__(self, folder: str | Path, threads: int | None = None) -> None:
        self._folder, self._threads = Path(folder), threads
        self.manifest: Manifest = read_manifest(folder)
        self.settings, self.modalities = self.manifest.settings, self.manifest.modalities
        self.encoders: Mapping[str, Any] = self.manifest.streams
        self.encoding_halo, self.fusion_halo = self.manifest.encoding_halo, self.manifest.fusion_halo
        names = [*self.encoders, *(f"tower-{m}" for m in self.modalities), "fuse"]
        self._sessions = {name: open_session(Path(folder) / f"{name}.onnx", threads) for name in names}
        self._chain = None if self.manifest.chain is None else _scores(self.manifest.chain)

    def __reduce__(self) -> tuple[type[OnnxNetwork], tuple[Path, int | None]]:
        return OnnxNetwork, (self._folder.absolute(), self._threads)  # sessions cannot be sent to other processes

    @cached_property
    def identity(self) -> str:
        """See :meth:`avtext.detection.network.Network.identity`: the manifest seals every graph."""
        return sha256_of(self._folder / CONFIG)

    def encode(self, clip: Clip) -> list[Track]:
        """See :meth:`avtext.detection.network.Network.encode`."""
        return self.encode_together([clip])[0]

    def encode_together(self, clips: Sequence[Clip]) -> list[list[Track]]:
        """See :meth:`avtext.detection.network.Network.encode_together`."""
        counts = [num_steps(clip.duration, self.settings.grid_rate) for clip in clips]
        modalities = [self._tracks(modality, clips, counts) for modality in self.modalities]
        give_back()
        return [list(tracks) for tracks in zip(*modalities, strict=True)]

    def _tracks(self, modality: str, clips: Sequence[Clip], counts: Sequence[int]) -> list[Track]:
        """One modality of each clip."""
        shape = len(clips), max(counts)
        values, mask = np.zeros((*shape, self.settings.width), np.float32), np.zeros(shape, dtype=bool)
        for name in STREAMS:
            if name not in self.encoders or modality_of(name) != modality:
                continue
            for b, found in self._laid(name, clips, counts).items():
                values[b, : counts[b]] += found[0]
                mask[b, : counts[b]] |= found[1]
        features, embeddings = np.zeros_like(values), np.zeros((*shape, self.settings.alignment.size), np.float32)
        there = np.flatnonzero(mask.any(1))
        if len(there):
            features[there], embeddings[there] = self._run(f"tower-{modality}", values[there], mask[there])
        return [Track(features[b, :n], embeddings[b, :n], mask[b, :n]) for b, n in enumerate(counts)]

    def _laid(self, name: str, clips: Sequence[Clip], counts: Sequence[int]) -> dict[int, Laid]:
        """A stream's projected features on the grid, by the number of the clip; without clips that have none."""
        if name == "text":
            read = {b: [cue for cue in clip.cues if cue.text.strip()] for b, clip in enumerate(clips)}
            return {b: self._text(cues, clips[b].start, counts[b]) for b, cues in read.items() if cues}
        streams = {b: s for b, clip in enumerate(clips) if (s := getattr(clip, name)) is not None and s.real.any()}
        if not streams:
            return {}
        reading, rate = self.encoders[name], self.settings.grid_rate
        rows = [_padded(stream, counts[b] / rate) for b, stream in streams.items()]
        if name == "audio":
            rows = [log_mel(values, mask, reading.num_mels) for values, mask in rows]
        features, real = self._run(name, *_stacked(rows))
        return {
            b: to_grid(features[k], real[k], reading.rate, s.start - clips[b].start + reading.start, rate, counts[b])
            for k, (b, s) in enumerate(streams.items())
        }

    def _text(self, cues: Sequence[Cue], start: float, T: int) -> Laid:
        """Each cue's vector on the steps it covers; their mean where cues overlap."""
        ids = [subword_ids(cue.text, self.encoders["text"].num_buckets) for cue in cues]
        table = np.zeros((len(ids), max(1, *map(len, ids))), np.int64)
        for row, numbers in zip(table, ids, strict=True):
            row[: len(numbers)] = numbers
        (vectors,) = self._run("text", table, np.arange(table.shape[1]) < np.array([[len(x)] for x in ids]))
        return lay_cues(cues, vectors, self.settings.grid_rate, T, start)

    def fuse(self, features: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> Emitted:
        """See :meth:`avtext.detection.network.Network.fuse`."""
        steps = len(masks[0])
        more = -steps % self.settings.reach_steps  # whole blocks of attention: the graph has no case for a remainder
        arguments = [np.arange(steps + more) < steps]
        for values, mask in zip(features, masks, strict=True):
            arguments += [np.pad(values, ((0, more), (0, 0))), np.pad(mask, (0, more))]
        emissions, gates, *alone = self._run("fuse", *(x[None] for x in arguments))
        return Emitted(emissions[0], gates[0], alone[0][0] if alone else None).between(0, steps)

    def decode(self, emissions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`avtext.detection.network.Network.decode`; the chain runs in float64."""
        if self._chain is None:
            powers = np.exp(emissions - emissions.max(-1, keepdims=True))
            return emissions.argmax(-1), powers / powers.sum(-1, keepdims=True)
        from avtext.kernels.chain import chain_marginals  # numba takes half a second, which a first file can wait for
        from avtext.kernels.viterbi import viterbi

        rows = emissions if emissions.ndim == 3 else emissions[None]
        lengths, chain = np.full(len(rows), rows.shape[1]), np.arange(len(rows))
        tags = viterbi(rows, lengths, *self._chain, chain).tags
        marginals = chain_marginals(rows, lengths, *self._chain, chain)[1].unary
        return (tags, marginals) if emissions.ndim == 3 else (tags[0], marginals[0])

    def _run(self, name: str, *arguments: np.ndarray) -> list[np.ndarray]:
        session = self._sessions[name]
        feed = {node.name: value for node, value in zip(session.get_inputs(), arguments, strict=True)}
        return run_session(session, feed)


def _padded(stream: Stream, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Values and mask, lengthened to ``seconds`` where they are shorter."""
    more = max(0, num_steps(seconds, stream.rate) - len(stream))
    values = np.pad(stream.values, ((0, more), *((0, 0),) * (stream.values.ndim - 1)))
    kind = values.dtype if values.dtype == np.uint8 else np.float32
    return values.astype(kind, copy=False), np.pad(stream.real, (0, more))


def _stacked(rows: Sequence[Laid]) -> Laid:
    """Values and masks of several clips, padded to the longest."""
    values, mask = rows[0]
    length = max(len(mask) for _, mask in rows)
    stacked = np.zeros((len(rows), length, *values.shape[1:]), values.dtype), np.zeros((len(rows), length), dtype=bool)
    for k, (values, mask) in enumerate(rows):
        stacked[0][k, : len(mask)], stacked[1][k, : len(mask)] = values, mask
    return stacked


def _scores(chain: Chain) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start, transitions and end as arrays; None becomes -inf."""
    start, table, end = (np.array(x, np.float64) for x in (chain.start, chain.transitions, chain.end))
    return tuple(np.where(np.isnan(x), -np.inf, x) for x in (start, table, end))  # type: ignore[return-value]
