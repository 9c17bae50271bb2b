"""The blocks that WebVTT and SRT share: a line of two times, then lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from avtext.errors import ConfigError
from avtext.formats.lines import fail
from avtext.formats.timestamps import parse_clock

ARROW = "-->"


class CueBlock(NamedTuple):
    """A cue: the line of its times (from 1), seconds, and its text."""

    line: int
    start: float
    end: float
    text: str


def cue_blocks(path: Path, text: str, *, numbered: bool = False) -> Iterator[CueBlock]:
    """Every cue of a subtitle text; what comes before a line of times in its block is left aside.

    Args:
        path: named in errors.
        text: of the file.
        numbered: as in SRT, where a number before times belongs to them, and a text goes on up to there, blank lines
            or not, as in players; in WebVTT an empty line ends it, and a blank one is part of it.

    Raises:
        ConfigError: a time is malformed, or a cue has no text.
    """
    lines = text.split("\n")
    k = 0
    while k < len(lines):
        if ARROW not in lines[k]:
            k += 1
            continue
        first, _, rest = lines[k].partition(ARROW)
        last = (rest.split() or [""])[0]  # settings may follow
        start, end = parse_clock(path, k + 1, first), parse_clock(path, k + 1, last)
        body = k + 1
        k = body
        while k < len(lines) and (numbered or lines[k]) and ARROW not in lines[k]:
            k += 1
        meets = k < len(lines) and ARROW in lines[k]
        said = _numberless(lines[body:k], meets) if numbered else _nameless(lines[body:k], meets)
        if not said:
            raise fail(path, body, "a cue has no text; the text is the label of the event")
        yield CueBlock(body, start, end, "\n".join(said))


def _numberless(lines: list[str], meets: bool) -> list[str]:
    """The lines of an SRT text that are not blank, without the number of the next cue, whose times it ``meets``."""
    num_blank = next((k for k, line in enumerate(reversed(lines)) if line.strip()), 0)
    said = lines[: len(lines) - num_blank]
    apart = len(said) > 1 and (not said[-2].strip() or (meets and num_blank == 0))
    if apart and said[-1].strip().isdecimal():
        said.pop()
    return [line for line in said if line.strip()]


def _nameless(lines: list[str], meets: bool) -> list[str]:
    """The lines of a WebVTT text, without the name of the next cue, which here stands behind a blank line."""
    named = meets and len(lines) > 2 and bool(lines[-3].strip()) and not lines[-2].strip()
    return lines[: len(lines) - named]


def check_text(path: Path, name: str, label: str) -> str:
    """``label``, refused where a block of a subtitle file cannot hold its line breaks.

    Raises:
        ConfigError: a carriage return, or a line that is empty or blank.
    """
    if "\r" in label or any(not line.strip() for line in label.split("\n")):
        raise ConfigError(
            f"{path}: {name} cannot hold the label {label!r} because an empty line ends a cue; "
            "choose json, or rename the label",
            stage="write",
        )
    return label
