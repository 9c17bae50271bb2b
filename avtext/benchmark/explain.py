"""Are the shares of events true: is a modality with a large share one without which the event is lost?

Each event's score is measured again with one modality taken away. A share that explains goes with the loss: over all
pairs of an event and a modality that its scene has, their ranks correlate, and the largest share is the largest loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from avtext.benchmark.accuracy import unseen_recipe
from avtext.benchmark.figures import Figure
from avtext.clip import MODALITIES, Clip
from avtext.data.scenes import make_scene
from avtext.model import Batch, EventDetector, collate, load_detector
from avtext.pipeline import DEFAULT_MODEL
from avtext.timeline import span_to_steps

FIRST, COUNT = 1000, 60  # test scenes that the accuracy suite does not use
NEEDED = 0.1  # fall of the score from which on an event needs a modality


class Removal(NamedTuple):
    """One event and one modality that its scene has: the share, and by how much the score falls without it."""

    event: int
    label: str
    modality: str
    share: float
    loss: float


def run(data: Path) -> list[Figure]:
    """Figures of the default model on unseen scenes."""
    recipe = unseen_recipe(data)
    return figures(removals(load_detector(DEFAULT_MODEL), [make_scene(recipe, FIRST + k) for k in range(COUNT)]))


@torch.inference_mode()
def removals(model: EventDetector, clips: Sequence[Clip]) -> list[Removal]:
    """Every event that ``model`` finds in ``clips``, with each modality taken away in turn."""
    found: list[Removal] = []
    number = 0
    for clip in clips:
        batch = collate([clip], None, model.settings.grid_rate)
        full = _activity(model, batch)
        without = {m: _activity(model, batch.only([o for o in MODALITIES if o != m])) for m in clip.modalities}
        for event in model.decode(model(batch), [clip.start])[0]:
            first, last = span_to_steps(event.start, event.end, model.settings.grid_rate, len(full), clip.start)
            place = (slice(first, last), model.settings.labels.index(event.label))
            shares = dict(zip(MODALITIES, event.shares or (0.0, 0.0, 0.0), strict=True))
            for name, activity in without.items():
                loss = float(full[place].mean() - activity[place].mean())
                found.append(Removal(number, event.label, name, shares[name], loss))
            number += 1
    return found


def _activity(model: EventDetector, batch: Batch) -> np.ndarray:
    """Probability that each label is on at each step, ``(steps, labels)``."""
    return model.scheme.activity(model.marginals(model(batch))[0].numpy())


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Spearman's: the correlation of the ranks, equal values sharing theirs; NaN where one side is constant.

    Example:
        >>> round(rank_correlation([1.0, 2.0, 3.0, 3.0], [10.0, 20.0, 40.0, 30.0]), 3)
        0.949
    """
    one, other = (_ranks(np.asarray(values, dtype=np.float64)) for values in (first, second))
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[where]


def figures(found: Sequence[Removal]) -> list[Figure]:
    """The rank correlation over everything, and within the events that need a modality; how often the largest share of
    these is right."""
    by_event: dict[int, list[Removal]] = {}
    for one in found:
        by_event.setdefault(one.event, []).append(one)
    several = [rows for rows in by_event.values() if len(rows) > 1]
    needed = [rows for rows in several if max(row.loss for row in rows) > NEEDED]
    right = [max(rows, key=lambda r: r.share).modality == max(rows, key=lambda r: r.loss).modality for rows in needed]
    within = [rank_correlation([r.share for r in rows], [r.loss for r in rows]) for rows in needed]
    detail = (
        f"{len(by_event)} events of {COUNT} generated scenes of 20 s, unseen sources; loss: fall of the event's mean "
        "posterior without the modality"
    )
    those = f"{len(needed)} events that lose more than {NEEDED:g} without some modality"
    overall = rank_correlation([r.share for r in found], [r.loss for r in found])
    result = [
        Figure("share_loss_rank_correlation", overall, "rho", detail=f"{len(found)} pairs; {detail}"),
        Figure("rank_correlation_within_events", float(np.nanmean(within)), "rho", detail=f"mean over {those}"),
        Figure("largest_share_is_largest_loss", 100 * float(np.mean(right)), "%", detail=those),
    ]
    for name in MODALITIES:
        pairs = [r for r in found if r.modality == name]
        rho = rank_correlation([r.share for r in pairs], [r.loss for r in pairs])
        value = None if np.isnan(rho) else rho
        result.append(Figure(f"rank_correlation_{name}", value, "rho", detail=f"{len(pairs)} events"))
    return result
