"""What a training run is, as read from ``configs/*.yaml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from avtext.attacks import check_budgets
from avtext.config import ModelSettings, Settings, override, parse, read_yaml
from avtext.data.scenes.recipe import SceneRecipe
from avtext.distill import DistillSettings
from avtext.errors import ConfigError, InvalidInput
from avtext.model import load_detector
from avtext.pruning import pruned_settings, widened_settings

Part = Literal["encoders", "projections", "tcns", "embedders", "alone", "fusion", "head", "emit", "crf"]  # of a model


class DataSettings(Settings):
    """Where clips come from: generated scenes, or a manifest of one's own videos; exactly one of the two.

    ``scenes`` are numbered ``first`` to ``first + count - 1``; the number is the seed. ``window`` is for a manifest.
    """

    scenes: SceneRecipe | None = None
    first: int = Field(0, ge=0)
    count: int = Field(1000, ge=1, le=1_000_000_000)
    manifest: Path | None = None
    window: float = Field(20.0, gt=0, description="seconds of a training clip cut from a longer video")
    cache: Path | None = Field(
        None, description="folder for decoded streams or features; None: scenes are made anew, videos go to ./cache"
    )

    @model_validator(mode="after")
    def _one_source(self) -> DataSettings:
        if (self.scenes is None) == (self.manifest is None):
            raise ValueError("give either scenes or manifest")
        idle, owner = (("window",), "a manifest") if self.manifest is None else (("first", "count"), "scenes")
        for name in idle:
            if getattr(self, name) != DataSettings.model_fields[name].default:
                raise ValueError(f"{name} is for {owner}: leave it out")
        return self


class AdversarialSettings(Settings):
    """Each batch is learnt as it is and under attack; see :func:`avtext.attacks.fgsm_from_random_start`.

    It costs a second pass. What is gained and what it costs in clean accuracy is measured by ``avtext benchmark
    robustness``.
    """

    budgets: dict[str, float] = Field(
        {"audio": 0.006, "video": 1.53, "picture": 0.006},
        description="by stream, the largest change of a value; frames are in [0, 255]",
    )
    weight: float = Field(0.5, gt=0, lt=1, description="of the attacked batch in the loss; the clean one has the rest")

    @field_validator("budgets")
    @classmethod
    def _possible(cls, budgets: dict[str, float]) -> dict[str, float]:
        try:
            check_budgets(budgets)
        except InvalidInput as error:
            raise ValueError(error.message) from None
        return budgets


class StartSettings(Settings):
    """Where a run begins."""

    init: Path | None = Field(None, description="model folder whose weights to start from")
    prune: float | None = Field(
        None, gt=0, le=0.9, description="share of the channels of init that go first; what is left is the model"
    )
    widen: int | None = Field(
        None, ge=2, le=8, description="copies of every channel of init to begin with; what comes of it is the model"
    )


class TrainSettings(StartSettings):
    """One training run; see :func:`avtext.training.fit`."""

    seed: int = Field(1, ge=0, lt=2**64)  # what torch takes
    out: Path = Path("runs/run")
    model: ModelSettings
    learn: tuple[Part, ...] | None = Field(
        None, min_length=1, description="parts of the model that learn, such as [embedders]; None: all of it"
    )
    distill: DistillSettings | None = Field(None, description="a teacher to learn from; see avtext.distill")
    adversarial: AdversarialSettings | None = Field(None, description="learn adversarial examples, too; None: do not")
    train: DataSettings | None = Field(None, description="None: the caller of fit brings the clips")
    validation: DataSettings | None = None
    batch_size: int = Field(8, ge=1)
    steps: int = Field(1000, ge=1)
    optimizer: Literal["adamw", "muon"] = Field("adamw", description="see avtext.training.muon.Muon")
    learning_rate: float = Field(1e-3, gt=0)
    warmup: int = Field(50, ge=0)
    weight_decay: float = Field(0.01, ge=0)
    clip_norm: float = Field(2.0, gt=0)
    average: float = Field(0.998, ge=0, lt=1, description="decay of the moving average of the weights; 0: none")
    modality_dropout: float = Field(
        0.4, ge=0, le=1, description="chance that a modality is lost in the second view that is learnt of each clip"
    )
    evaluate_every: int = Field(200, ge=1)
    checkpoint_every: int = Field(100, ge=1)
    log_every: int = Field(10, ge=1)
    patience: int | None = Field(None, ge=1, description="evaluations without a better F1 before stopping")
    workers: int = Field(1, ge=0)
    threads: int | None = Field(None, ge=1, description="torch threads; None: all cores")
    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    devices: int = Field(1, ge=1)
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    half: bool = Field(False, description="store the final weights as float16")

    @property
    def keeps_events(self) -> bool:
        """Whether the events found stay those of ``init``, and its thresholds and calibration with them."""
        return self.init is not None and self.prune is None and set(self.learn or ()) == {"embedders"}


def read_settings(path: str | Path, words: Sequence[str] = ()) -> TrainSettings:
    """Training settings from a YAML file with ``key.sub=value`` overrides; see :func:`settings_of`.

    ``model`` may be a path, relative to the config's folder: of a YAML file that several runs share, or of a model
    folder, whose shape it is then without its weights; or ``{from: PATH, loss: {…}}``, where a run differs from it. Of
    the loss, terms that are not named stay as they are there.

    Raises:
        ConfigError: the file or an override says something that is not allowed.
        ModelError: the model of ``init`` is refused.
    """
    values = read_yaml(path)
    if isinstance(values.get("model"), str):
        values = {**values, "model": {"from": values["model"]}}
    first = [word for word in words if word.startswith("model.from=")]  # before others change what is there
    values = _with_model(override(values, first), path)
    return settings_of(_with_model(override(values, [word for word in words if word not in first]), path), str(path))


def settings_of(values: Mapping[str, Any], where: str) -> TrainSettings:
    """Training settings from plain values; without ``model``, or with its ``loss`` alone, it is that of ``init``, with
    fewer or more channels where ``prune`` or ``widen`` says so.

    Args:
        values: as in a YAML file.
        where: the file that they come from, for messages.

    Raises:
        ConfigError: a value that is not allowed.
        ModelError: the model of ``init`` is refused.
    """
    start = parse(StartSettings, {key: values[key] for key in StartSettings.model_fields if key in values}, where)
    share, factor = start.prune, start.widen
    own = values.get("model")
    derived = start.init is not None and (own is None or (isinstance(own, Mapping) and set(own) == {"loss"}))
    for name, what in (("prune", share), ("widen", factor)):
        if what is not None and not derived:
            raise ConfigError(
                f"{where}: {name}: changes the model of init: give init, and leave model out, but for model.loss"
            )
    if share is not None and factor is not None:
        raise ConfigError(f"{where}: widen: gives channels that prune takes away: leave one of them out")
    if start.init is not None and derived:
        model = load_detector(start.init)
        settings = model.settings if share is None else pruned_settings(model, share)
        settings = settings if factor is None else widened_settings(model, factor)
        values = {**values, "model": _differing(settings.model_dump(), own or {})}
    return parse(TrainSettings, values, where)


def _with_model(values: dict[str, Any], path: str | Path) -> dict[str, Any]:
    """``values`` with the model that they name by a path; what stands beside ``from`` counts instead of the file's."""
    model = values.get("model")
    model = {"from": model} if isinstance(model, str) else model
    if not isinstance(model, dict) or "from" not in model:
        return values
    own = {key: value for key, value in model.items() if key != "from"}
    place = Path(path).parent / str(model["from"])
    shape = load_detector(place).settings.model_dump() if place.is_dir() else read_yaml(place)
    return {**values, "model": _differing(shape, own)}


def _differing(shape: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A model's settings with ``own`` in their place, of the loss only the terms that it names."""
    theirs, ours = shape.get("loss"), own.get("loss")
    if isinstance(theirs, Mapping) and isinstance(ours, Mapping):
        own = {**own, "loss": {**theirs, **ours}}
    return {**shape, **own}
