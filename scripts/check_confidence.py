"""How sure the alignment is on learned embeddings, and how right: ``python scripts/check_confidence.py [MODEL]``.

Scenes of the training split, sound late or early by up to two seconds, give pairs that belong together; the sound of
one with the picture of another gives pairs that do not. A map counts as right within ``NEAR`` seconds.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from avtext.alignment.evidence import prepare
from avtext.alignment.fit import Fit
from avtext.alignment.pairwise import best_map
from avtext.alignment.settings import AlignmentSettings
from avtext.benchmark.aligned_scenes import OFFSET, encode_scene, recipe_with, streams_of
from avtext.benchmark.timing import one_torch_thread
from avtext.data.scenes import make_scene
from avtext.errors import AvtextError
from avtext.metrics.clocks import clock_error
from avtext.model import load_detector
from avtext.pipeline import DEFAULT_MODEL
from avtext.timeline import ClockMap

DATA = Path(os.environ.get("AVTEXT_DATA", "../shared/data"))
NEAR = 0.2  # seconds
SCENES = ((20.0, 120), (60.0, 30), (180.0, 10))  # length in seconds and how many
FIRST = 8_000_000  # no scene of a training run has such a number


def pairs(model_folder: Path, length: float, count: int) -> list[tuple[float, bool, bool]]:
    """Confidence, whether the map is right, and whether the streams belong together, of both kinds of pairs."""
    model = load_detector(model_folder)
    known = AlignmentSettings(confidence=model.settings.alignment.confidence)
    rate, out, before = model.settings.grid_rate, [], None
    for seed in range(FIRST, FIRST + count):
        shown = 1.0 if seed % 2 else 0.6
        recipe = recipe_with(
            DATA, split="train", duration=(length, length), offset_chance=1.0, offset=OFFSET, shown_chance=shown
        )
        scene = encode_scene(model, make_scene(recipe, seed))
        streams = streams_of(model, scene)
        ready = {name: (prepare(name, *pair, None), pair[1]) for name, pair in streams.items()}
        for video, clock in ((ready["video"], scene.clocks["audio"]), (before, None)):
            if video is not None and video[0].any() and ready["audio"][0].any():
                fit = Fit(video[0], ready["audio"][0], video[1], rate, known)
                out.append(_judged(fit, clock, length))
        before = ready["video"]
    return [one for one in out if one is not None]


def _judged(fit: Fit, clock: ClockMap | None, length: float) -> tuple[float, bool, bool] | None:
    found = best_map(fit)
    if found is None:
        return None
    right = clock is not None and clock_error(fit.clock(found.lines), clock, length) < NEAR
    return fit.confidence(found.lines), right, clock is not None


def main(model_folder: Annotated[Path, typer.Argument(metavar="MODEL")] = DEFAULT_MODEL) -> None:
    """Say for each length how many maps are kept at the default threshold, and how many of them are right."""
    least = AlignmentSettings().min_confidence
    for length, count in SCENES:
        with one_torch_thread():
            table = np.array(pairs(model_folder, length, count), float)
        sure, right, together = table[:, 0] >= least, table[:, 1] > 0, table[:, 2] > 0
        print(
            f"{length:g} s: of {together.sum()} pairs that belong together {right.sum()} maps are right, "
            f"{(sure & right).sum()} of them kept and {(sure & together & ~right).sum()} wrong ones; of "
            f"{(~together).sum()} that do not {(sure & ~together).sum()} kept"
        )


if __name__ == "__main__":
    try:
        typer.run(main)
    except AvtextError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
