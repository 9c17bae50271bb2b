"""Values in words for a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any


def clock_time(seconds: float) -> str:
    """Seconds as ``m:ss``, or with hours where there are any; for what is not to the point.

    Example:
        >>> clock_time(61.7), clock_time(36000)
        ('1:02', '10:00:00')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def shown_name(file: str) -> str:
    """The last part of a path; the whole where there is none."""
    return PurePosixPath(file).name or file


def quality_rows(quality: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The numbers of a quality block as names and values for a table: whole ones are counts, others seconds.

    Example:
        >>> quality_rows({"status": "ok", "frames_decoded": 600, "audio_decoded": 24.0004, "gaps": []})
        [('frames decoded', '600'), ('audio decoded', '24 s')]
    """
    return [
        (str(name).removeprefix("num_").replace("_", " "), _amount(value))
        for name, value in quality.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def _amount(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}".rstrip("0").rstrip(".") + " s"
