"""The one model of this package and the batches it takes; teacher and student are settings of it."""

from avtext.model.batch import Batch, BatchStream, collate
from avtext.model.detector import Encoded, EventDetector, Output
from avtext.model.folder import load_detector, save_detector
from avtext.model.objective import Losses

__all__ = [
    "Batch",
    "BatchStream",
    "Encoded",
    "EventDetector",
    "Losses",
    "Output",
    "collate",
    "load_detector",
    "save_detector",
]
