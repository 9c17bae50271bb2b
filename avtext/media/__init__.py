"""Media files, read safely: any video or audio file becomes Clips, subtitles become Cues.

Nothing here imports FFmpeg or torch into the calling process: decoding happens in a child.
"""

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
