"""Praat TextGrid: intervals and points on tiers; the text is the label, and an empty one is silence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from avtext.clip import Event
from avtext.formats.event_set import EventSet, losses, name_of, only_file, single
from avtext.formats.lanes import lanes_of
from avtext.formats.lines import check_label, check_span, event, fail, number, read_text
from avtext.storage import publish_text

# Praat reads only texts in quotes, flags and numbers that stand alone; all else in the file is comment, and so is
# a line from an exclamation mark on.
_TOKEN = re.compile(
    r'(?<!\S)!.*|"((?:[^"]|"")*)"|(<exists>|<absent>)|(?<!\S)([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?!\S)'
)
_DIGITS = 6  # of a second


class _Token(NamedTuple):
    line: int
    text: str | None
    flag: str | None
    value: float | None


class _Tokens:
    """The tokens of a file, asked for one by one."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._tokens = self._scan(text)

    @staticmethod
    def _scan(text: str) -> Iterator[_Token]:
        line, at = 1, 0
        for match in _TOKEN.finditer(text):
            line, at = line + text.count("\n", at, match.start()), match.start()
            quoted, flag, digits = match.groups()
            if match.group().startswith("!"):
                continue
            unquoted = quoted.replace('""', '"') if quoted is not None else None
            yield _Token(line, unquoted, flag, float(digits) if digits else None)

    def _next(self, what: str) -> _Token:
        token = next(self._tokens, None)
        if token is None:
            raise fail(self.path, None, f"ends where {what} is expected: the TextGrid is cut short")
        return token

    def text(self, what: str) -> tuple[int, str]:
        """A text in quotes and its line."""
        token = self._next(what)
        if token.text is None:
            raise fail(self.path, token.line, f"{what} must be a text in quotes")
        return token.line, token.text

    def value(self, what: str) -> float:
        """A number."""
        token = self._next(what)
        if token.value is None:
            raise fail(self.path, token.line, f"{what} must be a number")
        return number(self.path, token.line, what, token.value)

    def exists(self) -> bool:
        """Whether the flag says that there are tiers."""
        token = self._next("<exists>")
        if token.flag is None:
            raise fail(self.path, token.line, "<exists> or <absent> must say whether there are tiers")
        return token.flag == "<exists>"

    def count(self, what: str) -> int:
        """How many there are of something."""
        value = self.value(what)
        if value < 0 or not value.is_integer():
            raise fail(self.path, None, f"{what} must be a whole number, 0 or more, got {value:g}")
        return int(value)


def read_textgrid(path: Path) -> EventSet:
    """Events of all tiers, long or short form; points are events without a duration.

    Raises:
        ConfigError: not a TextGrid, cut short, or malformed; names the line.
    """
    tokens = _Tokens(path, read_text(path))
    kinds = [tokens.text("the file type")[1], tokens.text("the object class")[1]]
    if kinds != ["ooTextFile", "TextGrid"]:
        raise fail(path, 1, f'must begin with "ooTextFile" and "TextGrid", got {kinds}')
    tokens.value("xmin")  # of a part that was cut out; its times are still those of the whole
    end = tokens.value("xmax")
    events: list[Event] = []
    if tokens.exists():
        for _ in range(tokens.count("the number of tiers")):
            events += _tier(tokens)
    return single(path, events, durations={name_of(path): end} if end > 0 else {})


def _tier(tokens: _Tokens) -> list[Event]:
    line, kind = tokens.text("the tier's class")
    if kind not in ("IntervalTier", "TextTier"):
        raise fail(tokens.path, line, f"a tier must be an IntervalTier or a TextTier, got {kind!r}")
    tokens.text("the tier's name")
    tokens.value("the tier's xmin")
    tokens.value("the tier's xmax")
    events = []
    for _ in range(tokens.count("the number of intervals or points")):
        start = tokens.value("a time")
        end = tokens.value("an interval's end") if kind == "IntervalTier" else start
        line, text = tokens.text("a label")
        if text:
            events.append(event(tokens.path, line, start, end, text))
    return events


def write_textgrid(path: Path, events: EventSet) -> list[str]:
    """Publish a tier per label, and further ones where its events overlap; returns what Praat cannot hold.

    Raises:
        ConfigError: several files, a time before 0, or a label with a carriage return.
    """
    given = only_file("textgrid", path, events)
    for one in given:
        check_label(path, "textgrid", check_span(path, "textgrid", one).label, "\r")
    # As they are written: an interval that lasts no time, which Praat does not have, is none here either.
    values = [replace(one, start=round(one.start, _DIGITS), end=round(one.end, _DIGITS)) for one in given]
    known = next(iter(events.durations.values()), 0.0)
    last = round(max([known, *(one.end for one in values)]), _DIGITS) or 1.0  # Praat has no empty time
    lanes = lanes_of(one for one in values if one.duration > 0)
    points = lanes_of(one for one in values if one.duration == 0)
    tiers = [_intervals(name, lane, last) for name, lane in lanes.items()]
    tiers += [_points(name, lane, last) for name, lane in points.items()]
    head = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", _time(last)]
    publish_text(path, "\n".join([*head, "<exists>", str(len(tiers)), *tiers]) + "\n")
    return losses("textgrid", events, holds=["silent", "durations"])


def _intervals(name: str, lane: list[Event], last: float) -> str:
    """A tier that covers the whole time: silence between events is an empty interval."""
    rows, at = [], 0.0
    for one in lane:
        if one.start > at:
            rows += [_time(at), _time(one.start), '""']
        rows += [_time(one.start), _time(one.end), _quoted(one.label)]
        at = one.end
    if at < last:
        rows += [_time(at), _time(last), '""']
    return "\n".join(['"IntervalTier"', _quoted(name), "0", _time(last), str(len(rows) // 3), *rows])


def _points(name: str, lane: list[Event], last: float) -> str:
    rows = [row for one in lane for row in (_time(one.start), _quoted(one.label))]
    return "\n".join(['"TextTier"', _quoted(name), "0", _time(last), str(len(lane)), *rows])


def _time(seconds: float) -> str:
    return f"{seconds:.{_DIGITS}f}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
