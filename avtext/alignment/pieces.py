"""Lines of lag with jumps between them, as few as explain two streams; and lines that bend."""

from __future__ import annotations

import numpy as np

from avtext.alignment.bend import bend
from avtext.alignment.breaks import place_break
from avtext.alignment.evidence import along
from avtext.alignment.fit import Fit
from avtext.alignment.search import Line, Scale, best_path

BREAK_SHARE = 0.01  # of the total log-likelihood, that a break must bring on top of its cost
BEND_COST, BEND_SHARE = 12.0, 0.02  # log-likelihood, absolute and of the total, that bending must bring


def find_pieces(fit: Fit, scale: Scale, whole: list[Line]) -> list[Line]:
    """Lines with jumps between them where these explain more than they cost.

    Args:
        fit: of the two streams.
        scale: measured along the best line so far.
        whole: what is returned for streams too short to hold two pieces.
    """
    if len(fit.stream) < 2 * fit.settings.min_piece * fit.rate:
        return whole
    path = best_path(fit.likelihoods(scale), fit.prior, fit.settings.break_cost) - fit.max_lag
    cuts = np.flatnonzero(np.abs(np.diff(path)) > 1) + 1
    starts = [0.0, *(float(cut * fit.evidence.size) for cut in cuts)]
    lines = _fit_pieces(fit, starts, path.astype(np.float64))
    for _ in range(2):
        lines = _prune(fit, _place_breaks(fit, lines, scale), scale)
        lines = _fit_pieces(fit, [line.start for line in lines], fit.lags(lines))
    return lines


def bend_pieces(fit: Fit, scale: Scale, lines: list[Line]) -> list[Line]:
    """Each piece bent along its warping path, where all of them together explain clearly more so."""
    ends = [*(line.start for line in lines[1:]), float(len(fit.stream))]
    bent = [
        part for line, end in zip(lines, ends, strict=True) for part in bend(fit.stream, fit.video, line, end, fit.rate)
    ]
    straight = fit.total(lines, scale)
    gain = fit.total(bent, scale) - straight
    return bent if gain > BEND_COST + BEND_SHARE * max(straight, 0.0) else lines


def _fit_pieces(fit: Fit, starts: list[float], lags: np.ndarray) -> list[Line]:
    """A line for the blocks between every two starts; a piece without a block is dropped."""
    borders = [*np.searchsorted(fit.evidence.centres, starts), len(lags)]
    return [
        fit.refine(slice(a, b), lags)._replace(start=start)
        for start, a, b in zip(starts, borders[:-1], borders[1:], strict=True)
        if b > a
    ]


def _prune(fit: Fit, lines: list[Line], scale: Scale) -> list[Line]:
    """Without the pieces that are too short and the breaks that explain less than they cost."""
    lags = fit.lags(lines)
    total = fit.total(lines, scale)
    while len(lines) > 1:
        cost = fit.settings.break_cost + BREAK_SHARE * max(total, 0.0)
        lasting = np.diff([line.start for line in lines], append=len(fit.stream))
        short = lasting < fit.settings.min_piece * fit.rate
        best = None
        for count in (2, 3):  # three at once: away from a line and back
            for k in range(len(lines) - count + 1):
                fewer = _joined(fit, lines, k, count, lags)
                value = fit.total(fewer, scale)
                key = (bool(short[k : k + count].any()), value - total + cost * (count - 1))
                if (key[0] or key[1] > 0) and (best is None or key > best[0]):
                    best = key, fewer, value
        if best is None:
            break
        _, lines, total = best
    return lines


def _joined(fit: Fit, lines: list[Line], k: int, count: int, lags: np.ndarray) -> list[Line]:
    """The lines with ``count`` of them, from the ``k``-th, made one: the best of these and of a new one."""
    parts, rest = lines[k : k + count], lines[k + count :]
    start, end = parts[0].start, rest[0].start if rest else np.inf
    first, last = np.searchsorted(fit.evidence.centres, [start, end])
    choices = [line._replace(start=start) for line in parts]
    ends = lags[first:last]
    if len(ends) and abs(ends[0] - ends[-1]) < fit.max_slope * (last - first) * fit.evidence.size + 2:
        guess = np.interp(np.arange(len(lags)), [first, last - 1], ends[[0, -1]])
        choices.append(fit.refine(slice(first, last), guess)._replace(start=start))

    def collected(line: Line) -> float:
        every = along(fit.evidence.scores, line.at(fit.evidence.centres), fit.max_lag)
        return float(every[first:last].sum())

    return [*lines[:k], max(choices, key=collected), *rest]


def _place_breaks(fit: Fit, lines: list[Line], scale: Scale) -> list[Line]:
    """The lines with their starts moved to where the similarity changes sides."""
    out = [lines[0]]
    for k in range(1, len(lines)):
        guess = lines[k].start
        jump = abs(float(lines[k].at(guess) - lines[k - 1].at(guess)))
        margin = 8.0 * fit.rate + jump
        low = max(guess - margin, out[-1].start + 1)
        end = lines[k + 1].start if k + 1 < len(lines) else len(fit.stream)
        high = max(min(guess + margin, end - 1), low)
        start = place_break(fit.stream, fit.video, (lines[k - 1], lines[k]), (low, high), scale, fit.rate)
        out.append(lines[k]._replace(start=float(np.clip(start, low, high))))
    return out
