"""How streams lie against the picture: found, moved to where the video begins, and as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import numpy as np

from avtext.alignment.joint import align_jointly
from avtext.alignment.pairwise import Alignment
from avtext.alignment.settings import AlignmentSettings
from avtext.config import ModelSettings
from avtext.detection.windows import EncodedVideo
from avtext.formats.schema import AlignmentRecord, ClockRecord
from avtext.timeline import ClockMap


def find_clocks(encoded: EncodedVideo) -> dict[str, Alignment]:
    """How each modality of a video lies against its picture; nothing where the model does not align or there is nothing
    to compare."""
    settings = encoded.network.settings
    if not settings.alignment.enabled:
        return {}
    found = align_to_picture(encoded.embeddings(), settings)
    return {name: later(one, encoded.start) for name, one in found.items()}


def align_to_picture(
    streams: Mapping[str, tuple[np.ndarray, np.ndarray]], settings: ModelSettings
) -> dict[str, Alignment]:
    """How modalities lie against the picture; nothing where there is none, or nothing to compare with it.

    Args:
        streams: embeddings ``(steps, size)`` and mask ``(steps,)`` per modality.
        settings: of the model that the embeddings are of.
    """
    present = {name: pair for name, pair in streams.items() if pair[1].any()}
    if "video" not in present or len(present) < 2:
        return {}
    embeddings = {name: pair[0] for name, pair in present.items()}
    masks = {name: pair[1] for name, pair in present.items()}
    known = AlignmentSettings(confidence=settings.alignment.confidence)
    return align_jointly(embeddings, masks, rate=settings.grid_rate, settings=known)


def later(found: Alignment, origin: float) -> Alignment:
    """An alignment found on clocks that begin ``origin`` seconds late, for the clocks themselves."""
    clock = found.clock
    starts = tuple(start + origin for start in clock.starts)
    offsets = tuple(offset + origin * (1.0 - rate) for offset, rate in zip(clock.offsets, clock.rates, strict=True))
    path = None if found.path is None else found.path + origin
    return replace(found, clock=ClockMap(starts, offsets, clock.rates), path=path)


def described(found: Alignment) -> AlignmentRecord:
    """Plain values of an alignment, as results have them."""
    clock = found.clock
    return {
        "offset": round(clock.offset, 4),
        "drift_ppm": round(clock.drift_ppm, 2),
        "breaks": [[round(at, 3), round(jump, 3)] for at, jump in found.breaks],
        "confidence": round(found.confidence, 4),
        "abstained": found.abstained,
        "clock": cast(ClockRecord, clock.to_dict()),
    }
