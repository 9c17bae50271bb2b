"""What runs a detector: torch or ONNX Runtime behind one interface of numpy arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from avtext.clip import Clip
from avtext.config import ModelSettings


class Track(NamedTuple):
    """One modality on the grid, on its own clock: ``features`` (steps, width) and L2-normalised ``embeddings``
    (steps, size), float32 and zero where ``mask`` (steps,) is false."""

    features: np.ndarray
    embeddings: np.ndarray
    mask: np.ndarray


class Emitted(NamedTuple):
    """``emissions`` (chains, steps, 3) or, exclusive, (steps, tags); ``gates`` (steps, 3): audio, video, text.

    ``alone`` (steps, labels, 3): how probable each label is for each of them by itself, None where the network does not
    say.
    """

    emissions: np.ndarray
    gates: np.ndarray
    alone: np.ndarray | None = None

    def between(self, first: int, last: int | None) -> Emitted:
        """The steps ``[first, last)``."""
        own = None if self.alone is None else self.alone[first:last]
        return Emitted(self.emissions[..., first:last, :], self.gates[first:last], own)


class Network(Protocol):
    """A detector's parts, each a function of arrays.

    Attributes:
        settings: of the model.
        modalities: those it has, in the order of ``MODALITIES``.
        encoders: by stream, how it must be read: ``rate`` and, for video, ``frame_size``.
        fusion_halo: grid steps to either side that fused emissions can depend on.
    """

    settings: ModelSettings
    modalities: tuple[str, ...]
    encoders: Mapping[str, Any]
    fusion_halo: int

    @property
    def encoding_halo(self) -> int:
        """Grid steps to either side that a step's features can depend on."""
        ...

    @property
    def identity(self) -> str:
        """What encoded features depend on besides the clip: the same for equal weights and settings."""
        ...

    def encode(self, clip: Clip) -> Sequence[Track]:
        """Each modality of a clip on the grid that begins at ``clip.start``."""
        ...

    def encode_together(self, clips: Sequence[Clip]) -> Sequence[Sequence[Track]]:
        """What :meth:`encode` gives for each clip, computed as one batch that is padded to the longest."""
        ...

    def fuse(self, features: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> Emitted:
        """Emissions from modalities that are on one clock: (steps, width) and (steps,) each."""
        ...

    def decode(self, emissions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Best tags, as the tag scheme writes them, and the tags' probabilities, shaped as the emissions."""
        ...
