"""Subtitles against a curve of speech activity: where people speak, text should stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from avtext.alignment.pairwise import Alignment, align
from avtext.alignment.settings import AlignmentSettings
from avtext.clip import Cue
from avtext.errors import InvalidInput
from avtext.timeline import GRID_RATE, ClockMap, num_steps, span_to_steps

# Subtitles made for another frame rate run faster or slower by the ratio of the two; the difference of 24 and
# 23.976 is a drift of 1000 ppm, which is found without.
FRAME_RATE_RATIOS = (24 / 25, 25 / 24)
SUBTITLE_SETTINGS = AlignmentSettings(max_offset=60.0, break_cost=20.0, min_piece=60.0)
RATIO_GAIN = 4.0  # log-odds of confidence that a frame rate ratio must bring over none
CERTAIN_ODDS = 14.0  # log-odds at which no ratio is tried
SURPLUS = 0.25  # seconds; what a backward break repeats of less is no scene, and its cues stay


def sync_cues(
    cues: Sequence[Cue],
    speech_activity: np.ndarray,
    *,
    rate: float = GRID_RATE,
    ratios: Sequence[float] = FRAME_RATE_RATIOS,
    settings: AlignmentSettings = SUBTITLE_SETTINGS,
) -> Alignment:
    """Find the map from subtitles' clock to that of the sound, from where text stands and where speech is.

    As ffsubsync does, but with drift, breaks, a confidence and abstention.

    Args:
        cues: in any order; overlapping ones count once.
        speech_activity: ``(time,)``, higher where speech is likelier: 0 and 1, or probabilities, or levels; step
            ``i`` covers seconds ``[i, i + 1) / rate``.
        rate: steps per second.
        ratios: of frame rates, tried beside 1: a subtitle made for 25 frames per second and shown with a film
            of 24 has every time multiplied by 25 / 24.
        settings: limits and thresholds.

    Returns:
        The alignment; its clock maps a cue's times to the sound's (:func:`retime`).

    Raises:
        InvalidInput: activity of another shape or not finite, or a ratio or the rate not positive.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> starts = np.cumsum(rng.uniform(2, 9, 60))
        >>> speech = np.zeros(12000)
        >>> for start in starts:
        ...     speech[int(start * 25) : int(start * 25) + 40] = 1.0
        >>> late = [Cue(start + 3.0, start + 4.6, "text") for start in starts]
        >>> round(sync_cues(late, speech).clock.offset, 1)
        -3.0
    """
    speech = np.asarray(speech_activity, dtype=np.float64)
    if speech.ndim != 1 or not np.isfinite(speech).all():
        raise InvalidInput(f"sync_cues: speech_activity must be (time,) and finite, got shape {speech.shape}")
    if not all(np.isfinite(ratio) and ratio > 0 for ratio in (*ratios, rate)):
        raise InvalidInput(f"sync_cues: ratios and rate must be positive and finite, got {tuple(ratios)} and {rate}")
    best = _at_ratio(cues, speech, 1.0, rate, settings)
    best_odds = _log_odds(best) + RATIO_GAIN
    for ratio in ratios if best_odds < CERTAIN_ODDS else ():
        found = _at_ratio(cues, speech, ratio, rate, settings)
        if not found.abstained and _log_odds(found) > best_odds:
            best, best_odds = found, _log_odds(found)
    return best


def retime(cues: Sequence[Cue], clock: ClockMap) -> tuple[Cue, ...]:
    """The cues on the video's clock, without those that have no place in the video.

    Those are cues that end before it begins, and cues of a scene that it lacks: after a backward break their times are
    those of earlier cues, so that they do not come back to themselves. Of a cue that is in such a scene in part the
    middle decides; one that begins before and ends after it stays. Where a cue would end before it starts, it keeps its
    length; and so does one that a scene in the video comes into, on the side where its middle is, for over the whole
    scene its text would stand too long.

    Example:
        >>> retime([Cue(1.0, 2.0, "a")], ClockMap.shift(0.5))
        (Cue(start=1.5, end=2.5, text='a'),)
    """
    out = []
    for cue in cues:
        times = np.array([cue.start, (cue.start + cue.end) / 2, cue.end])
        moved = clock.to_video(times)
        begins, lacks, ends = times - clock.to_stream(moved) > SURPLUS
        whole = moved[1] + clock.rate_at(times[1]) * (times - times[1])
        if moved[2] - moved[0] > whole[2] - whole[0] + SURPLUS:
            moved = whole
        start, end = float(moved[0]), float(moved[2])
        end = end if end >= start else start + cue.end - cue.start
        if end > 0 and not (lacks and (begins or ends)):
            out.append(replace(cue, start=max(0.0, start), end=end))
    return tuple(out)


def _at_ratio(
    cues: Sequence[Cue], speech: np.ndarray, ratio: float, rate: float, settings: AlignmentSettings
) -> Alignment:
    """The alignment of the cues with every time multiplied by a ratio, as a map from their own clock."""
    meets = len(speech) / rate * (1 + settings.max_drift_ppm * 1e-6) + settings.max_offset  # nothing after it can
    count = num_steps(min(max((cue.end for cue in cues), default=0.0) * ratio, meets), rate)
    shown = np.zeros((count, 1))
    for cue in cues:
        first, last = span_to_steps(cue.start * ratio, cue.end * ratio, rate, count)
        shown[first:last] = 1.0
    found = align(speech[:, None], shown, rate=rate, settings=settings)
    if ratio == 1.0 or found.abstained:
        return found
    own = found.clock
    clock = ClockMap(tuple(np.array(own.starts) / ratio), own.offsets, tuple(np.array(own.rates) * ratio))
    path = None if found.path is None else found.path / (ratio, 1.0)
    return replace(found, clock=clock, path=path)


def _log_odds(found: Alignment) -> float:
    sure = min(max(found.confidence, 1e-13), 1 - 1e-13)
    return float(np.log(sure / (1 - sure)))
