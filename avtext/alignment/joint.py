"""Audio and text to the video's clock together: what one pair cannot tell, another may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from avtext.alignment.evidence import prepare
from avtext.alignment.pairwise import Alignment, align
from avtext.alignment.settings import AlignmentSettings
from avtext.errors import InvalidInput
from avtext.kernels.blas import one_blas_thread
from avtext.timeline import GRID_RATE, ClockMap, centres

REFERENCE = "video"  # the modality whose clock is the one that counts
MIN_CONFIDENCE = {"text": 0.98}  # confidence with which cues are moved: they are few, and loosely timed


@one_blas_thread()
def align_jointly(
    embeddings: Mapping[str, np.ndarray],
    masks: Mapping[str, np.ndarray | None] | None = None,
    *,
    rate: float = GRID_RATE,
    activities: Mapping[str, np.ndarray | None] | None = None,
    settings: AlignmentSettings | None = None,
) -> dict[str, Alignment]:
    """Map every modality's clock to the video's, each with the evidence of all that are already mapped.

    First each is aligned with the video alone. The surest is mapped; the others are then also aligned with it,
    brought to the video's clock, and with the sum of all that are there, and the surest answer counts. So
    text that the picture says nothing about locks on to the audio. What abstained stands where it is; cues that did
    come last, so that nothing is moved to where they happen to stand.

    Args:
        embeddings: ``(time, size)`` per modality, in one space, each on its own clock from 0 on; ``"video"``
            may be missing: then the longest other one is the reference.
        masks: boolean ``(time,)`` per modality, true where real; missing or None means all are.
        rate: steps per second of all.
        activities: ``(time,)`` per modality, how much each step counts.
        settings: limits and thresholds of each alignment; text abstains below a confidence of 0.98 in any case.

    Returns:
        One :class:`Alignment` per modality; the reference's own is the identity with confidence 1.

    Raises:
        InvalidInput: no modality, or as :func:`align`.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(600, 8))
        >>> streams = {"audio": noise[50:550], "video": noise[:500], "text": noise[25:525]}
        >>> {name: round(found.clock.offset, 2) for name, found in align_jointly(streams).items()}
        {'audio': 2.0, 'video': 0.0, 'text': 1.0}
    """
    if not embeddings:
        raise InvalidInput("align_jointly: needs the embeddings of at least one modality")
    masks, activities = masks or {}, activities or {}
    unknown = (set(masks) | set(activities)) - set(embeddings)
    if unknown:
        raise InvalidInput(f"align_jointly: masks or activities of {sorted(unknown)}, which have no embeddings")
    ready = {name: prepare(name, values, masks.get(name), activities.get(name)) for name, values in embeddings.items()}
    anchor = REFERENCE if REFERENCE in ready else max(ready, key=lambda name: len(ready[name]))
    found = {anchor: Alignment(ClockMap.shift(), 1.0, False)}
    references = [ready[anchor]]  # on the reference's clock
    best = {name: Alignment(ClockMap.shift(), 0.0, True) for name in ready if name != anchor}
    settings = settings or AlignmentSettings()
    own = {n: replace(settings, min_confidence=max(settings.min_confidence, MIN_CONFIDENCE.get(n, 0.0))) for n in best}
    newest = references
    while best:
        for name in best:
            tries = [best[name], *(_against(view, ready[name], rate, own[name]) for view in newest)]
            best[name] = max(tries, key=lambda one: one.confidence)
        surest = max(
            best, key=lambda name: (not best[name].abstained, name not in MIN_CONFIDENCE, best[name].confidence)
        )
        found[surest] = best.pop(surest)
        references.append(_warped(ready[surest], found[surest].clock, len(ready[anchor]), rate))
        newest = [references[-1], np.sum(references, axis=0)]
    return {name: found[name] for name in embeddings}


def _against(view: np.ndarray, stream: np.ndarray, rate: float, settings: AlignmentSettings) -> Alignment:
    """Align prepared streams; steps without anything are not real."""
    return align(
        view,
        stream,
        rate=rate,
        video_mask=np.asarray(view.any(axis=1)),
        stream_mask=np.asarray(stream.any(axis=1)),
        settings=settings,
    )


def _warped(stream: np.ndarray, clock: ClockMap, count: int, rate: float) -> np.ndarray:
    """A prepared stream on the first ``count`` steps of the reference's clock, 0 where it has nothing."""
    times = clock.to_stream(centres(count, rate))
    out = np.zeros((count, stream.shape[1]), stream.dtype)
    steps = np.floor(np.where(np.isnan(times), -1.0, times) * rate).astype(np.int64)
    inside = (steps >= 0) & (steps < len(stream))
    out[inside] = stream[steps[inside]]
    return out
