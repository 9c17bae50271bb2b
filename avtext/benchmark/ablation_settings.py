"""What the ablation compares: data, schedules and rows, as read from ``configs/scenes_bench.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field

from avtext.clip import MODALITIES, modality_of
from avtext.config import ModelSettings, Settings
from avtext.training import DataSettings, TrainSettings

Condition = Literal["in_sync", "offset", "drift"]


class AblationSettings(Settings):
    """The composite benchmark and how every row is trained on it.

    Args:
        train: scenes to learn from; models of the same frozen encoders share their cache.
        validation: scenes of the training sources on which thresholds are chosen.
        tests: scenes of unseen sources under each condition.
        crop: seconds of a training clip.
        pretraining_crop: seconds of one in the first stage.
        crops: training clips per scene.
        pretraining: the first stage, on scenes whose labels are not looked at.
        training: the row that has everything; the others differ from it in one thing.
        folder: for one result per row and seed.
    """

    train: DataSettings
    validation: DataSettings
    tests: dict[Condition, DataSettings]
    crop: float = Field(10.0, gt=0)
    pretraining_crop: float = Field(16.0, gt=0)
    crops: int = Field(3, ge=1)
    pretraining: TrainSettings
    training: TrainSettings
    folder: Path = Path("runs/ablation")


class Row(NamedTuple):
    """How one row differs from the one that has everything.

    Args:
        modalities: that it is trained and tested with.
        model: settings of the model that differ, by name.
        training: settings of the training that differ.
        pretrained: whether it starts from the first stage.
        conditions: all of the tests, or in sync alone.
        subsets: whether it is also tested with modalities taken away.
    """

    modalities: tuple[str, ...] = MODALITIES
    model: Mapping[str, object] = {}
    training: Mapping[str, object] = {}
    pretrained: bool = True
    conditions: tuple[Condition, ...] = ("in_sync",)
    subsets: bool = False


EVERYWHERE: tuple[Condition, ...] = ("in_sync", "offset", "drift")
ROWS: dict[str, Row] = {
    "all": Row(conditions=EVERYWHERE, subsets=True),
    "audio": Row(("audio",)),
    "video": Row(("video",)),
    "text": Row(("text",)),
    "audio_video": Row(("audio", "video")),
    "audio_text": Row(("audio", "text")),
    "video_text": Row(("video", "text")),
    "early": Row(model={"fusion.kind": "early"}),
    "co_attention": Row(model={"fusion.kind": "co_attention"}),
    "late": Row(model={"fusion.kind": "late"}),
    "no_attention": Row(model={"fusion.num_layers": 0}),
    "no_tcn": Row(model={"tcn.num_layers": 0}),
    "softmax": Row(model={"decoder": "softmax", "loss.frame": 1.0}),
    "soft_dtw": Row(model={"loss.soft_dtw": 0.1}, conditions=EVERYWHERE),
    "no_stage1": Row(pretrained=False, conditions=EVERYWHERE),
    "no_modality_dropout": Row(training={"modality_dropout": 0.0}, subsets=True),
}


def settings_of(row: Row, seed: int, stage: TrainSettings) -> TrainSettings:
    """How a stage of a row is trained.

    Args:
        row: of :data:`ROWS`.
        seed: of the run.
        stage: ``pretraining`` or ``training`` of the benchmark's settings.
    """
    model = stage.model.model_dump(mode="json")
    kept = [name for name in model["encoders"] if modality_of(name) in row.modalities]
    model["encoders"] = {name: model["encoders"][name] for name in kept}
    for path, value in row.model.items():
        *parents, last = path.split(".")
        place = model
        for parent in parents:
            place = place[parent]
        place[last] = value
    changes = {"model": ModelSettings.model_validate(model), "seed": seed, **row.training}
    return stage.model_copy(update=changes)
