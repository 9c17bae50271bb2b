"""Corruption curves: what is still found as damage grows."""

from __future__ import annotations

from collections.abc import Sequence

from avtext.benchmark.corruptions import CORRUPTIONS, corrupted
from avtext.benchmark.figures import Figure
from avtext.data.scenes import SceneRecipe, clip_of, make_scene_frames
from avtext.model import EventDetector
from avtext.training.evaluation import Found, find, merged


def measure(model: EventDetector, recipe: SceneRecipe, seeds: Sequence[int]) -> list[Figure]:
    """F1 of scenes ``seeds`` whole, and at each strength of each corruption."""
    whole: list[Found] = []
    curves: dict[tuple[str, float], list[Found]] = {
        (name, strength): [] for name, kind in CORRUPTIONS.items() for strength in kind.strengths
    }
    for seed in seeds:  # drawn once, damaged in every way, and forgotten
        scene = make_scene_frames(recipe, seed)
        whole.append(find(model, [clip_of(scene)]))
        for (name, strength), found in curves.items():
            found.append(find(model, [clip_of(corrupted(scene, name, strength))]))
    detail = f"{len(seeds)} generated scenes of {recipe.duration[0]:g} s, unseen sources, onset collar 0.2 s"
    figures = [Figure("corruption_none", merged(whole).f1(), "F1", detail=detail)]
    for (name, strength), found in curves.items():
        slug = f"{strength:g}".replace(".", "")
        kind = f"{name.replace('_', ' ')}, {strength:g} {CORRUPTIONS[name].unit}"
        figures.append(Figure(f"corruption_{name}_{slug}", merged(found).f1(), "F1", detail=f"{kind}; {detail}"))
    return figures
