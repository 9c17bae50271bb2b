"""Settings: what a model is made of, and how YAML files and ``key.sub=value`` words become checked values.

Every settings class refuses a key it does not know and names the nearest one it does.
"""

from __future__ import annotations

import difflib
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from avtext.errors import ConfigError


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


class AlignmentHeadSettings(Settings):
    """Learned embeddings on which the streams' clocks are found; see :mod:`avtext.alignment`."""

    enabled: bool = True
    size: int = Field(64, ge=1, le=8192)
    temperature: float = Field(0.07, gt=0)
    reach: float = Field(6.0, gt=0, description="seconds of lag to either side that training tells apart")


class FusionSettings(Settings):
    """Gated cross-modal attention; see :mod:`avtext.layers.fusion`."""

    kind: Literal["cross", "early", "late", "co_attention"] = "cross"
    num_layers: int = Field(2, ge=1, le=8)
    num_heads: int = Field(4, ge=1, le=256)
    reach: float = Field(1.0, gt=0, description="seconds to either side that a step can attend to")
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

    @property
    def supervised(self) -> bool:
        """Whether a term that takes labels with times has a weight."""
        return self.crf + self.frame + self.alone > 0


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

    @model_validator(mode="after")
    def _consistent(self) -> ModelSettings:
        if len(set(self.labels)) != len(self.labels) or not all(self.labels):
            raise ValueError("labels must differ from each other and not be empty")
        if any("\ud800" <= character <= "\udfff" for label in self.labels for character in label):
            raise ValueError(f"labels must be whole characters, which a file can hold, got {self.labels!r}")
        if self.width % self.fusion.num_heads:
            raise ValueError(f"width {self.width} must be a multiple of fusion.num_heads {self.fusion.num_heads}")
        return self


S = TypeVar("S", bound=BaseModel)
_MAX_VALUES = 100_000  # in a config
_VARIABLE = re.compile(r"\$\{(\w+)(?::-((?:(?!\$\{)[^}])*))?\}")


class _Loader(yaml.SafeLoader):
    """Refuses a mapping that has a key twice, of which YAML would take the last in silence."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                continue
            if (key.tag, key.value) in seen:
                problem = f"the key {key.value!r} is there twice: keep one"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add((key.tag, key.value))
        return node


def parse(kind: type[S], values: Any, where: str) -> S:
    """Check plain ``values`` against the settings class ``kind``.

    Args:
        kind: a settings class.
        values: a mapping, as read from YAML or JSON.
        where: the file or option that the values come from, for the message.

    Raises:
        ConfigError: one line per fault: where, which key, what it was, what is allowed.

    Example:
        >>> parse(TCNSettings, {"num_layer": 3}, "my.yaml")
        Traceback (most recent call last):
        ...
        avtext.errors.ConfigError: my.yaml: num_layer: unknown key; did you mean 'num_layers'?
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faults = [f"{where}: {_fault(kind, fault)}" for fault in error.errors()]
        raise ConfigError("\n".join(faults)) from None


def _fault(kind: type[BaseModel], fault: Any) -> str:
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        known = list(_fields_at(kind, fault["loc"][:-1]))
        near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return f"{place}: unknown key; {hint}"
    got = "" if fault["type"] == "missing" or isinstance(fault["input"], dict) else f", got {fault['input']!r}"
    message = fault["msg"].removeprefix("Value error, ")
    return f"{place}: {message}{got}" if place else message


def _fields_at(kind: type[BaseModel], path: Sequence[Any]) -> list[str]:
    """Names of the fields that the settings class at ``path`` inside ``kind`` has."""
    for part in path:
        field = kind.model_fields.get(str(part))
        annotation = field.annotation if field else None
        options = [annotation, *getattr(annotation, "__args__", ())]
        inner = [a for a in options if isinstance(a, type) and issubclass(a, BaseModel)]
        if not inner:
            continue
        kind = inner[0]
    return list(kind.model_fields)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        ConfigError: the file is missing, not UTF-8, not YAML, or not a mapping, names the line where it can; or an
            environment variable is written in another way than ``${NAME}`` or ``${NAME:-default}``.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such config file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    values = _loaded(text, str(path))
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must hold key: value pairs, got {type(values).__name__}")
    try:
        return _expand(values, path, itertools.count(1))
    except RecursionError:
        raise ConfigError(f"{path}: is nested too deeply, or in itself") from None


def _loaded(text: str, where: str) -> Any:
    """The value of a YAML text; ``where`` is for the message.

    Raises:
        ConfigError: it is not YAML, nested too deeply, or a key is there twice, or a value is not what its look or its
            tag says.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{where}{line}: not valid YAML: {getattr(error, 'problem', error)}") from None
    except RecursionError:
        raise ConfigError(f"{where}: is nested too deeply") from None
    except (ValueError, LookupError, AttributeError) as error:  # of PyYAML: 2024-02-30 is no day, 0x_ no number
        raise ConfigError(f"{where}: not valid YAML: {error}: put texts in quotes") from None


def _expand(value: Any, path: Path, number: Iterator[int]) -> Any:
    """``${NAME:-default}`` in texts replaced by the environment variable, as in a shell.

    A few aliases of aliases can stand for billions of values, so they are counted.
    """
    if next(number) > _MAX_VALUES:
        raise ConfigError(f"{path}: more than {_MAX_VALUES} values, aliases followed: write fewer")
    if isinstance(value, dict):
        return {key: _expand(inner, path, number) for key, inner in value.items()}
    if isinstance(value, list):
        return [_expand(inner, path, number) for inner in value]
    if isinstance(value, str):
        if "${" in _VARIABLE.sub("", value):
            raise ConfigError(f"{path}: {value!r}: a variable is ${{NAME}} or ${{NAME:-default}}, none inside another")
        return _VARIABLE.sub(lambda found: os.environ.get(found[1]) or found[2] or "", value)
    return value


def override(values: dict[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """A copy of ``values`` with ``key.sub=value`` words set; each value is read as YAML.

    Raises:
        ConfigError: a word has no ``=``, its value is not YAML, or its path goes through something that is not a
            mapping.

    Example:
        >>> override({"model": {"width": 128}}, ["model.width=64", "seed=1"])
        {'model': {'width': 64}, 'seed': 1}
    """
    result = _copy(values)
    for word in words:
        path, equals, text = word.partition("=")
        if not equals or not path:
            raise ConfigError(f"{word!r}: an override is written key.sub=value")
        *parents, last = path.split(".")
        node = result
        for part in parents:
            if node.get(part) is None:  # not there, or null
                node[part] = {}
            node = node[part]
            if not isinstance(node, dict):
                raise ConfigError(f"{word!r}: {part!r} is a single value, it has nothing inside to set")
        node[last] = _loaded(text, repr(word))
    return result


def _copy(value: Any) -> Any:
    return {key: _copy(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def load(kind: type[S], path: str | Path, words: Sequence[str] = ()) -> S:
    """Settings of class ``kind`` from a YAML file with overrides; see :func:`parse` and :func:`override`."""
    return parse(kind, override(read_yaml(path), words), str(path))
