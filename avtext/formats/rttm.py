"""RTTM of diarization: one SPEAKER line per event, whose speaker is the label; spaces are written as %20."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from avtext.clip import Event
from avtext.errors import counted
from avtext.formats.event_set import EventSet, losses
from avtext.formats.lines import event, fail, number, read_text
from avtext.storage import publish_text

_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_BLANK = re.compile(r"[\s%]")
_DIGITS = 9  # of a second: 0.1 + 0.2 ends where 0.3 begins


def read_rttm(path: Path) -> EventSet:
    """Events of the SPEAKER lines; other kinds of lines are left aside and noted.

    Raises:
        ConfigError: a line with too few fields, or a malformed number; names the line.
    """
    found: dict[str, list[Event]] = {}
    other = 0
    for k, line in enumerate(read_text(path).split("\n"), start=1):
        fields = line.split()
        if not fields or fields[0].startswith(";;"):
            continue
        if fields[0] != "SPEAKER":
            other += 1
            continue
        if len(fields) < 8:
            raise fail(path, k, "a SPEAKER line has type, file, channel, start, duration, two <NA> and a name")
        start, length = (number(path, k, *pair) for pair in (("start", fields[3]), ("duration", fields[4])))
        score = fields[8] if len(fields) > 8 and fields[8] != "<NA>" else None
        end = round(start + length, _DIGITS)
        one = event(path, k, start, end, _unescape(fields[7]), score)
        found.setdefault(_unescape(fields[1]), []).append(one)
    notes = (f"{path}: left aside: {counted(other, 'line')} of other kinds than SPEAKER",) if other else ()
    return EventSet({name: tuple(values) for name, values in found.items()}, notes=notes)


def write_rttm(path: Path, events: EventSet) -> list[str]:
    """Publish the lines; returns what RTTM cannot hold."""
    lines = [
        f"SPEAKER {_escape(file)} 1 {one.start:.6f} {one.duration:.6f} <NA> <NA> {_escape(one.label)} "
        f"{_score(one)} <NA>\n"
        for file, values in events.events.items()
        for one in values
    ]
    publish_text(path, "".join(lines))
    return losses("rttm", events, holds=["scores"])


def _score(one: Event) -> str:
    return "<NA>" if one.score == 1.0 else repr(float(one.score))


def _escape(text: str) -> str:
    return _BLANK.sub(lambda match: quote(match.group(), safe=""), text)


def _unescape(text: str) -> str:
    """Runs of ``%XX`` as UTF-8; what does not decode stays as it is."""

    def decode(match: re.Match[str]) -> str:
        try:
            return bytes.fromhex(match.group().replace("%", "")).decode("utf-8")
        except UnicodeDecodeError:
            return match.group()

    return _ESCAPED.sub(decode, text)
