"""Text subtitles inside a container, read in the child process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import av

from avtext.media.account import Account
from avtext.media.captions import plain_text, with_breaks
from avtext.media.container import Source
from avtext.media.decoding import packets

_MAX_CUES = 100_000
_MAX_TEXT = 1000  # characters of one cue
_DEFAULT_SECONDS = 3.0  # where a container does not say how long a cue stays
_LONGEST = 600.0  # seconds that a cue is believed to stay


def subtitle_cues(
    source: Source, send: Callable[[dict[str, Any], dict[str, Any]], None]
) -> list[tuple[float, float, str]]:
    """``(start, end, text)`` in seconds of the first text subtitle stream, sorted; empty without one."""
    if not source.subtitles:
        return []
    cues: list[tuple[float, float, str]] = []
    for packet in packets(source, [source.subtitles[0]], Account(source), send):
        if packet.pts is not None and len(cues) < _MAX_CUES:
            cues.extend(_decoded(packet, source))
    return sorted(cues)


def _decoded(packet: Any, source: Source) -> list[tuple[float, float, str]]:
    try:
        subtitles = packet.stream.codec_context.decode2(packet)
    except (av.error.FFmpegError, ValueError):
        return []
    if subtitles is None:
        return []
    start = float(packet.pts * packet.time_base) - source.origin
    duration = float((packet.duration or 0) * packet.time_base) or subtitles.end_display_time / 1000.0
    end = start + (duration if 0 < duration < _LONGEST else _DEFAULT_SECONDS)
    texts = [plain_text(_spoken(rectangle))[:_MAX_TEXT] for rectangle in subtitles]
    return [(max(start, 0.0), end, text) for text in texts if text and end > 0]


def _spoken(rectangle: Any) -> str:
    """What is said: the ninth field of a line of ASS, or the plain text."""
    line = getattr(rectangle, "ass", b"").decode("utf-8", "replace")
    if line:
        return with_breaks(line.split(",", 8)[-1])
    return getattr(rectangle, "text", b"").decode("utf-8", "replace")
