"""How good a model is on scenes of unseen sources, with all modalities and with each alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from avtext.benchmark.figures import Figure
from avtext.benchmark.intervals import points, resampled
from avtext.clip import MODALITIES
from avtext.data.scenes import SceneRecipe, make_scene
from avtext.metrics.sound_events import SoundEventScores
from avtext.model import EventDetector
from avtext.training.evaluation import Found, find, merged

FIRST, COUNT = 0, 100  # test scenes: the split is another one than training's, so are all sources
SUBSETS = [names for size in (1, 2, 3) for names in combinations(MODALITIES, size)]


class Accuracy(NamedTuple):
    """Finds per subset of modalities, and those with all of them."""

    subsets: dict[tuple[str, ...], Found]

    @property
    def everything(self) -> Found:
        """All modalities given."""
        return self.subsets[MODALITIES]

    def best_single(self) -> Found:
        """Of the best modality alone, by micro F1."""
        return max((found for names, found in self.subsets.items() if len(names) == 1), key=Found.f1)


def recordings(data: Path) -> dict[str, Path]:
    """Where the kinds of recordings of a recipe lie in a folder of all."""
    return {"sounds_dir": data / "esc10", "speech_dir": data / "fsdd", "signing_dir": data / "asl"}


def unseen_recipe(data: Path) -> SceneRecipe:
    """Scenes in sync whose recordings, speakers, signed words and objects no training scene has.

    Those who sign are the same people in the same room, and the first phrasing of each class's captions is shared.
    """
    recipe = SceneRecipe(
        split="test",
        duration=(20.0, 20.0),
        heard=(2, 5),
        seen=(2, 4),
        impacts=(0, 2),
        missing_chance=0.0,
        dropout_chance=0.0,
    )
    return recipe.model_copy(update=recordings(data))


def measure(model: EventDetector, data: Path, count: int = COUNT) -> Accuracy:
    """Find events in ``count`` test scenes with every subset of modalities given."""
    recipe = unseen_recipe(data)
    finds: dict[tuple[str, ...], list[Found]] = {names: [] for names in SUBSETS}
    for first in range(FIRST, FIRST + count, 10):
        scenes = [make_scene(recipe, i) for i in range(first, min(first + 10, FIRST + count))]
        for names, found in finds.items():
            found.append(find(model, scenes, names))
    return Accuracy({names: merged(found) for names, found in finds.items()})


def figures(accuracy: Accuracy) -> list[Figure]:
    """What the default model must reach on unseen sources, and the rest for information."""
    everything, single = accuracy.everything, accuracy.best_single()
    files = len(accuracy.everything.reference)
    detail = f"{files} generated scenes of 20 s, unseen sources, in sync; onset collar 0.2 s, sed_eval's matching"
    found = [
        Figure("event_f1_all", everything.f1(), "F1", 0.65, detail=f"{detail}; {resampled(float, everything)}"),
        Figure(
            "gain_over_best_single",
            points(everything.f1(), single.f1()),
            "points",
            15.0,
            detail=f"best of audio, video, text; {resampled(points, everything, single, decimals=1)}",
        ),
    ]
    for names, one in accuracy.subsets.items():
        found.append(Figure(f"event_f1_{'_'.join(names)}", one.f1(), "F1", detail=detail))
    onsets, both = accuracy.everything.scores(), accuracy.everything.scores(offsets=True)
    found.append(Figure("event_f1_macro", onsets.macro.f1, "F1", detail="mean over classes"))
    found.append(Figure("event_f1_with_ends", both.micro.f1, "F1", detail="ends within 0.2 s or 20 % of the duration"))
    for label, rates in onsets.classes.items():
        value = None if math.isnan(rates.f1) else rates.f1
        found.append(Figure(f"class_{label}", value, "F1", detail=f"{rates.num_reference} events"))
    return found


def class_table(scores: SoundEventScores, labels: Sequence[str]) -> str:
    """F1, precision, recall and number of events per class, as Markdown."""
    lines = ["| class | F1 | precision | recall | events |", "|---|---|---|---|---|"]
    for label in labels:
        if label in scores.classes:
            r = scores.classes[label]
            numbers = " | ".join("–" if math.isnan(x) else f"{x:.2f}" for x in (r.f1, r.precision, r.recall))
            lines.append(f"| {label} | {numbers} | {r.num_reference} |")
    return "\n".join(lines) + "\n"
