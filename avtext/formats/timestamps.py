"""Clock times as subtitles write them: hours, minutes, seconds and milliseconds."""

from __future__ import annotations

import re
from pathlib import Path

from avtext.formats.lines import fail

_CLOCK = re.compile(r"(?:(\d{1,300}):)?([0-5]?\d):([0-5]?\d)[.,](\d{1,3})")  # hours fit a float


def clock(seconds: float, mark: str = ".") -> str:
    """``HH:MM:SS.mmm``, rounded to the millisecond.

    Args:
        seconds: not negative.
        mark: between seconds and milliseconds: ``.`` in WebVTT, ``,`` in SRT.

    Example:
        >>> clock(3661.5), clock(0.9996, ",")
        ('01:01:01.500', '00:00:01,000')
    """
    total, ms = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(total, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}{mark}{ms:03d}"


def parse_clock(path: Path, line: int, text: str) -> float:
    """Seconds of ``[HH:]MM:SS.mmm``; a comma is taken too.

    Raises:
        ConfigError: it is not such a time.

    Example:
        >>> parse_clock(Path("a.srt"), 2, "00:01:01,5")
        61.5
    """
    match = _CLOCK.fullmatch(text.strip())
    if not match:
        raise fail(path, line, f"a time must look like 00:01:02.500, got {text.strip()!r}")
    hours, minutes, seconds, part = match.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(part.ljust(3, "0")) / 1000
