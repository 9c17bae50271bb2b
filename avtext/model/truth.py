"""What clips say of their labels, as tensors: when each occurs, only whether it does, or nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from avtext.clip import Clip
from avtext.errors import InvalidInput
from avtext.tags import TagScheme


def tags_of(clips: Sequence[Clip], counts: Sequence[int], scheme: TagScheme, rate: float) -> Tensor | None:
    """Tags of the clips' events, (B, C, T) or, exclusive, (B, T); None where no clip has any said of it.

    Args:
        clips: B of them; one without events has the tags of silence, see :func:`known_chains`.
        counts: grid steps of each.
        scheme: how events become tags.
        rate: grid steps per second.

    Raises:
        InvalidInput: an event has a label that the scheme lacks.
    """
    if all(clip.events is None for clip in clips):
        return None
    rows = []
    for clip, count in zip(clips, counts, strict=True):
        tags = scheme.encode(clip.events or (), count, rate, clip.start)
        rows.append(np.pad(tags, [(0, 0)] * (tags.ndim - 1) + [(0, max(counts) - count)]))
    return torch.from_numpy(np.stack(rows))


def known_chains(clips: Sequence[Clip], scheme: TagScheme) -> Tensor | None:
    """Boolean (B, chains), true where the tags of :func:`tags_of` are the truth; None where all are.

    Raises:
        InvalidInput: only some labels of a clip are annotated, and the scheme has one chain for all.

    Example:
        >>> scheme = TagScheme(("bell", "dog"))
        >>> known_chains([Clip(1.0, events=()), Clip(1.0, events=(), annotated=("dog",)), Clip(1.0)], scheme).tolist()
        [[True, True], [False, True], [False, False]]
    """
    rows = []
    for clip in clips:
        row = [clip.events is not None and _speaks(clip, label) for label in scheme.labels]
        if scheme.kind == "exclusive":
            if any(row) and not all(row):
                raise InvalidInput(
                    f"clip {clip.name!r}: only {', '.join(clip.annotated or ())} annotated, but the scheme 'exclusive' "
                    "has one chain for all labels: annotate them all, or use the scheme 'overlapping'"
                )
            row = row[:1]
        rows.append(row)
    known = torch.tensor(rows)
    return None if bool(known.all()) else known


def presences(clips: Sequence[Clip], scheme: TagScheme) -> Tensor | None:
    """Of clips without times (B, labels) int64: 1 a label occurs, 0 it does not, -1 not known; None without such clips.

    Raises:
        InvalidInput: a clip has a label that the scheme lacks.
    """
    if all(clip.present is None for clip in clips):
        return None
    rows = torch.full((len(clips), len(scheme.labels)), -1)
    for row, clip in zip(rows, clips, strict=True):
        strange = sorted(set(clip.present or ()) - set(scheme.labels))
        if strange:
            raise InvalidInput(f"label {strange[0]!r} is not one of the model's labels: {', '.join(scheme.labels)}")
        for k, label in enumerate(scheme.labels):
            if clip.present is not None and _speaks(clip, label):
                row[k] = label in clip.present
    return rows


def _speaks(clip: Clip, label: str) -> bool:
    return clip.annotated is None or label in clip.annotated
