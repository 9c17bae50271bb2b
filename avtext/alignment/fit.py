"""How well lines of lag explain two streams: their likelihood, and how far they stand out from chance."""

from __future__ import annotations

import math

import numpy as np

from avtext.alignment.evidence import Evidence, along, curve, gather
from avtext.alignment.search import NEAR, SLOPE_COST, Line, Scale, fit_line, lag_prior, standardise
from avtext.alignment.settings import AlignmentSettings
from avtext.timeline import ClockMap

IN_SYNC = 0.125  # seconds: where a lag is below it, which few notice (ITU-R BT.1359), what is moved needs proof
PROOF = 30.0  # log-likelihood that it must bring
UNRELATED = 0.2  # share of blocks that nothing in the picture belongs to, wherever they lie
OUTSIDE = -0.5  # log-likelihood of a block that a lag puts before or behind the whole video
TEMPERATURE = 0.03  # of cosines of whole streams, at which the default model's lags come true as often as they should
TINY = 1e-9  # so that odds stay finite
PEAK = 0.2  # seconds around a lag that are the same answer
MAX_BLOCKS = 1800  # of a longer stream the blocks are longer, so that the evidence stays within 100 MiB


class Fit:
    """One pair of prepared streams and the evidence between them; lags and starts are in steps.

    Args:
        video: ``(video_time, size)`` from :func:`avtext.alignment.evidence.prepare`.
        stream: ``(time, size)`` likewise.
        real: boolean ``(video_time,)``.
        rate: steps per second.
        settings: limits and thresholds.
    """

    def __init__(
        self,
        video: np.ndarray,
        stream: np.ndarray,
        real: np.ndarray,
        rate: float,
        settings: AlignmentSettings,
    ) -> None:
        """Gather the evidence."""
        self.video, self.stream, self.rate, self.settings = video, stream, rate, settings
        size = max(1, round(settings.block * rate), -(-len(stream) // MAX_BLOCKS))
        longest = max(len(video), len(stream)) - 1
        self.max_lag = max(1, min(round(settings.max_offset * rate), longest))
        self.near = max(1, round(NEAR * rate))
        self.max_slope = settings.max_drift_ppm * 1e-6
        self.evidence: Evidence = gather(stream, video, real, size=size, max_lag=self.max_lag)
        self.prior = lag_prior(self.max_lag, rate)

    def usable(self, moved: float = 0.0) -> np.ndarray:
        """Lags, counted from ``moved``, at which enough of the shorter stream meets the other."""
        lags = np.arange(-self.max_lag, self.max_lag + 1) + moved
        overlap = np.minimum(len(self.stream), len(self.video) - lags) - np.maximum(0, -lags)
        return overlap >= self.settings.min_overlap * min(len(self.stream), len(self.video))

    def lags(self, lines: list[Line]) -> np.ndarray:
        """The lag of every block."""
        centres = self.evidence.centres
        which = np.clip(np.searchsorted([line.start for line in lines], centres, side="right") - 1, 0, None)
        offsets, slopes = np.array([(line.offset, line.slope) for line in lines])[which].T
        return offsets + slopes * centres

    def scale(self, lines: list[Line]) -> Scale:
        """Effect and chance as measured along these lines and beside them."""
        scores, energies = curve(self.evidence, self.lags(lines))
        _, variance = standardise(scores, energies, self.near)
        return Scale(float(scores[self.max_lag] / max(energies[self.max_lag], 1e-9)), variance)

    def likelihood(self, lags: np.ndarray, scale: Scale) -> np.ndarray:
        """Log-likelihood of every block at its lag."""
        scores, energies = (along(table, lags, self.max_lag) for table in self.evidence[:2])
        return self._robust(scale.of(scores, energies), lags)

    def likelihoods(self, scale: Scale) -> np.ndarray:
        """Log-likelihood of every block at every whole lag, ``(blocks, lags)``."""
        lags = np.arange(-self.max_lag, self.max_lag + 1)
        values = scale.of(self.evidence.scores, self.evidence.energies)
        return self._robust(values.T, lags[:, None]).T

    def _robust(self, likelihood: np.ndarray, lags: np.ndarray) -> np.ndarray:
        """What is known of a block that may as well belong to nothing, or that lies where there is no video.

        Without this a sound that nobody sees would be best explained by a break that moves it out of the video.
        """
        first, end = -self.evidence.centres, len(self.video) - self.evidence.centres
        mixed = np.logaddexp(likelihood + math.log1p(-UNRELATED), math.log(UNRELATED))
        return np.where((lags < first) | (lags >= end), OUTSIDE, mixed)

    def total(self, lines: list[Line], scale: Scale) -> float:
        """Log-likelihood of the whole."""
        return float(self.likelihood(self.lags(lines), scale).sum())

    def refine(self, blocks: slice, lags: np.ndarray) -> Line:
        """A line through some blocks near their ``lags``; level unless a slope explains clearly more."""
        centres = self.evidence.centres
        level = fit_line(self.evidence, blocks, lags[blocks], max_slope=0.0, reach=8.0)
        if self.max_slope * np.ptp(centres[blocks]) < 1.0:
            return level
        slanted = fit_line(self.evidence, blocks, lags[blocks], max_slope=self.max_slope, reach=12.0)
        scale = self.scale([slanted])
        if scale.variance <= 0:
            return level
        values = [self.likelihood(line.at(centres), scale)[blocks].sum() for line in (level, slanted)]
        return slanted if values[1] - values[0] > SLOPE_COST else level

    def is_in_sync(self, lines: list[Line], scale: Scale) -> bool:
        """Whether the identity, which a whole piece of these lines agrees with, explains the streams as well as these.

        So a piece that leaves a file that is otherwise in sync needs as much proof as a small lag of the whole.
        """
        borders = np.searchsorted(self.evidence.centres, [line.start for line in lines[1:]])
        pieces = np.split(np.abs(self.lags(lines)), borders)
        if not any(len(piece) and piece.max() < IN_SYNC * self.rate for piece in pieces):
            return False
        return self.total(lines, scale) - self.total([Line(0.0, 0.0, 0.0)], scale) < PROOF

    def confidence(self, lines: list[Line]) -> float:
        """How far the map stands out from its own copies moved in time, as a probability.

        A logistic regression on :meth:`heights` and :meth:`odds` (:class:`avtext.config.ConfidenceSettings`), fitted
        for each model on validation clips that were moved in time, and on sound and picture of different clips;
        ``scripts/check_confidence.py`` says how it does on a model's embeddings.
        """
        own, second = self.heights(lines)
        if own <= 0:
            return 0.0
        weights = self.settings.confidence
        evidence = weights.own * own + weights.second * second + weights.odds * self.odds(lines) + weights.bias
        return float(1 / (1 + np.exp(-np.clip(evidence, -50, 50))))

    def heights(self, lines: list[Line]) -> tuple[float, float]:
        """Height of the map, less what its offset and breaks were allowed to cost, and that of its best moved copy.

        Both in standard deviations of chance; the height is 0 where the map does not pay for itself.
        """
        lags = self.lags(lines)
        typical = float(np.median(lags))
        z, _ = standardise(*curve(self.evidence, lags), self.near)
        z = np.where(self.usable(typical), z, -np.inf)
        own = z[max(0, self.max_lag - 1) : self.max_lag + 2].max()
        beside = np.abs(np.arange(len(z)) - self.max_lag) > self.near
        second = max(float(z[beside].max(initial=0.0)), 2.5)
        shift = np.interp(typical, np.arange(-self.max_lag, self.max_lag + 1), self.prior)
        spent = 2 * self.settings.break_cost * (len(lines) - 1) - 2 * float(shift)
        if not np.isfinite(own) or own <= 0 or own**2 <= spent:
            return 0.0, second
        return float(np.sqrt(own**2 - spent)), second

    def odds(self, lines: list[Line]) -> float:
        """Log-odds that the map is the true one among its copies moved in time, as the embeddings were taught to tell.

        Their loss is the cross-entropy of a softmax over lags, of cosines of whole streams over a temperature: such a
        softmax, at a temperature calibrated after training and with the prior of lags, is the probability. It knows
        nothing of length, of which :meth:`heights` do.
        """
        lags = self.lags(lines)
        typical = float(np.median(lags))
        moved = np.arange(-self.max_lag, self.max_lag + 1)
        scores, _ = curve(self.evidence, lags)
        lengths = np.sqrt(np.square(self.stream).sum() * np.square(self.video).sum())
        value = scores / (lengths * TEMPERATURE) + np.interp(moved + typical, moved, self.prior)
        weight = np.where(self.usable(typical), np.exp(value - value.max()), 0.0)
        here = np.abs(moved) <= PEAK * self.rate
        return float(np.log(weight[here].sum() + TINY) - np.log(weight[~here].sum() + TINY))

    def clock(self, lines: list[Line]) -> ClockMap:
        """The lines in seconds: step ``i`` stands for its centre ``(i + 0.5) / rate``."""
        starts = [0.0, *(line.start / self.rate for line in lines[1:])]
        offsets = [(line.offset - 0.5 * line.slope) / self.rate for line in lines]
        return ClockMap(tuple(starts), tuple(offsets), tuple(1 + line.slope for line in lines))
