"""How YAML files and ``key.sub=value`` words become checked settings."""

from __future__ import annotations

import difflib
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from avtext.errors import ConfigError

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
        >>> from avtext.config import TCNSettings
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
    is_list = fault["type"] in ("tuple_type", "list_type")  # of YAML it is one, whatever Python makes of it
    message = "must be a list, such as [a, b]" if is_list else fault["msg"].removeprefix("Value error, ")
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
