"""Edit decision list (CMX 3600), as editors import it: an edit per event, its label in a LOC comment.

Timecodes are frames, which is too coarse for an event's times; each edit therefore also carries the event in
a comment of ours, which is read back where it is present.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from avtext.clip import Event
from avtext.formats.event_set import EventSet, losses, only_file, single
from avtext.formats.lines import check_span, event, fail, number, read_text
from avtext.storage import publish_text

FRAME_RATE = 25  # frames per second of the timecodes that are written, and assumed where a file names none
_SLOWER = 1.001  # by which the rates of NTSC are below whole ones
_ROUNDED = 0.006  # frames per second by which such a rate is written rounded, as 23.98
_HOUR = 3600  # seconds, at which editors let timelines begin
_OURS = "* AVTEXT: "
# Of hours no more digits than a float holds.
_EDIT = re.compile(r"\d+\s+\S+\s+\S+\s+\S+(?:\s+\d+)?((?:\s+\d{1,300}:\d\d:\d\d[:;]\d\d){4})\s*")
_TIMECODE = re.compile(r"(\d+):(\d\d):(\d\d)([:;])(\d\d)")
_LABELS = (  # whatever their order in the file, the first of these that an edit has
    re.compile(r"\*\s*LOC:\s*\S+\s+\S+\s+(.+)"),
    re.compile(r"\*\s*COMMENT:\s*(.+)"),
    re.compile(r"\*\s*FROM CLIP NAME:\s*(.+)"),
)
_RATE = re.compile(r"\*\s*FRAME RATE:\s*(\S+)")


@dataclass
class _Edit:
    """An edit as its lines say it; ``ours`` is the line and the text of our comment."""

    line: int
    codes: list[str]  # record in and record out
    comments: list[str] = field(default_factory=list)
    ours: tuple[int, str] | None = None


def read_edl(path: Path) -> EventSet:
    """Events of the edits at their record times.

    Our comment is read where there is one; else the label is that of LOC, of COMMENT, or the clip's name. At 23.976,
    29.97 or 59.94 frames per second a timecode counts 24, 30 or 60 frames as a second, and so runs slow.

    Raises:
        ConfigError: a malformed edit, an edit without a label, or drop-frame timecode; names the line.
    """
    edits: list[_Edit] = []
    rate, rate_known = float(FRAME_RATE), False
    for k, line in enumerate(read_text(path).split("\n"), start=1):
        if match := _EDIT.fullmatch(line):
            edits.append(_Edit(k, match.group(1).split()[2:]))
        elif re.match(r"\d+\s", line):
            raise fail(path, k, "an edit is a number, a reel, a track, a transition and four timecodes")
        elif line.startswith("FCM:") and "NON" not in line:
            raise fail(path, k, "drop-frame timecode is not read; export the list as non-drop")
        elif match := _RATE.fullmatch(line.strip()):
            rate, rate_known = _frame_rate(path, k, match.group(1)), True
        elif edits and line.startswith(_OURS):
            edits[-1].ours = (k, line[len(_OURS) :])
        elif edits:
            edits[-1].comments.append(line.strip())
    events = [_event(path, edit, rate) for edit in edits]
    foreign = [one for one, edit in zip(events, edits, strict=True) if edit.ours is None]
    notes = []
    if foreign and not rate_known:
        notes.append(f"{path}: names no frame rate; {FRAME_RATE} frames per second were assumed")
    if foreign and min(foreign).start >= _HOUR:
        notes.append(
            f"{path}: begins at {_timecode(min(foreign).start)}; where the timeline does so and the video does not, "
            "let it begin at 00:00:00:00 and export the list again"
        )
    return single(path, events, notes=tuple(notes))


def _event(path: Path, edit: _Edit, rate: float) -> Event:
    if edit.ours is not None:
        line, text = edit.ours
        try:
            start, end, score, label = json.loads(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise fail(path, line, "must be start, end, score and label in JSON") from error
        return event(path, line, start, end, label, score)
    found = (pattern.fullmatch(comment) for pattern in _LABELS for comment in edit.comments)
    label = next((match.group(1) for match in found if match), None)
    if label is None:
        raise fail(path, edit.line, "the edit has no label: add a line like * LOC: 00:00:01:00 RED dog")
    start, end = (_seconds(path, edit.line, code, rate) for code in edit.codes)
    return event(path, edit.line, start, end, label)


def _frame_rate(path: Path, line: int, text: str) -> float:
    rate = number(path, line, "the frame rate", text)
    if rate <= 0:
        raise fail(path, line, f"the frame rate must be positive, got {text}")
    whole = round(rate)
    is_ntsc = rate != whole and abs(rate - whole / _SLOWER) < _ROUNDED
    return whole / _SLOWER if is_ntsc else rate


def _seconds(path: Path, line: int, code: str, rate: float) -> float:
    match = _TIMECODE.fullmatch(code)
    if match is None or match.group(4) == ";":
        raise fail(path, line, f"drop-frame timecode is not read, got {code}; export the list as non-drop")
    hours, minutes, seconds, _, frames = match.groups()
    counted = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return counted * (max(1, round(rate)) / rate) + int(frames) / rate


def write_edl(path: Path, events: EventSet) -> list[str]:
    """Publish an edit per event in order of time; returns what an edit list cannot hold.

    Raises:
        ConfigError: several files, or a time before 0.
    """
    values = sorted(only_file("edl", path, events))
    name = _one_line(next(iter(events.events)))
    lines = [f"TITLE: {name}", "FCM: NON-DROP FRAME", f"* FRAME RATE: {FRAME_RATE}", ""]
    for k, one in enumerate(values, start=1):
        check_span(path, "edl", one)
        start, end = _timecode(one.start), _timecode(one.end)
        lines += [
            f"{k:03d}  AX       AA/V  C        {start} {end} {start} {end}",
            f"* FROM CLIP NAME: {name}",
            f"* LOC: {start} RED     {_one_line(one.label)}",
            _OURS + json.dumps([one.start, one.end, one.score, one.label]),
            "",
        ]
    publish_text(path, "\n".join(lines))
    return losses("edl", events, holds=["scores", "silent"])


def _timecode(seconds: float) -> str:
    total, frame = divmod(round(seconds * FRAME_RATE), FRAME_RATE)
    return f"{total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}:{frame:02d}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
