"""Reading text, numbers and events with errors that name the file and the line."""

from __future__ import annotations

import codecs
import math
from pathlib import Path

from avtext.clip import Event
from avtext.errors import ConfigError, InvalidInput

_LATEST = 1e12  # seconds, up to which milliseconds are exact
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


Place = int | str | None  # in a file: a line (from 1), or words such as "record 2, event 1"; None: the file as a whole


def fail(path: Path, place: Place, message: str) -> ConfigError:
    """The error for ``message`` at a place of ``path``.

    Example:
        >>> str(fail(Path("a.csv"), 3, "no end")), str(fail(Path("a.json"), "task 2", "no end"))
        ('a.csv: line 3: no end', 'a.json: task 2: no end')
    """
    words = f"line {place}" if isinstance(place, int) else place
    return ConfigError(f"{path}: {message}" if words is None else f"{path}: {words}: {message}", stage="read")


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


def number(path: Path, place: Place, what: str, text: object) -> float:
    """A finite number.

    Raises:
        ConfigError: it is not one.
    """
    try:
        value = float(str(text))
    except ValueError as error:
        raise fail(path, place, f"{what} must be a number, got {text!r}") from error
    if not math.isfinite(value):
        raise fail(path, place, f"{what} must be finite, got {text!r}")
    return value


def seconds(path: Path, place: Place, what: str, text: object) -> float:
    """How long a file lasts.

    Raises:
        ConfigError: it is no finite number, or negative.
    """
    value = number(path, place, what, text)
    if value < 0:
        raise fail(path, place, f"{what} must not be negative, got {text!r}")
    return value


def event(path: Path, place: Place, start: object, end: object, label: object, score: object = 1.0) -> Event:
    """An event of a file's row or record; ``score`` None or blank is 1.

    Raises:
        ConfigError: a value is missing or out of range; says which, where, and what is allowed.
    """
    if not isinstance(label, str) or not label:
        raise fail(path, place, f"an event needs a label that is not empty, got {label!r}")
    sure = 1.0 if score is None or score == "" else number(path, place, "score", score)
    begins, ends = number(path, place, "start", start), number(path, place, "end", end)
    try:
        return Event(begins, ends, label, sure)
    except InvalidInput as error:
        raise fail(path, place, error.message) from error


def check_label(path: Path, name: str, label: str, forbidden: str, what: str = "label") -> str:
    """``label``, or what else of this kind, refused where it has a character that the format cannot hold.

    Raises:
        ConfigError: names it, the character and a format that holds it.
    """
    found = sorted({character for character in label if character in forbidden})
    if found:
        raise ConfigError(
            f"{path}: {name} cannot hold the {what} {label!r} because of {', '.join(map(repr, found))}; "
            f"choose json, or rename the {what}",
            stage="write",
        )
    return label


def check_span(path: Path, name: str, value: Event) -> Event:
    """``value``, refused where it begins before 0, or ends so late that no clock counts it, and the format has no such
    times.

    Raises:
        ConfigError: names the event and formats that hold it.
    """
    wrong = "before 0" if value.start < 0 else f"of more than {_LATEST:g} seconds" if value.end > _LATEST else ""
    if wrong:
        at = value.start if value.start < 0 else value.end
        raise ConfigError(
            f"{path}: {name} cannot hold times {wrong}, got {value.label!r} at {at}; "
            "choose json, csv or tsv, or shift the events",
            stage="write",
        )
    return value
