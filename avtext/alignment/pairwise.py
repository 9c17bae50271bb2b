"""Offset, drift and breaks between one stream and the video, with a confidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from avtext.alignment.evidence import prepare
from avtext.alignment.fit import Fit
from avtext.alignment.pieces import bend_pieces, find_pieces
from avtext.alignment.search import Line, Scale, best_line
from avtext.alignment.settings import AlignmentSettings
from avtext.errors import InvalidInput
from avtext.timeline import GRID_RATE, ClockMap

LEAST_BREAK = 0.2  # seconds: a smaller jump is a bend of the map


@dataclass(frozen=True)
class Alignment:
    """How a stream's clock relates to the video's.

    Attributes:
        clock: stream clock to video clock; the identity where it abstained.
        confidence: in [0, 1], how sure it is that this is the true map and not chance.
        abstained: whether the confidence was below the threshold, so that nothing is moved.
        path: ``(points, 2)`` seconds on the stream's and on the video's clock, for plots; None if abstained and for
            the reference of :func:`avtext.alignment.align_jointly`, whose clock is not sought.
    """

    clock: ClockMap
    confidence: float
    abstained: bool
    path: np.ndarray | None = None

    @property
    def breaks(self) -> tuple[tuple[float, float], ...]:
        """``(stream time, jump in seconds)`` of every break: the map's jumps of 0.2 s or more."""
        return tuple(jump for jump in self.clock.breaks if abs(jump[1]) >= LEAST_BREAK)


def align(
    video: np.ndarray,
    stream: np.ndarray,
    *,
    rate: float = GRID_RATE,
    video_mask: np.ndarray | None = None,
    stream_mask: np.ndarray | None = None,
    video_activity: np.ndarray | None = None,
    stream_activity: np.ndarray | None = None,
    settings: AlignmentSettings | None = None,
) -> Alignment:
    """Find the map from a stream's clock to the video's from their embeddings on one grid.

    The embeddings are centred over time, so that what never changes says nothing and what stands out speaks.
    Their inner products along lags give offset, drift and breaks by maximum likelihood: a Hough transform for
    one line, a Viterbi search for jumps, banded DTW for what these leave, each kept only if it explains
    enough more than what is simpler. The identity is the simplest of all.

    Args:
        video: ``(video_time, size)`` embeddings; step ``i`` covers seconds ``[i, i + 1) / rate``.
        stream: ``(time, size)`` embeddings in the same space, on their own clock.
        rate: steps per second of both.
        video_mask: boolean ``(video_time,)``, true where real; what stands in other steps does not matter.
        stream_mask: boolean ``(time,)``.
        video_activity: ``(video_time,)`` not negative, how much each step counts.
        stream_activity: ``(time,)`` likewise.
        settings: limits and thresholds.

    Raises:
        InvalidInput: shapes that do not match, values that are not finite in a real step, a negative activity, or
            a rate that is not positive.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(500, 8))
        >>> found = align(noise[:-50], noise[50:])
        >>> round(found.clock.offset, 2), found.abstained
        (2.0, False)
    """
    settings = settings or AlignmentSettings()
    if not (np.isfinite(rate) and rate > 0):
        raise InvalidInput(f"align: rate must be positive steps per second, got {rate}")
    shown = prepare("video", video, video_mask, video_activity)
    heard = prepare("stream", stream, stream_mask, stream_activity)
    if shown.shape[1] != heard.shape[1]:
        raise InvalidInput(
            f"align: video and stream must have embeddings of one size, got {shown.shape[1]}, {heard.shape[1]}"
        )
    if not (heard.any() and shown.any()):
        return Alignment(ClockMap.shift(), 0.0, True)
    real = np.ones(len(shown), bool) if video_mask is None else np.asarray(video_mask)
    return _search(Fit(shown, heard, real, rate, settings))


class Found(NamedTuple):
    """The richest map that pays for itself, and the scale it was judged on."""

    lines: list[Line]
    scale: Scale


def best_map(fit: Fit) -> Found | None:
    """From the simplest map to the richest; None where the streams say nothing at all."""
    whole = best_line(fit.evidence, fit.usable(), max_slope=fit.max_slope, rate=fit.rate)
    lines = [fit.refine(slice(None), whole.at(fit.evidence.centres))]
    for _ in range(2):  # the second time with the scale as measured along the pieces found
        scale = fit.scale(lines)
        if scale.effect <= 0 or scale.variance <= 0:
            return None
        lines = find_pieces(fit, scale, lines)
    return Found(lines, scale)


def _search(fit: Fit) -> Alignment:
    """The best map, where it is sure enough; banded DTW takes what it leaves."""
    found = best_map(fit)
    if found is None:
        return Alignment(ClockMap.shift(), 0.0, True)
    lines, scale = found
    confidence = fit.confidence(lines)
    if confidence < fit.settings.min_confidence:
        return Alignment(ClockMap.shift(), confidence, True)
    lines = bend_pieces(fit, scale, lines)
    clock = ClockMap.shift() if fit.is_in_sync(lines, scale) else fit.clock(lines)
    at = (fit.evidence.centres + 0.5) / fit.rate
    return Alignment(clock, confidence, False, np.stack([at, clock.to_video(at)], axis=1))
