"""The default model on unseen scenes and real clips; writes its model card too."""

from __future__ import annotations

from pathlib import Path

from avtext.benchmark import accuracy, footage
from avtext.benchmark.card import write_card
from avtext.benchmark.figures import Figure
from avtext.model import load_detector
from avtext.pipeline import DEFAULT_MODEL, Pipeline


def run(data: Path) -> list[Figure]:
    """Figures of the default model; its card beside it is written anew from them."""
    model = load_detector(DEFAULT_MODEL)
    measured = accuracy.measure(model, data)
    on_scenes = accuracy.figures(measured)
    on_footage, results = footage.measure(Pipeline.from_pretrained(), data / "media")
    size = sum(p.stat().st_size for p in DEFAULT_MODEL.iterdir()) / 1e6
    on_model = [
        Figure("parameters", model.num_parameters()["total"] / 1e6, "M", 4.0, "at_most"),
        Figure("bytes", size, "MB", 8.0, "at_most"),
    ]
    write_card(DEFAULT_MODEL, model, measured, [*on_scenes[:2], *on_footage], results)
    return [*on_scenes, *on_footage, *on_model]
