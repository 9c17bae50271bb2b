"""Reading text, numbers and events with errors that name the file and the line."""

from __future__ import annotations

import codecs
import math
from pathlib import Path

from avtext.clip import Event
from avtext.errors import ConfigError, InvalidInput

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def fail(path: Path, line: int | None, message: str) -> ConfigError:
    """The error for ``message`` at ``line`` (from 1) of ``path``.

    Example:
        >>> str(fail(Path("a.csv"), 3, "no end"))
        'a.csv: line 3: no end'
    """
    where = f"{path}: line {line}: " if line is not None else f"{path}: "
    return ConfigError(where + message, stage="read")


def read_text(path: Path) -> str:
    r"""The text of a UTF-8 file, or a UTF-16 one with a byte order mark; line ends become ``\n``.

    Raises:
        ConfigError: the file cannot be read, or is not text in one of these encodings.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise fail(path, None, f"cannot be read: {error.strerror or error}") from error
    try:
        text = content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise fail(path, line, "is not UTF-8 text; save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def number(path: Path, line: int | None, what: str, text: object) -> float:
    """A finite number.

    Raises:
        ConfigError: it is not one.
    """
    try:
        value = float(str(text))
    except ValueError as error:
        raise fail(path, line, f"{what} must be a number, got {text!r}") from error
    if not math.isfinite(value):
        raise fail(path, line, f"{what} must be finite, got {text!r}")
    return value


def seconds(path: Path, line: int | None, what: str, text: object) -> float:
    """How long a file lasts.

    Raises:
        ConfigError: it is no finite number, or negative.
    """
    value = number(path, line, what, text)
    if value < 0:
        raise fail(path, line, f"{what} must not be negative, got {text!r}")
    return value


def event(path: Path, line: int | None, start: object, end: object, label: object, score: object = 1.0) -> Event:
    """An event of a file's row or record; ``score`` None or blank is 1.

    Raises:
        ConfigError: a value is missing or out of range; says which, where, and what is allowed.
    """
    if not isinstance(label, str) or not label:
        raise fail(path, line, f"an event needs a label that is not empty, got {label!r}")
    sure = 1.0 if score is None or score == "" else number(path, line, "score", score)
    begins, ends = number(path, line, "start", start), number(path, line, "end", end)
    try:
        return Event(begins, ends, label, sure)
    except InvalidInput as error:
        raise fail(path, line, error.message) from error


def check_label(path: Path, name: str, label: str, forbidden: str, what: str = "label") -> str:
    """``label``, or what else of this kind, refused where it has a character that the format cannot hold.

    Raises:
        ConfigError: names it, the character and formats that hold it.
    """
    found = sorted({character for character in label if character in forbidden})
    if found:
        raise ConfigError(
            f"{path}: {name} cannot hold the {what} {label!r} because of {', '.join(map(repr, found))}; "
            f"choose json, csv or tsv, or rename the {what}",
            stage="write",
        )
    return label


def check_not_negative(path: Path, name: str, value: Event) -> Event:
    """``value``, refused where it begins before 0 and the format has no such times.

    Raises:
        ConfigError: names the event and formats that hold it.
    """
    if value.start < 0:
        raise ConfigError(
            f"{path}: {name} cannot hold times before 0, got {value.label!r} at {value.start}; "
            "choose json, csv or tsv, or shift the events",
            stage="write",
        )
    return value
