"""Where the evidence lies: the best straight line of lags, the best broken one, how far they stand out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from avtext.alignment.evidence import Evidence, along, curve

MOVE_COST = 2.5  # log-likelihood for the lag to move by one step from one block to the next
NEAR = 1.0  # seconds around a peak that belong to it
SLOPE_COST = 2.0  # log-likelihood that a slope must bring
IN_STEP, IN_STEP_ODDS = 0.05, 2.0  # seconds: a lag below it is more probable by these log-odds


class Line(NamedTuple):
    """``lag = offset + slope * step``, from stream step ``start`` to the next line's; all in steps."""

    start: float
    offset: float
    slope: float

    def at(self, step: np.ndarray | float) -> np.ndarray:
        """Lag in steps at a stream step."""
        return self.offset + self.slope * np.asarray(step, dtype=np.float64)


class Scale(NamedTuple):
    """What makes scores log-likelihoods: the mean score per energy at the true lag, and chance's variance."""

    effect: float
    variance: float

    def of(self, scores: np.ndarray, energies: np.ndarray) -> np.ndarray:
        """Log-likelihood of 'this is the true lag' against 'this is chance'."""
        return (self.effect * scores - 0.5 * self.effect**2 * energies) / self.variance


def standardise(scores: np.ndarray, energies: np.ndarray, near: int) -> tuple[np.ndarray, float]:
    """How many standard deviations of chance every lag stands out, and chance's variance per unit of energy.

    Chance is measured on the lags themselves, outside the surroundings of the best one: the other lags are
    what the streams look like when they do not belong together. Its width is the largest of three estimates
    (median absolute deviation, 95 % quantile, standard deviation), since sparse events have heavy tails.

    Args:
        scores: ``(lags,)``.
        energies: ``(lags,)``; lags without any are left out (-inf).
        near: steps around the best lag that belong to it.
    """
    z = np.full(scores.shape, -np.inf)
    seen = energies > 0
    if not seen.any():
        return z, 0.0
    z[seen] = scores[seen] / np.sqrt(energies[seen])
    best = int(np.argmax(z))
    far = z[seen & (np.abs(np.arange(len(z)) - best) > near)]
    if len(far) < 3:
        return np.where(seen, 0.0, -np.inf), 0.0
    spread = np.abs(far - np.median(far))
    deviation = max(1.4826 * np.median(spread), np.quantile(spread, 0.95) / 1.96, far.std()) + 1e-9
    return z / deviation, float(deviation**2)


def lag_prior(max_lag: int, rate: float) -> np.ndarray:
    """Log-probability of a lag, up to a constant: most streams are in step, or off by little; nothing is ruled out."""
    seconds = np.abs(np.arange(-max_lag, max_lag + 1) / rate)
    return -2.0 * np.log1p((seconds / 3.0) ** 2) + np.where(seconds < IN_STEP, IN_STEP_ODDS, 0.0)


def best_line(evidence: Evidence, usable: np.ndarray, *, max_slope: float, rate: float) -> Line:
    """The line of lags along which the scores stand out most: a Hough transform over offset and slope.

    Slopes are tried so that neighbours differ by one step over the whole stream; each one's offsets are
    judged by score over the square root of energy, with a prior for small offsets and no drift.

    Args:
        evidence: of the whole stream.
        usable: boolean ``(lags,)``, offsets (at the stream's middle) to consider.
        max_slope: largest drift, lag steps per step.
        rate: steps per second.
    """
    merged = _merge(evidence, 100)
    middle = float(np.mean(merged.centres)) if len(merged.centres) else 0.0
    span = float(np.ptp(merged.centres)) if len(merged.centres) else 0.0
    count = int(np.floor(max_slope * span))
    slopes = [0.0] if count < 1 else [*(max_slope * np.arange(-count, count + 1) / count)]
    _, variance = standardise(*curve(merged, np.zeros(len(merged.centres))), round(NEAR * rate))
    prior = lag_prior(evidence.max_lag, rate)
    best, line = -np.inf, Line(0.0, 0.0, 0.0)
    if variance <= 0:
        return line
    for slope in slopes:
        scores, energies = curve(merged, np.round(slope * (merged.centres - middle)))
        z = np.where(usable & (energies > 0), scores, 0.0) / np.sqrt(variance * np.maximum(energies, 1e-9))
        value = np.where(usable, 0.5 * np.maximum(z, 0) ** 2 + prior, -np.inf) - (SLOPE_COST if slope else 0.0)
        if value.max() > best:
            best = float(value.max())
            offset = int(np.argmax(value)) - evidence.max_lag
            line = Line(0.0, offset - slope * middle, float(slope))
    return line


def _merge(evidence: Evidence, most: int) -> Evidence:
    """The same evidence in at most ``most`` blocks."""
    factor = -(-len(evidence.centres) // most)
    if factor <= 1:
        return evidence
    first = np.arange(0, len(evidence.centres), factor)
    return evidence._replace(
        scores=np.add.reduceat(evidence.scores, first),
        energies=np.add.reduceat(evidence.energies, first),
        centres=np.add.reduceat(evidence.centres, first) / np.add.reduceat(np.ones(len(evidence.centres)), first),
        size=evidence.size * factor,
    )


def best_path(likelihood: np.ndarray, prior: np.ndarray, jump_cost: float) -> np.ndarray:
    """The most likely lag of each block when lags stay, move by a step, or rarely jump (Viterbi).

    Args:
        likelihood: ``(blocks, lags)`` log-likelihoods.
        prior: ``(lags,)`` log-probability of the first block's lag.
        jump_cost: log-likelihood that a jump must bring.

    Returns:
        ``(blocks,)`` int64 columns of ``likelihood``.
    """
    blocks, lags = likelihood.shape
    came_from = np.zeros((blocks, lags), dtype=np.int32)
    here = np.arange(lags, dtype=np.int32)
    value = prior + likelihood[0]
    for k in range(1, blocks):
        top = int(np.argmax(value))
        source, best = here.copy(), value.copy()
        for moved, origin in (
            (value[:-1] - MOVE_COST, slice(1, None)),
            (value[1:] - MOVE_COST, slice(0, -1)),
        ):
            better = moved > best[origin]
            best[origin] = np.where(better, moved, best[origin])
            source[origin] = np.where(better, here[:-1] if origin.start else here[1:], source[origin])
        jumped = value[top] - jump_cost > best
        best[jumped], source[jumped] = value[top] - jump_cost, top
        value, came_from[k] = best + likelihood[k], source
    path = np.empty(blocks, dtype=np.int64)
    path[-1] = int(np.argmax(value))
    for k in range(blocks - 1, 0, -1):
        path[k - 1] = came_from[k, path[k]]
    return path


def fit_line(evidence: Evidence, blocks: slice, lags: np.ndarray, *, max_slope: float, reach: float) -> Line:
    """The line that collects most score from some blocks, near a first guess.

    Both ends are varied on a grid of half steps, then the peak is interpolated by a parabola in both.

    Args:
        evidence: of the whole stream.
        blocks: which of its blocks.
        lags: ``(blocks,)`` first guess of their lags.
        max_slope: largest drift, lag steps per step.
        reach: steps that an end may move away from the guess.
    """
    scores, centres = evidence.scores[blocks], evidence.centres[blocks]
    span = centres[-1] - centres[0]
    part = (centres - centres[0]) / span if span > 0 else np.zeros(len(centres))
    slope, middle = _first_guess(centres, lags, max_slope)
    ends = np.array([middle - slope * span / 2, middle + slope * span / 2])

    def collected(first: np.ndarray, last: np.ndarray) -> np.ndarray:
        lag = first[..., None] * (1 - part) + last[..., None] * part
        value = along(scores, lag, evidence.max_lag).sum(axis=-1)
        return np.where(np.abs(last - first) <= max_slope * span + 1e-9, value, -np.inf)

    tilt = min(reach, max_slope * span)
    shifts = np.arange(-reach, reach + 0.25, 0.5)
    tilts = np.arange(-2 * np.floor(tilt), 2 * np.floor(tilt) + 1) / 2
    best, found = -np.inf, ends
    for turn in tilts:
        value = collected(ends[0] + shifts - turn, ends[1] + shifts + turn)
        if value.max() > best:
            best = float(value.max())
            shift = shifts[int(np.argmax(value))]
            found = np.array([ends[0] + shift - turn, ends[1] + shift + turn])
    shift = _peak(collected(found[0] + np.arange(-1.0, 2), found[1] + np.arange(-1.0, 2)))
    turn = 0.0
    if max_slope * span >= 1.0:
        turn = _peak(collected(found[0] - np.arange(-1.0, 2), found[1] + np.arange(-1.0, 2)))
    first, last = found[0] + shift - turn, found[1] + shift + turn
    slope = (last - first) / span if span > 0 else 0.0
    return Line(0.0, float(first - slope * centres[0]), float(slope))


def _first_guess(centres: np.ndarray, lags: np.ndarray, max_slope: float) -> tuple[float, float]:
    middle = float(np.median(lags))
    if len(centres) < 3:
        return 0.0, middle
    slope = float(np.clip(np.polyfit(centres - centres.mean(), lags, 1)[0], -max_slope, max_slope))
    return slope, float(np.mean(lags))


def _peak(values: np.ndarray) -> float:
    """Where a parabola through three values one step apart has its top, in steps from the middle."""
    left, middle, right = values
    bend = left - 2 * middle + right
    if not np.isfinite(bend) or bend >= 0:
        return 0.0
    return float(np.clip((left - right) / (2 * bend), -0.75, 0.75))
