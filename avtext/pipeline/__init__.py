"""From a file to events with torch: :class:`Pipeline` and what it returns."""

from avtext.detection import Failure, Result
from avtext.pipeline.pipeline import DEFAULT_MODEL, Pipeline

__all__ = ["DEFAULT_MODEL", "Failure", "Pipeline", "Result"]
