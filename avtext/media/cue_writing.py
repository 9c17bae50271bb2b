"""Cues to subtitle files that players read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from avtext.clip import Cue
from avtext.errors import ConfigError
from avtext.formats.timestamps import clock
from avtext.storage import publish_text

HEADS = {".srt": "", ".vtt": "WEBVTT\n\n"}


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
    blocks = [f"{number}\n{_block(cue, kind)}\n" for number, cue in enumerate(cues, 1)]
    publish_text(path, HEADS[kind] + "\n".join(blocks))


def _block(cue: Cue, kind: str) -> str:
    mark = "," if kind == ".srt" else "."
    start, end = (max(0, round(seconds * 1000)) for seconds in (cue.start, cue.end))
    end = max(end, start + 1)  # a cue without length is not shown
    return f"{clock(start / 1000, mark)} --> {clock(end / 1000, mark)}\n{_inert(cue.text, kind)}"


def _inert(text: str, kind: str) -> str:
    """No empty line, which would end the cue, no arrow, which would begin another, and in WebVTT no tag."""
    text = text.replace("-->", "→")
    if kind == ".vtt":
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "\n".join(line for line in text.splitlines() if line.strip())
