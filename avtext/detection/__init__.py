"""From a file to events with any network: what the torch pipeline and the torch-free runtime share.

A network (:class:`avtext.detection.network.Network`) encodes windows and fuses chunks; reading, stitching, clocks,
decoding and what is reported are the same for all, in numpy.
"""

from avtext.detection.finder import EventFinder
from avtext.detection.hook import Hook
from avtext.detection.progress import ProgressHook
from avtext.detection.result import Failure, Result

__all__ = ["EventFinder", "Failure", "Hook", "ProgressHook", "Result"]
