"""A model on unseen scenes and real clips; writes the default model's card too."""

from __future__ import annotations

from pathlib import Path

from avtext.benchmark import accuracy, footage
from avtext.benchmark.accuracy import unseen_recipe
from avtext.benchmark.card import write_card
from avtext.benchmark.figures import Figure
from avtext.errors import ConfigError
from avtext.model import load_detector
from avtext.pipeline import DEFAULT_MODEL, Pipeline


def run(data: Path, other: Path | None = None) -> list[Figure]:
    """Figures of the default model, whose card beside it is written anew from them, or of another with its labels.

    Raises:
        ConfigError: the other one lacks a label of the scenes.
    """
    folder = other or DEFAULT_MODEL
    model = load_detector(folder)
    unknown = [label for label in unseen_recipe(data).available if label not in model.settings.labels]
    if unknown:
        raise ConfigError(f"--model {folder}: it has no label {unknown[0]!r}, which the scenes of this suite have")
    measured = accuracy.measure(model, data)
    on_scenes = accuracy.figures(measured)
    on_footage, results = footage.measure(Pipeline.from_pretrained(folder), data / "media")
    size = sum(p.stat().st_size for p in folder.iterdir()) / 1e6
    on_model = [
        Figure("parameters", model.num_parameters()["total"] / 1e6, "M", 4.0, "at_most"),
        Figure("bytes", size, "MB", 8.0, "at_most"),
    ]
    if other is None:
        write_card(folder, model, measured, [*on_scenes[:2], *on_footage], results)
    return [*on_scenes, *on_footage, *on_model]
