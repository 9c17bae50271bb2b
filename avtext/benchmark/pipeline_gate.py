"""What INT8 costs a trained teacher of Wav2Vec2 and SlowFast: its event F1, and how alike its features stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from avtext.backends import choose
from avtext.backends.networks import feature_similarity, has_network
from avtext.benchmark.accuracy import unseen_recipe
from avtext.benchmark.figures import Figure
from avtext.benchmark.intervals import points, resampled
from avtext.benchmark.pipeline_limits import PipelineSizes, row
from avtext.clip import Clip
from avtext.data.scenes import make_scene, make_scene_frames
from avtext.data.scenes.files import write_scene
from avtext.errors import ConfigError, MissingExtra
from avtext.model import EventDetector, load_detector
from avtext.pipeline.acceleration import accelerate
from avtext.training.evaluation import find

BACKEND = "openvino"
CALIBRATION, ALIKE = 4, 8  # files of training sources; scenes whose features are compared
FIRST = 600_000  # scene of the calibration


def measure(teacher: Path | None, data: Path, folder: Path, sizes: PipelineSizes) -> Iterator[Figure]:
    """Rows 13a and 13b, and the event F1 behind them.

    Args:
        teacher: folder of a model that learnt with its Wav2Vec2 or SlowFast; None: nothing is measured.
        data: recordings for the scenes.
        folder: for the files of the calibration.
        sizes: how many scenes are looked at.

    Raises:
        ConfigError: the model has neither of the two.
    """
    if teacher is None:
        yield from _missing("no trained teacher was given: --model FOLDER")
        return
    whole, fast = load_detector(teacher).eval(), load_detector(teacher).eval()
    names = [name for name, encoder in whole.encoders.items() if has_network(encoder)]
    if not names:
        raise ConfigError(
            f"{teacher}: has no Wav2Vec2 and no SlowFast that learnt with it: see configs/teacher-small.yaml"
        )
    try:
        choose(BACKEND)
    except MissingExtra as missing:
        yield from _missing(str(missing))
        return
    accelerate(fast, torch.device("cpu"), BACKEND, _calibration(data, folder))
    clips = [make_scene(unseen_recipe(data), seed) for seed in range(sizes.gate)]
    found = {name: find(model, clips) for name, model in (("torch", whole), ("int8", fast))}
    f1 = {name: one.f1() for name, one in found.items()}
    about = (
        f"event F1 {f1['torch']:.4f} in torch, {f1['int8']:.4f} in {BACKEND} INT8; {len(clips)} scenes of unseen "
        f"sources; {sum(p.numel() for p in whole.parameters()) / 1e6:.2f} M parameters, trained"
    )
    spread = resampled(points, found["torch"], found["int8"], decimals=2)
    yield row("row13a_teacher_int8_f1_loss", points(f1["torch"], f1["int8"]), f"{about}; {spread}")
    alike = {name: _cosine(name, whole, fast, clips[:ALIKE]) for name in names}
    said = ", ".join(f"{name} {cosine:.4f}" for name, cosine in alike.items())
    yield row("row13b_teacher_int8_cosine", min(alike.values()), f"{said}; each channel's mean taken away; {about}")
    yield Figure("teacher_small_event_f1", f1["torch"], "F1", detail=about)


def _missing(why: str) -> Iterator[Figure]:
    for name in ("row13a_teacher_int8_f1_loss", "row13b_teacher_int8_cosine"):
        yield row(name, None, f"not measured: {why}")


def _calibration(data: Path, folder: Path) -> list[Path]:
    """Scenes of training sources as files."""
    recipe = unseen_recipe(data).model_copy(update={"split": "train"})
    scenes = [make_scene_frames(recipe, FIRST + k, height=180, width=320) for k in range(CALIBRATION)]
    return [write_scene(scene, folder, f"calibration{k}")[0] for k, scene in enumerate(scenes)]


@torch.inference_mode()
def _cosine(name: str, whole: EventDetector, fast: EventDetector, clips: Sequence[Clip]) -> float:
    """Of one encoder's features to torch's."""
    streams = [getattr(clip, name) for clip in clips]
    pairs = [(torch.tensor(s.values)[None], torch.tensor(s.real)[None]) for s in streams if s is not None]
    encoders: list[Any] = [fast.encoders[name], whole.encoders[name]]
    return feature_similarity(*([encoder(*pair)[0] for pair in pairs] for encoder in encoders))
