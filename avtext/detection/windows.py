"""A network over a video of any length: encode in windows, find the clocks, fuse and decode in chunks.

What passes from stage to stage lies on disk. Neighbouring windows share a halo at least as wide as the
network can see, and each gives only its middle, so that the whole equals one pass over everything. (Of encoders
that see all of a window, Wav2Vec2 and SlowFast, it does so but for what lies beyond their stated context.)::

    window k       |··halo··|=========|··halo··|
    window k + 1                 |··halo··|=========|··halo··|
    kept                    |=========|=========|
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from avtext.clip import Clip
from avtext.detection.network import Emitted, Network, Track
from avtext.detection.reading import with_next
from avtext.detection.spool import Spool
from avtext.kernels.resampling import warp
from avtext.tags import TagScheme
from avtext.timeline import ClockMap, centres

CHUNK = 30.0  # seconds that are fused at once
OVERLAP = 20.0  # seconds of neighbouring chunks that are decoded with one: a chain forgets within a few


class EncodedVideo:
    """Every modality of a video on the grid, on disk.

    Args:
        network: which encodes and fuses.

    Attributes:
        start: seconds at which the first row begins.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.rate = network.settings.grid_rate
        self._width, self._size = network.settings.width, network.settings.alignment.size
        # of a step: features, embedding and mask of each modality, side by side
        self._length = len(network.modalities) * (self._width + self._size + 1)
        self._spool = Spool((self._length,), np.float32)
        self._chunk = max(1, round(CHUNK * self.rate))
        self.start = 0.0
        self._present: frozenset[str] = frozenset()

    def __enter__(self) -> EncodedVideo:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()

    def __len__(self) -> int:
        return len(self._spool)

    def fill(self, clips: Iterable[Clip]) -> Iterator[float]:
        """Encode a video's windows as they come; gives the end of each, in seconds.

        A window is encoded before the next is asked for, so that the next can be decoded meanwhile; only then is it
        known whether it was the last.

        Args:
            clips: windows in order of time, each overlapping the one before by twice the halo or more, and beginning
                whole steps after the first.
        """
        held: tuple[float, Sequence[Track]] | None = None
        for clip in clips:
            tracks = self.network.encode(clip)
            if held is not None:
                self.add(*held, last=False)
            held = clip.start, tracks
            yield clip.end
        if held is not None:
            self.add(*held, last=True)

    def add(self, start: float, tracks: Sequence[Track], last: bool) -> None:
        """Add an encoded window; only what no earlier window gave, and no later one will, is kept.

        Args:
            start: of the window, seconds.
            tracks: what the network made of it.
            last: whether this is the end of the video.
        """
        if len(self) == 0:
            self.start = start
        rows = np.concatenate([part for x, e, m in tracks for part in (x, e, m[:, None].astype(np.float32))], 1)
        self._present |= {m for m, t in zip(self.network.modalities, tracks, strict=True) if t.mask.any()}
        have = len(self) - round((start - self.start) * self.rate)
        until = len(rows) if last else len(rows) - self.network.encoding_halo
        self._spool.append(rows[have : max(have, until)])

    def rows(self) -> np.ndarray:
        """All that was encoded, (steps, length), to be given to :meth:`restore` another time."""
        return self._spool.read()

    def restore(self, rows: np.ndarray, start: float, modalities: Sequence[str]) -> None:
        """Begin with what :meth:`rows` gave of a whole video, instead of adding its windows.

        Raises:
            ValueError: rows of another network.
        """
        if rows.ndim != 2 or rows.shape[1] != self._length:
            raise ValueError(f"rows of shape {rows.shape}, expected (steps, {self._length})")
        self.start, self._present = start, frozenset(modalities)
        self._spool.append(rows)

    def _read(self, first: int, last: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Features, embeddings and mask of each modality for the rows ``[first, last)``."""
        parts = np.split(self._spool.read(first, last), len(self.network.modalities), axis=1)
        return [(part[:, : self._width], part[:, self._width : -1], part[:, -1] > 0.5) for part in parts]

    def embeddings(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Per modality the embeddings ``(steps, size)``, float16 to save memory, and the mask of the whole video."""
        total, names, chunk = len(self), self.network.modalities, self._chunk
        whole = {m: (np.empty((total, self._size), np.float16), np.empty(total, dtype=bool)) for m in names}
        for first in range(0, total, chunk):
            for name, (_, embedding, mask) in zip(names, self._read(first, first + chunk), strict=True):
                place = slice(first, first + len(mask))
                whole[name][0][place], whole[name][1][place] = embedding, mask
        return whole

    def modalities_present(self) -> tuple[str, ...]:
        """Modalities that are real anywhere."""
        return tuple(name for name in self.network.modalities if name in self._present)

    def emissions(self, clocks: Mapping[str, ClockMap]) -> Iterator[Emitted]:
        """Emissions and gates of consecutive chunks on the video's clock."""
        halo, total, chunk = self.network.fusion_halo, len(self), self._chunk
        for first in range(0, total, chunk):
            begin, end = max(0, first - halo), min(total, first + chunk + halo)
            moved = [self._moved(m, clocks.get(name), begin, end) for m, name in enumerate(self.network.modalities)]
            fused = self.network.fuse([values for values, _ in moved], [mask for _, mask in moved])
            yield fused.between(first - begin, min(total, first + chunk) - begin)

    def _moved(self, m: int, clock: ClockMap | None, begin: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Features and mask of one modality for the video's steps ``[begin, end)``, read through its clock."""
        if clock is None or clock.is_identity:
            values, _, mask = self._read(begin, end)[m]
            return values, mask
        times = centres(end - begin, self.rate, self.start + begin / self.rate)
        position = (clock.to_stream(times) - self.start) * self.rate - 0.5
        known = position[np.isfinite(position)]
        low = int(np.clip(np.floor(known.min()), 0, len(self))) if known.size else 0
        high = int(np.clip(np.ceil(known.max()) + 2, low, len(self))) if known.size else 0
        if high <= low:
            return np.zeros((end - begin, self._width), np.float32), np.zeros(end - begin, dtype=bool)
        values, _, mask = self._read(low, high)[m]
        return warp(values, mask, position - low)


@dataclass(frozen=True)
class Decoded:
    """``tags`` as the scheme encodes them, ``activity`` (steps, labels), ``gates`` (steps, 3).

    ``alone`` (steps, labels, 3) uint8, 255 for certainty, or None: what it is for needs no more, and hours are long.
    Tags are the smallest integers that hold them, likewise.
    """

    tags: np.ndarray
    activity: np.ndarray
    gates: np.ndarray
    alone: np.ndarray | None = None


def decode_chunks(network: Network, chunks: Iterator[Emitted], overlap: float = OVERLAP) -> Decoded:
    """Best tags and label probabilities of a whole video from its chunks of emissions.

    The chain runs over each chunk with ``overlap`` seconds of its neighbours, of which half is trusted from either
    side, so that the whole is as if decoded at once.

    Args:
        network: which decodes.
        chunks: as :meth:`EncodedVideo.emissions` gives them.
        overlap: seconds.
    """
    shared = round(overlap * network.settings.grid_rate)
    scheme = TagScheme(network.settings.labels, network.settings.scheme)
    kind = np.min_scalar_type(-scheme.num_tags)  # signed, so that tags can be subtracted
    pieces: list[Decoded] = []
    held: Emitted | None = None  # the last `shared` steps of what came before, half of them not yet given out
    pending = 0  # steps at the end of `held` that are still to be given out
    for chunk, following in with_next(chunks):
        joined = chunk if held is None else _appended(held, chunk)
        length = len(joined.gates)
        first = 0 if held is None else len(held.gates) - pending
        last = length if following is None else max(first, length - shared // 2)
        tags, marginals = network.decode(joined.emissions)
        activity = scheme.activity(marginals).astype(np.float32)
        given = joined.between(first, last)
        kept = tags[..., first:last].astype(kind)
        pieces.append(Decoded(kept, activity[first:last], given.gates, _small(given.alone)))
        held, pending = joined.between(max(0, length - shared), None), length - last
    if not pieces:
        shape = (scheme.num_chains, 0) if scheme.kind == "overlapping" else (0,)
        nothing = np.zeros((0, len(scheme.labels)), np.float32)
        return Decoded(np.zeros(shape, kind), nothing, np.zeros((0, 3), np.float32))
    return Decoded(
        np.concatenate([p.tags for p in pieces], -1),
        np.concatenate([p.activity for p in pieces]),
        np.concatenate([p.gates for p in pieces]),
        _whole([p.alone for p in pieces]),
    )


def _appended(one: Emitted, other: Emitted) -> Emitted:
    emissions, gates = np.concatenate([one.emissions, other.emissions], -2), np.concatenate([one.gates, other.gates])
    return Emitted(emissions, gates, _whole([one.alone, other.alone]))


def _whole(parts: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """All parts one after the other; None where one is missing."""
    there = [part for part in parts if part is not None]
    return np.concatenate(there) if len(there) == len(parts) else None


def _small(alone: np.ndarray | None) -> np.ndarray | None:
    return None if alone is None else np.round(255.0 * alone).astype(np.uint8)
