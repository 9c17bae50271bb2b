"""Maps between the clocks of audio, video and text, found from embeddings, with a confidence; without torch."""

from avtext.alignment.joint import align_jointly
from avtext.alignment.pairwise import Alignment, align
from avtext.alignment.settings import AlignmentSettings
from avtext.alignment.subtitles import retime, sync_cues

__all__ = ["Alignment", "AlignmentSettings", "align", "align_jointly", "retime", "sync_cues"]
