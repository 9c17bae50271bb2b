"""Media files, read safely: any video or audio file becomes Clips, subtitles become Cues.

Nothing here imports FFmpeg or torch into the calling process: decoding happens in a child.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avtext.media.cues import find_cues, read_cues
    from avtext.media.options import Limits, MediaOptions
    from avtext.media.quality import MediaInfo, Quality
    from avtext.media.reader import MediaReader, embedded_cues, probe

__all__ = [
    "Limits",
    "MediaInfo",
    "MediaOptions",
    "MediaReader",
    "Quality",
    "embedded_cues",
    "find_cues",
    "probe",
    "read_cues",
]

# Where each public name lives. They are imported when first asked for: the child that decodes starts for every file.
_PLACES = {
    "Limits": "options",
    "MediaInfo": "quality",
    "MediaOptions": "options",
    "MediaReader": "reader",
    "Quality": "quality",
    "embedded_cues": "reader",
    "find_cues": "cues",
    "probe": "reader",
    "read_cues": "cues",
}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(f"avtext.media.{_PLACES[name]}"), name)
    raise AttributeError(f"module 'avtext.media' has no attribute {name!r}")
