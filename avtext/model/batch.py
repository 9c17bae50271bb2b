"""Clips of different length to one padded, masked batch. Nothing is cut to the shortest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from avtext.clip import MODALITIES, STREAMS, Clip, Stream, modality_of
from avtext.errors import InvalidInput
from avtext.model.truth import known_chains, presences, tags_of
from avtext.tags import TagScheme
from avtext.timeline import ClockMap, num_steps, span_to_steps


@dataclass(frozen=True)
class BatchStream:
    """``values`` (B, time, *features), ``mask`` (B, time), ``rate`` in steps per second, ``start`` (B,) in seconds
    from each clip's beginning."""

    values: Tensor
    mask: Tensor
    rate: float
    start: Tensor


@dataclass(frozen=True)
class Batch:
    """What :class:`avtext.model.EventDetector` takes.

    Args:
        streams: ``audio``, ``video``, ``picture``, precomputed ``text``; a stream that no clip has is absent.
        cues: texts of each clip.
        cue_steps: for each cue the half-open range of grid steps it covers.
        mask: (B, T), true for the grid steps of each clip.
        starts: (B,) seconds at which clips begin on their videos' clocks.
        tags: (B, C, T) or, exclusive, (B, T), int64; None where no clip has events.
        clocks: per clip, the true or estimated maps from a modality's clock to the video's.
        names: for messages.
        known: boolean (B, C), C of the tags and 1 where they are exclusive, true where a chain's tags are the truth;
            None: all are.
        present: (B, labels) int64, of clips whose events have no times: 1 where a label occurs, 0 where it does not,
            -1 where that is not known; None where there is no such clip.
    """

    streams: Mapping[str, BatchStream]
    cues: list[list[str]]
    cue_steps: list[list[tuple[int, int]]]
    mask: Tensor
    starts: np.ndarray
    tags: Tensor | None
    clocks: list[Mapping[str, ClockMap]]
    names: list[str]
    known: Tensor | None = None
    present: Tensor | None = None

    @property
    def unlabelled(self) -> list[str]:
        """Names of the clips whose labels nobody said anything about."""
        known = torch.zeros(len(self.mask), dtype=torch.bool, device=self.mask.device)
        if self.tags is not None:
            known = ~known if self.known is None else self.known.any(1)
        if self.present is not None:
            known = known | (self.present >= 0).any(1)
        return [name for name, labelled in zip(self.names, known.tolist(), strict=True) if not labelled]

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device; from pinned memory the copies go on while the CPU does other things."""
        ahead = self.mask.device.type == "cpu"  # the other way the CPU would read what is not there yet
        return self._each(lambda values: values.to(device, non_blocking=ahead))

    def pin_memory(self) -> Batch:
        """The same batch in memory that a GPU copies from by itself."""
        return self._each(lambda values: values.pin_memory())

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        streams = {
            name: BatchStream(change(s.values), change(s.mask), s.rate, change(s.start))
            for name, s in self.streams.items()
        }
        tags, known, present = (
            None if values is None else change(values) for values in (self.tags, self.known, self.present)
        )
        return replace(self, streams=streams, mask=change(self.mask), tags=tags, known=known, present=present)

    def without(self, dropped: Mapping[str, Tensor]) -> Batch:
        """The same batch with modalities taken away.

        Args:
            dropped: modality to boolean (B,), true where a clip loses it (its picture goes with its video).
        """
        streams = {}
        for name, s in self.streams.items():
            lost = dropped.get(modality_of(name))
            mask = s.mask if lost is None else s.mask & ~lost.to(s.mask.device)[:, None]
            streams[name] = replace(s, mask=mask)
        cues, cue_steps = self.cues, self.cue_steps
        if "text" in dropped:
            lost_text = dropped["text"].tolist()
            cues = [[] if lost else row for row, lost in zip(cues, lost_text, strict=True)]
            cue_steps = [[] if lost else row for row, lost in zip(cue_steps, lost_text, strict=True)]
        return replace(self, streams=streams, cues=cues, cue_steps=cue_steps)

    def only(self, modalities: Sequence[str]) -> Batch:
        """The same batch with nothing but ``modalities``."""
        everyone = torch.ones(len(self.mask), dtype=torch.bool)
        return self.without({name: everyone for name in MODALITIES if name not in modalities})


def collate(clips: Sequence[Clip], scheme: TagScheme | None = None, grid_rate: float = 25.0) -> Batch:
    """One batch of ``clips``.

    Args:
        clips: at least one; some may be labelled and others not.
        scheme: how events become tags; None: there are none.
        grid_rate: grid steps per second.

    Raises:
        InvalidInput: no clip, the clips' streams differ in rate or feature shape, or only some labels of a clip are
            annotated and the scheme is exclusive.
    """
    if not clips:
        raise InvalidInput("collate: needs at least one clip")
    counts = [num_steps(clip.duration, grid_rate) for clip in clips]
    T = max(counts)
    mask = torch.zeros(len(clips), T, dtype=torch.bool)
    for row, count in zip(mask, counts, strict=True):
        row[:count] = True
    streams = {}
    for name in STREAMS:
        found = [getattr(clip, name) for clip in clips]
        if any(s is not None for s in found):
            streams[name] = _stack(name, found, clips, T / grid_rate)
    spans = [
        [span_to_steps(c.start, c.end, grid_rate, n, k.start) for c in k.cues]
        for k, n in zip(clips, counts, strict=True)
    ]
    return Batch(
        streams=streams,
        cues=[[c.text for c in clip.cues] for clip in clips],
        cue_steps=spans,
        mask=mask,
        starts=np.array([clip.start for clip in clips]),
        tags=None if scheme is None else tags_of(clips, counts, scheme, grid_rate),
        clocks=[dict(clip.clocks) for clip in clips],  # a clip's own may be a view, which no other process can be sent
        names=[clip.name for clip in clips],
        known=None if scheme is None else known_chains(clips, scheme),
        present=None if scheme is None else presences(clips, scheme),
    )


def _stack(name: str, found: Sequence[Stream | None], clips: Sequence[Clip], seconds: float) -> BatchStream:
    present = [s for s in found if s is not None]
    rate, shape = present[0].rate, present[0].values.shape[1:]
    for clip, s in zip(clips, found, strict=True):
        if s is not None and (s.rate != rate or s.values.shape[1:] != shape):
            raise InvalidInput(
                f"collate: {name} of clip {clip.name!r} has rate {s.rate} and shape {s.values.shape[1:]}, "
                f"the others {rate} and {shape}"
            )
    length = max(num_steps(seconds, rate), *(len(s) for s in present))
    kind = np.result_type(*{s.values.dtype for s in present})  # a smaller one would change what the others say
    values = np.zeros((len(found), length, *shape), kind)
    mask = np.zeros((len(found), length), dtype=bool)
    start = np.zeros(len(found))
    for row, (clip, s) in enumerate(zip(clips, found, strict=True)):
        if s is not None:
            values[row, : len(s)], mask[row, : len(s)] = s.values, s.real
            start[row] = s.start - clip.start
    return BatchStream(torch.from_numpy(values), torch.from_numpy(mask), rate, torch.from_numpy(start))
