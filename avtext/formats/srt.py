"""SubRip (SRT): one subtitle per event, its text is the label. Holds one file's events, without scores."""

from __future__ import annotations

from pathlib import Path

from avtext.errors import ConfigError
from avtext.formats.cues import ARROW, check_text, cue_blocks
from avtext.formats.event_set import EventSet, losses, only_file, single
from avtext.formats.lines import check_span, event, fail, read_text
from avtext.formats.timestamps import clock
from avtext.storage import publish_text


def read_srt(path: Path) -> EventSet:
    """Events of the subtitles.

    Raises:
        ConfigError: a malformed subtitle, or text and no subtitle at all; names the line.
    """
    text = read_text(path)
    blocks = list(cue_blocks(path, text, numbered=True))
    if not blocks and text.strip():
        raise fail(path, 1, "no subtitle found: a subtitle has a line like 00:00:01,000 --> 00:00:02,500")
    return single(path, [event(path, c.line, c.start, c.end, c.text) for c in blocks])


def write_srt(path: Path, events: EventSet) -> list[str]:
    """Publish the subtitles in order of time; returns what SRT cannot hold.

    Raises:
        ConfigError: several files, a time before 0, or a label with an empty line or an arrow.
    """
    blocks = []
    for k, one in enumerate(sorted(only_file("srt", path, events)), start=1):
        check_span(path, "srt", one)
        text = check_text(path, "srt", one.label)
        if ARROW in text:
            raise ConfigError(
                f"{path}: srt cannot hold the label {text!r} because {ARROW} marks a line of times; "
                "choose json, csv or vtt, or rename the label",
                stage="write",
            )
        blocks.append(f"{k}\n{clock(one.start, ',')} {ARROW} {clock(one.end, ',')}\n{text}\n")
    publish_text(path, "\n".join(blocks))
    return losses("srt", events, holds=["silent"])
