"""Subtitle and transcript files to Cues: SubRip, WebVTT, ASS, SSA, and JSON with timed words."""

from __future__ import annotations

import codecs
import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from avtext.clip import Cue
from avtext.errors import Code, MediaError, counted
from avtext.media.captions import Line, plain_text, read_ass, read_srt, read_vtt
from avtext.media.opening import existing_file, shown

_LOG = logging.getLogger(__name__)
_MAX_BYTES = 64 << 20
_INNER_BREAK = re.compile("[\v\f\x1c-\x1e\x85\u2028\u2029]")  # within a line of the file, though not for str.splitlines
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like UTF-16: tried first
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
READERS: dict[str, Callable[[list[str]], Iterator[Line]]] = {
    ".srt": read_srt,
    ".vtt": read_vtt,
    ".ass": read_ass,
    ".ssa": read_ass,
}
BESIDE = (*READERS, ".words.json")  # what is looked for beside a video


def find_cues(video: str | Path) -> Path | None:
    """The subtitle file of the same name beside a video: .srt, .vtt, .ass, .ssa or .words.json; or None.

    An ending in capitals counts where there is none in small letters.
    """
    video = Path(video)
    if not video.name:  # a root or the current folder: nothing has its name
        return None
    names = (video.stem + suffix for suffix in (*BESIDE, *map(str.upper, BESIDE)))
    paths = map(video.with_name, names)
    return next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113  (is_file raises for a long name)


def read_cues(path: str | Path) -> tuple[Cue, ...]:
    r"""Read timed text, sorted by time, without markup.

    The encoding is found from a byte order mark, or UTF-16 without one from the zero in its first letter; else UTF-8 is
    tried, else Windows-1252, with a warning. A cue whose times cannot be read, or that ends before it starts or before
    time 0, is left out and a warning logged; one that starts before 0 is cut. A file without cues is a normal case.

    Args:
        path: ``.srt``, ``.vtt``, ``.ass``, ``.ssa``; or ``.json`` with ``[{"word", "start", "end"}, ...]``,
            one cue per word, or with ``{"segments": [{"text", "start", "end"}, ...]}``, one per segment.

    Raises:
        MediaError: there is no such file, its kind is not read, or it is not what its name says.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.srt"
        >>> _ = path.write_text("1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i>\n")
        >>> read_cues(path)
        (Cue(start=1.0, end=2.5, text='Hello'),)
    """
    name = shown(path)
    suffix = Path(path).suffix.lower()
    if suffix not in READERS and suffix != ".json":
        kinds = ", ".join((*READERS, ".json"))
        message = f"{name}: a transcript needs times; {kinds} are read, not {suffix or 'a file without a suffix'}"
        raise MediaError(message, code=Code.UNSUPPORTED, stage="open")
    if suffix == ".json":
        return _usable(name, _json_lines(name, _content(path)), "in entry")
    return _usable(name, READERS[suffix](read_lines(path)), "on line")


def read_lines(path: str | Path) -> list[str]:
    """The lines of a subtitle file as they are, without their ends; for encodings see :func:`read_cues`.

    Raises:
        MediaError: there is no such file, or it is not text.
    """
    name = shown(path)
    text = _decoded(name, _content(path))
    if "\x00" in text:
        message = f"{name}: holds binary data, not subtitles"
        raise MediaError(message, code=Code.NOT_MEDIA, stage="open")
    return _INNER_BREAK.sub(" ", text).splitlines()


def _content(path: str | Path) -> bytes:
    with open(existing_file(path), "rb") as handle:  # noqa: PTH123  (a path may hold bytes that are not UTF-8)
        content = handle.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        message = f"{shown(path)}: subtitles of more than {_MAX_BYTES >> 20} MiB are not read"
        raise MediaError(message, code=Code.TOO_LARGE, stage="open")
    return content


def _decoded(name: str, content: bytes) -> str:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    if len(content) > 3 and (content[0] == 0) != (content[1] == 0):  # UTF-16 without a mark: every other byte is 0
        return content.decode("utf-16-be" if content[0] == 0 else "utf-16-le", "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        _LOG.warning("%s: is no UTF-8: read as Windows-1252; if its letters come out wrong, save it as UTF-8", name)
        return content.decode("cp1252", "replace")


def _usable(name: str, lines: Iterable[Line], place: str) -> tuple[Cue, ...]:
    """The cues that can be shown; the others are counted, and the ``place`` of the first is told in a warning."""
    cues, refused = [], []
    for line in lines:
        text, span = plain_text(line.text), line.span()
        if span is None:
            refused.append(line.number)
        elif text:
            cues.append(Cue(*span, text))
    if refused:
        _LOG.warning(
            "%s: %d of %s left out, the first %s %d: unreadable, negative or reversed times",
            name, len(refused), counted(len(refused) + len(cues), "cue"), place, refused[0],
        )  # fmt: skip
    return tuple(sorted(cues))


def _json_lines(name: str, content: bytes) -> Iterator[Line]:
    try:
        value = json.loads(_decoded(name, content)) if content.strip() else []
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        message = f"{name}, line {line}: not JSON ({error}); timed words or segments are needed"
        raise MediaError(message, code=Code.NOT_MEDIA, stage="open") from error
    if isinstance(value, dict):
        value = value.get("segments", value.get("words"))
    if not isinstance(value, list):
        message = f'{name}: needs a list of {{"word", "start", "end"}} or {{"segments": [...]}}'
        raise MediaError(message, code=Code.NOT_MEDIA, stage="open")
    for number, entry in enumerate(value, 1):
        yield _json_line(name, number, entry)


def _json_line(name: str, number: int, entry: Any) -> Line:
    text = entry.get("word", entry.get("text")) if isinstance(entry, dict) else None
    if not isinstance(text, str):
        message = f'{name}, entry {number}: needs "word" or "text" beside "start" and "end"'
        raise MediaError(message, code=Code.NOT_MEDIA, stage="open")
    return Line(number, _number(entry.get("start")), _number(entry.get("end")), text)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None
