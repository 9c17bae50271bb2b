"""Lines of subtitle files to timed text: SubRip, WebVTT, ASS and SSA, leniently, as players read them.

Parsers give what a line says and judge nothing; :mod:`avtext.media.cues` decides what is usable.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator
from typing import NamedTuple

_ASS_TAG = re.compile(r"\{(?:[^{}\\]*\\|[a-zA-Z]:)[^{}]*\}")  # and MicroDVD's {y:i}; SubRip files have both
_COMMENT = re.compile(r"\{[^{}\\]*\}")  # of ASS; elsewhere braces are text
_DRAWING = re.compile(r"\\p[1-9]")  # in a tag: what follows are the coordinates of a shape
_HTML_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.]*>")  # <b>, <c.yellow>, <v Roger>, and WebVTT's <00:01.000>
_RUBY = re.compile(r"<rt[^<>]*>[^<>]*(</rt>)?")  # how to pronounce what stands before it
_SPACE = re.compile(r"[ \t\u00a0]+")
_TIME = re.compile(r"\s*(-?)(?:(?:(\d+):)?(\d+):)?(\d+)(?:[.,:](\d+))?\s*")
_ASS_TIME = re.compile(r"\s*(-?)(\d+):(\d+):(\d+)[.:](\d+)\s*")
_ASS_COLUMNS = ("layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text")


class Line(NamedTuple):
    """A cue as written: the line it begins on, its times in seconds (None where unreadable), and its text."""

    number: int
    start: float | None
    end: float | None
    text: str

    def span(self) -> tuple[float, float] | None:
        """Its times, cut at time 0; None where they are unreadable, negative or reversed.

        Example:
            >>> Line(1, -1.0, 2.0, "a").span(), Line(1, 3.0, 2.0, "a").span()
            ((0.0, 2.0), None)
        """
        if self.start is None or self.end is None or not math.isfinite(self.start + self.end):
            return None
        start = max(self.start, 0.0)
        return (start, self.end) if self.end > start else None


def with_breaks(text: str) -> str:
    r"""A text of ASS with line breaks and blanks in the place of ``\N``, ``\n`` and ``\h``, and without comments in
    braces, which are its own.

    Example:
        >>> with_breaks(r"two{both short}\Nlines")
        'two\nlines'
    """
    text = text.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ")
    return _COMMENT.sub("", text)


def plain_text(text: str) -> str:
    r"""Strip ASS and HTML tags and control characters; lines are kept, empty ones are not.

    Example:
        >>> plain_text(r"{\an8}<i>Hello</i> &amp; goodbye")
        'Hello & goodbye'
    """
    if any(_DRAWING.search(tag) for tag in _ASS_TAG.findall(text)):
        return ""
    text = html.unescape(_HTML_TAG.sub("", _RUBY.sub("", _ASS_TAG.sub("", text))))
    text = "".join(c if c.isprintable() or c in "\n\t\u00a0" else " " for c in text)
    lines = (_SPACE.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def seconds_of(text: str, pattern: re.Pattern[str] = _TIME) -> float | None:
    """A time such as ``01:02:03,450``, with or without hours and minutes; None where it is not one."""
    match = pattern.fullmatch(text)
    if match is None or sum(len(part or "") for part in match.groups()) > 20:
        return None
    sign, hours, minutes, seconds, fraction = match.groups()
    value = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds)
    return round(value + float(f"0.{fraction or 0}"), 6) * (-1.0 if sign else 1.0)


def _times(line: str) -> tuple[float | None, float | None]:
    """The two times around an arrow; WebVTT puts settings behind the second."""
    before, _, after = line.partition("-->")
    return seconds_of(before), seconds_of((after.split() or [""])[0])


def read_srt(lines: list[str]) -> Iterator[Line]:
    """SubRip; numbers and blank lines may be missing, and blank lines may stand inside a text."""
    arrows = [number for number, line in enumerate(lines) if "-->" in line]
    for index, number in enumerate(arrows):
        last = index + 1 == len(arrows)
        text = [line.strip() for line in lines[number + 1 : len(lines) if last else arrows[index + 1]]]
        if len(text) > 1 and text[-1].isdigit() and not (last and text[-2]):
            text.pop()  # the number of the next cue, and not a text that is a number
        yield Line(number + 1, *_times(lines[number]), "\n".join(text).strip())


def read_vtt(lines: list[str]) -> Iterator[Line]:
    """WebVTT; a text ends at an empty line, so that notes and styles are left out. A blank one is part of it."""
    for number, line in enumerate(lines):
        if "-->" not in line:
            continue
        end = number + 1
        while end < len(lines) and lines[end] and "-->" not in lines[end]:
            end += 1
        text, meets = lines[number + 1 : end], end < len(lines) and lines[end]
        if meets and len(text) > 2 and text[-3].strip() and not text[-2].strip():
            text.pop()  # behind a blank line the last one is the name of the next cue
        yield Line(number + 1, *_times(line), "\n".join(map(str.strip, text)))


def read_ass(lines: list[str]) -> Iterator[Line]:
    """ASS and SSA; columns stand in the order that the file says."""
    columns, in_events = list(_ASS_COLUMNS), True
    for number, line in enumerate(lines):
        key, _, rest = line.strip().partition(":")
        key = key.strip().lower()
        if key.startswith("["):
            in_events = key.startswith("[events]")
        elif in_events and key == "format":
            columns = [column.strip().lower() for column in rest.split(",")]
        elif in_events and key == "dialogue":
            fields = dict(zip(columns, rest.split(",", len(columns) - 1), strict=False))
            start, end = (seconds_of(fields.get(name, ""), _ASS_TIME) for name in ("start", "end"))
            yield Line(number + 1, start, end, with_breaks(fields.get("text", "")))
