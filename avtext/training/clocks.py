"""How sure a model may be of the clocks it finds: the confidence of alignment, fitted on clips it has not learnt from.

Validation clips whose sound is moved by a known time give maps that are right or wrong; the sound of one with the
picture of another gives maps that are all wrong. How far the maps stand out, and which are right, differs from model
to model: without this, one that learnt for minutes leaves alone most of what it finds.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from avtext.alignment.evidence import prepare
from avtext.alignment.fit import Fit
from avtext.alignment.pairwise import best_map
from avtext.alignment.settings import AlignmentSettings
from avtext.clip import Clip
from avtext.config import ConfidenceSettings
from avtext.layers.modes import evaluating
from avtext.metrics.clocks import clock_error
from avtext.model import EventDetector, collate
from avtext.timeline import ClockMap

MOVES = (0.5, 1.0, 1.0)  # of each clip, as shares of the lags that training tells apart
NEAR = 0.2  # seconds of error up to which a map is right
LEAST = 10  # maps of either kind, without which nothing can be said
PRIOR = 1.0  # standard deviation of the weights around the defaults
ROUNDS = 50  # of Newton's method, which needs about six
TINY = 1e-9  # log-likelihood that another one brings at the end

Stream = tuple[np.ndarray, np.ndarray]  # embeddings (steps, size) and mask (steps,)


class Trial(NamedTuple):
    """How far the best map of two streams stands out, as :class:`avtext.alignment.fit.Fit` has it, and whether it is
    right."""

    own: float
    second: float
    odds: float
    right: bool


def with_confidence(model: EventDetector, clips: Iterable[Clip]) -> EventDetector:
    """The same model with the confidence of its clocks fitted on clips that it has not learnt from.

    Args:
        model: one that does not align, or lacks sound or picture, stays as it is.
        clips: whose streams are in step, but for what their ``clocks`` say; they need no labels.
    """
    alignment = model.settings.alignment
    if not (alignment.enabled and {"audio", "video"} <= set(model.modalities)):
        return model
    fitted = fit_confidence(list(_trials(model, clips)))
    own = copy.deepcopy(model)
    own.settings = model.settings.model_copy(update={"alignment": alignment.model_copy(update={"confidence": fitted})})
    return own


def fit_confidence(trials: Sequence[Trial]) -> ConfidenceSettings:
    """The most probable weights, a priori near the defaults; the defaults where there are too few trials of a kind.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> trials = [Trial(rng.normal(4 + 2 * right), 3.0, rng.normal(right), right) for right in (False, True) * 40]
        >>> fitted = fit_confidence(trials)
        >>> fitted.own > 0 and fitted != ConfidenceSettings()
        True
    """
    default = ConfidenceSettings()
    counted = [trial for trial in trials if trial.own > 0]  # a map that does not pay for itself has no confidence
    if min(sum(t.right for t in counted), sum(not t.right for t in counted)) < LEAST:
        return default
    rows = np.array([(t.own, t.second, t.odds, 1.0) for t in counted])
    right = np.array([t.right for t in counted], float)
    start = np.array([default.own, default.second, default.odds, default.bias])
    weights, best = start, _unlikelihood(start, rows, right, start)
    for _ in range(ROUNDS):
        sure = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (sure - right) + (weights - start) / PRIOR**2
        bend = (rows * (sure * (1 - sure))[:, None]).T @ rows + np.eye(len(start)) / PRIOR**2
        step = np.linalg.solve(bend, slope)
        while (found := _unlikelihood(weights - step, rows, right, start)) > best:
            step = step / 2
        if best - found < TINY:
            break
        weights, best = weights - step, found
    own, second, odds, bias = (round(float(weight), 4) for weight in weights)
    return ConfidenceSettings(own=own, second=second, odds=odds, bias=bias)


def _unlikelihood(weights: np.ndarray, rows: np.ndarray, right: np.ndarray, start: np.ndarray) -> float:
    """Negative logarithm of the probability of the weights, up to a constant."""
    odds = rows @ weights
    return float((np.logaddexp(0, odds) - right * odds).sum() + np.square(weights - start).sum() / (2 * PRIOR**2))


def _trials(model: EventDetector, clips: Iterable[Clip]) -> Iterator[Trial]:
    """Of each clip its sound moved in time, and its sound with the picture of the clip before."""
    rate, rng = model.settings.grid_rate, np.random.default_rng(0)
    before: np.ndarray | None = None
    for clip in clips:
        if not clip.clocks.get("audio", ClockMap.shift()).is_identity:
            continue
        sound, picture = _encoded(model, clip)
        if not (sound[1].any() and picture[1].any()):
            continue
        shown = prepare("video", *picture, None)
        for share in MOVES:
            most = int(share * min(model.settings.alignment.reach * rate, len(sound[1]) / 3))
            move = int(rng.integers(-most, most + 1))
            yield from _tried(shown, _moved(sound, move), rate, ClockMap.shift(move / rate))
        if before is not None:
            yield from _tried(before, sound, rate, None)
        before = shown


@torch.inference_mode()
def _encoded(model: EventDetector, clip: Clip) -> tuple[Stream, Stream]:
    """Sound and picture of a clip as embeddings with their masks."""
    batch = collate([clip], None, model.settings.grid_rate).to(next(model.parameters()).device)
    with evaluating(model):
        encoded = model.encode(batch)
    found = {
        name: (values[0].float().cpu().numpy(), mask[0].cpu().numpy())
        for name, values, mask in zip(model.modalities, encoded.embeddings, encoded.masks, strict=True)
    }
    return found["audio"], found["video"]


def _moved(stream: Stream, steps: int) -> Stream:
    """The stream from its step ``steps`` on, so that a map later by as many steps is right."""
    values, mask = stream
    source = np.arange(len(mask)) + steps
    inside = (source >= 0) & (source < len(mask))
    source = source.clip(0, len(mask) - 1)
    return values[source], inside & mask[source]


def _tried(shown: np.ndarray, sound: Stream, rate: float, true: ClockMap | None) -> Iterator[Trial]:
    """The trial of one pair; none where nothing is left to compare."""
    if not sound[1].any():
        return
    real = np.asarray(shown.any(axis=1))
    fit = Fit(shown, prepare("audio", *sound, None), real, rate, AlignmentSettings())
    found = best_map(fit)
    if found is None:
        return
    own, second = fit.heights(found.lines)
    right = true is not None and clock_error(fit.clock(found.lines), true, len(shown) / rate) < NEAR
    yield Trial(own, second, fit.odds(found.lines), right)
