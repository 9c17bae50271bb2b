"""WebVTT: one cue per event, its text is the label. Holds one file's events, without scores."""

from __future__ import annotations

import html
import re
from pathlib import Path

from avtext.formats.cues import check_text, cue_blocks
from avtext.formats.event_set import EventSet, losses, only_file, single
from avtext.formats.lines import check_span, event, fail, read_text
from avtext.formats.timestamps import clock
from avtext.storage import publish_text

_TAG = re.compile(r"<[^>\n]*>")  # voices, classes and karaoke times are not part of a label


def read_webvtt(path: Path) -> EventSet:
    """Events of the cues; comments, styles and regions are left aside.

    Raises:
        ConfigError: not WebVTT, or a malformed cue; names the line.
    """
    text = read_text(path)
    if not text.startswith("WEBVTT"):
        raise fail(path, 1, "a WebVTT file begins with WEBVTT")
    blocks = cue_blocks(path, text)
    return single(path, [event(path, c.line, c.start, c.end, _label(c.text)) for c in blocks])


def _label(text: str) -> str:
    """The text of a cue without tags, and without blank lines, which YouTube's captions begin or end with."""
    lines = html.unescape(_TAG.sub("", text)).split("\n")
    return "\n".join(line for line in lines if line.strip())


def write_webvtt(path: Path, events: EventSet) -> list[str]:
    """Publish the cues in order of time; returns what WebVTT cannot hold.

    Raises:
        ConfigError: several files, a time before 0, or a label with an empty line.
    """
    blocks = ["WEBVTT\n"]
    for one in sorted(only_file("vtt", path, events)):
        check_span(path, "vtt", one)
        text = html.escape(check_text(path, "vtt", one.label), quote=False)
        blocks.append(f"{clock(one.start)} --> {clock(one.end)}\n{text}\n")
    publish_text(path, "\n".join(blocks))
    return losses("vtt", events, holds=["silent"])
