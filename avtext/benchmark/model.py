"""A model on unseen scenes and real clips; writes the default model's card too."""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import fmean

from avtext.benchmark import accuracy, footage
from avtext.benchmark.accuracy import unseen_recipe
from avtext.benchmark.card import write_card
from avtext.benchmark.figures import Figure
from avtext.benchmark.timing import require
from avtext.errors import ConfigError
from avtext.model import load_detector
from avtext.pipeline import DEFAULT_MODEL, Pipeline


def run(data: Path, other: Path | None = None) -> list[Figure]:
    """Figures of the default model, whose card beside it is written anew from them, or of another with its labels.

    Raises:
        ConfigError: the other one lacks a label of the scenes.
        MissingExtra: PySceneDetect, the reference for cuts and fades, is not installed.
    """
    folder = other or DEFAULT_MODEL
    model = load_detector(folder)
    unknown = [label for label in unseen_recipe(data).available if label not in model.settings.labels]
    if unknown:
        raise ConfigError(f"--model {folder}: it has no label {unknown[0]!r}, which the scenes of this suite have")
    require("scenedetect", "scenedetect-headless")  # before minutes of measuring
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
    return [*on_scenes, *on_footage, *on_model, *_training_time(folder.parent / "log.csv")]


def _training_time(log: Path) -> list[Figure]:
    """How long the steps of the run took that the model is of; nothing where its log is not there."""
    if not log.is_file():
        return []
    with log.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        return []
    steps, seconds = int(rows[-1]["step"]), fmean(float(row["seconds"]) for row in rows)
    detail = f"{steps} steps of {seconds:.3g} s on average, without those of evaluations"
    return [Figure("training_minutes", steps * seconds / 60, "min", 90.0, "at_most", detail)]
