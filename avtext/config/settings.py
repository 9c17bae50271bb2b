"""What a model is made of. Every settings class refuses a key it does not know and names the nearest one it does."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_MEDIA_RATE = 25.0  # steps per second at which windows of a file can begin; avtext.timeline.GRID_RATE
_RAREST = 400  # of those steps, 16 s, in which the grid must begin a step together with one of them


class Settings(BaseModel):
    """Base of all settings: frozen; an unknown key is an error, and so are NaN and infinity, which JSON cannot hold."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


class EncoderSettings(Settings):
    """Which encoder reads a stream, by its name in ``avtext.encoders.ENCODERS``, and its keyword options."""

    name: str
    options: dict[str, Any] = Field(default_factory=dict)


class TCNSettings(Settings):
    """Dilated residual temporal convolutions, one stack per modality; see :mod:`avtext.layers.tcn`."""

    num_layers: int = Field(5, ge=0, le=12)
    kernel_size: int = Field(3, ge=3, le=15)
    dropout: float = Field(0.1, ge=0, lt=1)

    @field_validator("kernel_size")
    @classmethod
    def _odd(cls, size: int) -> int:
        if size % 2 == 0:
            raise ValueError("must be odd, so that a sequence keeps its length")
        return size


class ConfidenceSettings(Settings):
    """How probable a map of clocks is, as a logistic regression on how far it stands out.

    Chosen on validation clips (:func:`avtext.training.clocks.with_confidence`), to which the defaults are the prior:
    they were fitted on scenes of 20 s to 3 min, to the embeddings of an earlier default model.
    """

    own: float = Field(0.8, description="per standard deviation of chance that the map stands out")
    second: float = Field(-0.7, description="per standard deviation that the best of its moved copies stands out")
    odds: float = Field(0.8, description="per unit of the log-odds that embeddings give it among its moved copies")
    bias: float = -2.0


class AlignmentHeadSettings(Settings):
    """Learned embeddings on which the streams' clocks are found; see :mod:`avtext.alignment`."""

    enabled: bool = True
    size: int = Field(64, ge=1, le=8192)
    temperature: float = Field(0.07, gt=0)
    reach: float = Field(6.0, gt=0, le=600, description="seconds of lag to either side that training tells apart")
    confidence: ConfidenceSettings = Field(ConfidenceSettings(), exclude_if=lambda x: x == ConfidenceSettings())


class FusionSettings(Settings):
    """Gated cross-modal attention; see :mod:`avtext.layers.fusion`."""

    kind: Literal["cross", "early", "late", "co_attention"] = "cross"
    num_layers: int = Field(2, ge=0, le=8, description="rounds of attention; 0: gates alone")
    num_heads: int = Field(4, ge=1, le=256)
    reach: float = Field(1.0, gt=0, le=600, description="seconds to either side that a step can attend to")
    dropout: float = Field(0.1, ge=0, lt=1)


class LossSettings(Settings):
    """Weights of the terms of the training loss; clips need no labels where ``crf``, ``frame`` and ``alone`` are 0.

    Settings that came later are not written at their defaults, so that a model without them is read by the versions
    that do not know them.
    """

    crf: float = Field(1.0, ge=0)
    frame: float = Field(0.5, ge=0)
    alone: float = Field(0.3, ge=0)
    alignment: float = Field(0.1, ge=0)
    matching: float = Field(0.0, ge=0, description="which clip a sound, picture or text belongs to")
    masked: float = Field(0.0, ge=0, description="a hidden modality's embeddings told from the others")
    soft_dtw: float = Field(
        0.0,
        ge=0,
        description="that a clip's sound, picture and text take one course, whatever their pace",
        exclude_if=lambda x: x == 0.0,
    )
    presence: float = Field(
        1.0, ge=0, description="which labels occur in a clip whose labels have no times", exclude_if=lambda x: x == 1.0
    )
    focus: float = Field(
        0.0,
        ge=0,
        le=5,
        description="exponent of the focal loss (Lin et al. 2017): what is known well counts less, rare classes more",
        exclude_if=lambda x: x == 0.0,
    )


class DecisionSettings(Settings):
    """What happens to decoded events before they are reported; chosen on validation clips."""

    thresholds: dict[str, float] = Field(default_factory=dict, description="label to the least score it is kept with")
    calibration: dict[str, Any] | None = Field(None, description="maps scores to shares of right events")


class ModelSettings(Settings):
    """Everything that :class:`avtext.model.EventDetector` is built from; stored as ``config.json`` in a model folder.

    Example:
        >>> settings = ModelSettings(labels=["bell"], encoders={"audio": {"name": "logmel"}})
        >>> settings.labels, settings.scheme, settings.encoders["audio"].name
        (('bell',), 'overlapping', 'logmel')
    """

    labels: tuple[str, ...] = Field(min_length=1)
    scheme: Literal["overlapping", "exclusive"] = "overlapping"
    grid_rate: float = Field(25.0, gt=0, le=1000)
    width: int = Field(128, ge=8, le=8192)
    encoders: dict[Literal["audio", "video", "picture", "text"], EncoderSettings] = Field(min_length=1)
    tcn: TCNSettings = TCNSettings()
    alignment: AlignmentHeadSettings = AlignmentHeadSettings()
    fusion: FusionSettings = FusionSettings()
    head_layers: int = Field(3, ge=0, le=8)
    decoder: Literal["crf", "softmax"] = "crf"
    loss: LossSettings = LossSettings()
    decision: DecisionSettings = DecisionSettings()

    @property
    def reach_steps(self) -> int:
        """Grid steps to either side that a step can attend to, at least one; attention goes in blocks of as many."""
        return max(1, round(self.fusion.reach * self.grid_rate))

    @property
    def supervised(self) -> bool:
        """Whether a term of the loss that takes labels with times has a weight; that of chains needs ``crf``."""
        return (self.loss.crf if self.decoder == "crf" else 0.0) + self.loss.frame + self.loss.alone > 0

    @property
    def compares(self) -> bool:
        """Whether a term of the loss compares modalities with each other."""
        loss = self.loss
        aligned = self.alignment.enabled and loss.alignment > 0
        return aligned or loss.matching + loss.masked + loss.soft_dtw > 0

    @property
    def shared_rate(self) -> float:
        """Times per second that a step of the grid begins with a 40 ms step of media; windows of a file begin there."""
        return _MEDIA_RATE / Fraction(self.grid_rate / _MEDIA_RATE).limit_denominator(_RAREST).denominator

    @field_validator("grid_rate")
    @classmethod
    def _meets_media(cls, rate: float) -> float:
        steps = _MEDIA_RATE * Fraction(rate / _MEDIA_RATE).limit_denominator(_RAREST)
        if abs(steps - rate) > 1e-9 * rate:
            raise ValueError(
                "must begin a step together with the 40 ms grid of media every 16 s at least, or windows of a long "
                "file would not meet: such as 1, 10, 12.5, 25, 30 or 50"
            )
        return rate

    @model_validator(mode="after")
    def _consistent(self) -> ModelSettings:
        if len(set(self.labels)) != len(self.labels) or not all(self.labels):
            raise ValueError("labels must differ from each other and not be empty")
        if any("\ud800" <= character <= "\udfff" for label in self.labels for character in label):
            raise ValueError(f"labels must be whole characters, which a file can hold, got {self.labels!r}")
        if self.width % self.fusion.num_heads:
            raise ValueError(f"width {self.width} must be a multiple of fusion.num_heads {self.fusion.num_heads}")
        return self
