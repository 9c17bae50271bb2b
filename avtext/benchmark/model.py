"""A model on unseen scenes and real clips; writes the default model's card too."""

from __future__ import annotations

import csv
import json
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
    return [*on_scenes, *on_footage, *on_model, *_training_time(folder)]


def steps_of(folder: Path) -> tuple[int, float] | None:
    """How many steps the run took that a model is of, and their seconds on average; None where nothing tells.

    Args:
        folder: of the model; ``training.json`` in it says so, or the run's log beside it.
    """
    told, log = folder / "training.json", folder.parent / "log.csv"
    if told.is_file():
        run = json.loads(told.read_text(encoding="utf-8"))
        return run["steps"], run["step_seconds"]
    if not log.is_file():
        return None
    with log.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return (int(rows[-1]["step"]), fmean(float(row["seconds"]) for row in rows)) if rows else None


def _training_time(folder: Path) -> list[Figure]:
    if (run := steps_of(folder)) is None:
        return []
    steps, seconds = run
    detail = (
        f"{steps} steps of {seconds:.3g} s on average, without those of evaluations; as the run itself counted "
        "them, on the machine that it ran on"
    )
    return [Figure("training_minutes", steps * seconds / 60, "min", 90.0, "at_most", detail)]
