"""Cues to subtitle files that players read, and such files on another clock."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from avtext.clip import Cue
from avtext.errors import ConfigError
from avtext.formats.timestamps import clock
from avtext.media.captions import seconds_of
from avtext.media.cues import READERS, read_lines
from avtext.storage import publish_text

HEADS = {".srt": "", ".vtt": "WEBVTT\n\n"}
_MARKS = {".srt": ",", ".vtt": "."}  # between seconds and milliseconds
_VTT_TIME = re.compile(r"<(\d[\d:.]*)>")  # in a text: when the words behind it are said
_ASS_TIME = re.compile(r"(?<=[:,])\s*-?\d+:\d+:\d+[.:]\d+\s*(?=,)")


def write_cues(path: str | Path, cues: Sequence[Cue]) -> None:
    r"""Publish ``cues`` as SubRip or WebVTT, by the file's ending; times to a millisecond, of which each cue gets one.

    Raises:
        ConfigError: another ending.
        StorageError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.srt"
        >>> write_cues(path, [Cue(1.0, 2.5, "Hello")])
        >>> path.read_text()
        '1\n00:00:01,000 --> 00:00:02,500\nHello\n'
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in HEADS:
        raise ConfigError(f"{path}: subtitles are written as {' or '.join(HEADS)}")
    blocks = [f"{number}\n{_times(cue, kind)}\n{_inert(cue.text, kind)}\n" for number, cue in enumerate(cues, 1)]
    publish_text(path, HEADS[kind] + "\n".join(blocks))


def rewrite_cues(source: str | Path, target: str | Path, move: Callable[[Cue], Cue | None]) -> tuple[int, int]:
    r"""Publish a subtitle file again, each cue where ``move`` puts it; markup, styles, positions and notes stay.

    Cues whose times cannot be read are left out, as they are when read. Numbers of SubRip are given anew, and the times
    within a text of WebVTT go with their cue.

    Args:
        source: ``.srt``, ``.vtt``, ``.ass`` or ``.ssa``.
        target: written in the format of ``source``, as UTF-8.
        move: a cue, its text as written; None leaves it out.

    Returns:
        How many cues were written, and how many left out.

    Raises:
        MediaError: the source cannot be read.
        StorageError: the target cannot be written.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.srt"
        >>> _ = path.write_text("1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i>\n")
        >>> rewrite_cues(path, path, lambda cue: Cue(cue.start + 1, cue.end + 1, cue.text))
        (1, 0)
        >>> path.read_text()
        '1\n00:00:02,000 --> 00:00:03,500\n<i>Hello</i>\n'
    """
    lines, kind = read_lines(source), Path(source).suffix.lower()
    cues = list(READERS[kind](lines))
    firsts = [*(_first(lines, cue.number - 1, kind) for cue in cues), len(lines)]
    out, written = lines[: firsts[0]], 0
    for cue, (first, following) in zip(cues, pairwise(firsts), strict=True):
        at = cue.number - 1
        span = cue.span()
        moved = None if span is None else move(Cue(*span, cue.text))
        end = _end(lines, at, following, kind)
        if span is None or moved is None:
            out += lines[end:following]
            continue
        written += 1
        name = [str(written)] if kind == ".srt" and first < at else lines[first:at]
        text = [_timed_words(line, span[1], moved, move) if kind == ".vtt" else line for line in lines[at + 1 : end]]
        out += [*name, _retimed(lines[at], moved, kind), *text, *lines[end:following]]
    publish_text(target, "\n".join(out).rstrip() + "\n")
    return written, len(cues) - written


def _first(lines: list[str], at: int, kind: str) -> int:
    """The line that a cue begins on whose times are on line ``at``: a number or a name may stand above them."""
    above = lines[at - 1].strip() if at else ""
    numbered = above.isdecimal() and "-->" not in lines[max(at - 2, 0)]  # else it is the text of the cue before
    named = {".srt": numbered, ".vtt": at > 1 and above != "" and "-->" not in above}
    return at - named.get(kind, False)


def _end(lines: list[str], at: int, following: int, kind: str) -> int:
    """The line after its last one; in WebVTT notes and styles may stand between it and the next."""
    if kind == ".srt":
        return following
    return next((k + 1 for k in range(at, following) if kind != ".vtt" or not lines[k]), following)


def _retimed(line: str, cue: Cue, kind: str) -> str:
    """A line with the times of ``cue`` in the place of its own."""
    if kind in _MARKS:
        return " ".join([_times(cue, kind), *line.partition("-->")[2].split(maxsplit=1)[1:]])
    times = iter(clock(unit / 100).removeprefix("0")[:-1] for unit in _units(cue, 100))
    return _ASS_TIME.sub(lambda _: next(times), line, count=2)


def _timed_words(line: str, end: float, cue: Cue, move: Callable[[Cue], Cue | None]) -> str:
    """A line of a WebVTT text, of what was a cue up to ``end``, with the times in it where ``move`` puts them.

    Those that are no longer within the cue, as it may be at a break of the clock, go.
    """

    def moved(match: re.Match[str]) -> str:
        at = seconds_of(match[1])
        there = None if at is None or at > end else move(Cue(at, end, match[0]))
        if there is None or not cue.start <= there.start <= cue.end:
            return ""
        return f"<{clock(max(0.0, there.start))}>"

    return _VTT_TIME.sub(moved, line)


def _times(cue: Cue, kind: str) -> str:
    start, end = (clock(unit / 1000, _MARKS[kind]) for unit in _units(cue, 1000))
    return f"{start} --> {end}"


def _units(cue: Cue, per_second: int) -> tuple[int, int]:
    """When it starts and ends, at least one unit later: a cue without length is not shown."""
    start, end = (max(0, round(seconds * per_second)) for seconds in (cue.start, cue.end))
    return start, max(end, start + 1)


def _inert(text: str, kind: str) -> str:
    """No empty line, which would end the cue, no arrow, which would begin another, and in WebVTT no tag."""
    text = text.replace("-->", "→")
    if kind == ".vtt":
        text = html.escape(text, quote=False)
    return "\n".join(line for line in text.splitlines() if line.strip())
