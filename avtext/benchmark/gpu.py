"""The GPU: equal to the CPU, the teacher's stages in bfloat16, its training at full size, and the default model."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from avtext.benchmark import gpu_encoders, gpu_equality, gpu_pipeline, gpu_training
from avtext.benchmark.figures import Figure
from avtext.benchmark.gpu_device import FULL, GPUSizes, peak_rate
from avtext.errors import AvtextError

logger = logging.getLogger(__name__)


def run(data: Path, sizes: GPUSizes = FULL) -> list[Figure]:
    """Every figure; those that have a limit first.

    Args:
        data: real recordings for the scenes.
        sizes: how much is measured, and on what.
    """
    name = torch.cuda.get_device_name() if sizes.device == "cuda" else "CPU"
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        rate = peak_rate(sizes)
        found = [
            Figure("matrix_product_bf16", rate / 1e12, "TFLOP/s", detail=f"{name}, {sizes.side} rows and columns"),
            *_or_why("equality", gpu_equality.measure(data, sizes)),
            *_or_why("encoders", gpu_encoders.measure(rate, sizes)),
            *_or_why("pipeline", gpu_pipeline.measure(place, sizes)),
            *_or_why("training", gpu_training.measure(data, place, rate, sizes)),
        ]
    return sorted(found, key=lambda figure: figure.limit is None)


def _or_why(part: str, figures: Iterator[Figure]) -> Iterator[Figure]:
    """A part's figures; where the device fails, for its memory perhaps, those so far and a missed one that says why."""
    try:
        yield from figures
    except (AvtextError, RuntimeError) as error:
        logger.exception("%s", part)
        yield Figure(f"{part}_measured", None, "", 1.0, detail=f"not measured to its end: {error}")
