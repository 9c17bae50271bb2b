"""What is found when streams are missing: every subset of the modalities, half of all streams, drop-outs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

import torch

from avtext.benchmark.accuracy import SUBSETS
from avtext.benchmark.figures import Figure
from avtext.benchmark.intervals import points, resampled
from avtext.clip import MODALITIES, Clip, Event
from avtext.data.scenes import SceneRecipe, make_scene
from avtext.data.scenes.chance import Random, generator
from avtext.data.scenes.recipe import HEARD, SEEN
from avtext.model import EventDetector, collate
from avtext.training.evaluation import Found, find

Given = Sequence[tuple[str, ...]]  # per clip: the modalities that the model is given
DRAWS = 4  # of which half is missing
BATCH = 8


def measure(model: EventDetector, recipe: SceneRecipe, seeds: Sequence[int]) -> list[Figure]:
    """Figures of scenes ``seeds`` of ``recipe``, which has nothing missing."""
    clips = [make_scene(recipe, seed) for seed in seeds]
    halves = [half_of(clips, generator(draw, "half of the streams")) for draw in range(DRAWS)]
    views: dict[str, Given] = {"_".join(names): [names] * len(clips) for names in SUBSETS}
    views |= {f"half {draw}": half for draw, half in enumerate(halves)}
    found = find_given(model, clips, views)
    with_gaps = find(model, [make_scene(recipe.model_copy(update={"dropout_chance": 1.0}), seed) for seed in seeds])
    detail = f"{len(clips)} generated scenes of {recipe.duration[0]:g} s, unseen sources, onset collar 0.2 s"
    return [
        *_subset_figures(found, detail),
        *_half_figures(found, halves, detail),
        _gap_figure(found, with_gaps, detail),
    ]


def half_of(clips: Sequence[Clip], rng: Random) -> list[tuple[str, ...]]:
    """Modalities that are left of each clip when half of all streams are missing, at least one of each.

    Of clips with three every second one loses one and every other two.
    """
    left = []
    odd = bool(rng.integers(2))
    for clip in clips:
        have = clip.modalities
        keep = max(1, (len(have) + odd) // 2)
        odd = odd ^ (len(have) % 2 == 1)
        chosen = set(rng.permutation(have)[:keep].tolist())
        left.append(tuple(name for name in have if name in chosen))
    return left


@torch.inference_mode()
def find_given(model: EventDetector, clips: Sequence[Clip], views: Mapping[str, Given]) -> dict[str, Found]:
    """Finds of every view; encoders run once for all of them.

    Args:
        model: in evaluation mode.
        clips: labelled, each with a name of its own.
        views: by name, per clip the modalities that are given.
    """
    found: dict[str, Found] = {name: Found({}, {}) for name in views}
    for first in range(0, len(clips), BATCH):
        group = clips[first : first + BATCH]
        batch = collate(group, None, model.settings.grid_rate)
        features, masks = model.on_video_clock(model.encode(batch), batch)
        for name, given in views.items():
            kept = [[m in row for row in given[first : first + BATCH]] for m in model.modalities]
            view = [mask & torch.tensor(rows)[:, None] for mask, rows in zip(masks, kept, strict=True)]
            events = model.decode(model.fuse(features, view, batch.mask), batch.starts.tolist())
            for clip, those in zip(group, events, strict=True):
                found[name].reference[clip.name], found[name].estimate[clip.name] = clip.events or (), those
    return found


def sensed(found: Found, given: Given) -> Found:
    """Truth and finds of those labels alone whose sense was given: hearing, sight, or both for an impact."""

    def keep(events: Sequence[Event], names: tuple[str, ...]) -> list[Event]:
        return [event for event in events if _needs(event.label) <= set(names)]

    kept = dict(zip(found.reference, given, strict=True))
    return Found(
        {name: keep(events, kept[name]) for name, events in found.reference.items()},
        {name: keep(events, kept[name]) for name, events in found.estimate.items()},
    )


def _needs(label: str) -> set[str]:
    if label in HEARD:
        return {"audio"}
    return {"video"} if label in SEEN else {"audio", "video"}


def _subset_figures(found: Mapping[str, Found], detail: str) -> list[Figure]:
    everything = "_".join(MODALITIES)
    scores = {"_".join(names): found["_".join(names)].f1() for names in SUBSETS}
    best = max((name for name in scores if name != everything), key=lambda name: scores[name])
    gain = points(scores[everything], scores[best])
    said = f"best subset: {best}; {detail}; {resampled(points, found[everything], found[best], decimals=2)}"
    return [
        *(Figure(f"missing_f1_{name}", f1, "F1", detail=detail) for name, f1 in scores.items()),
        Figure("missing_all_over_best_subset", gain, "points", 0.0, detail=said),
    ]


def _half_figures(found: Mapping[str, Found], halves: Sequence[Given], detail: str) -> list[Figure]:
    whole = found["_".join(MODALITIES)]
    losses = [whole.f1() - found[f"half {draw}"].f1() for draw in range(len(halves))]
    told = [sensed(whole, half).f1() - sensed(found[f"half {draw}"], half).f1() for draw, half in enumerate(halves)]
    draws = f"mean of {len(halves)} draws; {detail}"
    return [
        Figure("missing_half_loss", 100 * fmean(losses), "points", 10.0, "at_most", draws),
        Figure(
            "missing_half_loss_of_what_is_left",
            100 * fmean(told),
            "points",
            detail=f"of events whose sense is left (sounds: audio, edits and signing: video, impacts: both); {draws}",
        ),
    ]


def _gap_figure(found: Mapping[str, Found], with_gaps: Found, detail: str) -> Figure:
    loss = 100 * (found["_".join(MODALITIES)].f1() - with_gaps.f1())
    text = f"sound and picture each absent for 1-4 s of every scene, apart; {detail}"
    return Figure("missing_dropout_loss", loss, "points", detail=text)
