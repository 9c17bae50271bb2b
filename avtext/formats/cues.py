"""The blocks that WebVTT and SRT share: a line of two times, then lines of text up to a blank one or new times."""

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
        numbered: as in SRT, where a blank line ends a cue, and without one a number on the line before times belongs
            to them; in WebVTT an empty line does, and a blank one is part of the text.

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
        while k < len(lines) and (lines[k].strip() if numbered else lines[k]) and ARROW not in lines[k]:
            k += 1
        if body == k:
            raise fail(path, body, "a cue has no text; the text is the label of the event")
        meets = k < len(lines) and ARROW in lines[k]
        if numbered:
            is_name = meets and k - body > 1 and lines[k - 1].strip().isdecimal()
        else:
            is_name = meets and k - body > 2 and bool(lines[k - 3].strip()) and not lines[k - 2].strip()
        yield CueBlock(body, start, end, "\n".join(lines[body : k - is_name]))


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
