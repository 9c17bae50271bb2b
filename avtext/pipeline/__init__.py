"""From a file to events with torch: :class:`Pipeline` and what it returns."""

from avtext.detection import Failure, ProgressHook, Result
from avtext.pipeline.pipeline import DEFAULT_MODEL, Pipeline
from avtext.pipeline.tensors import Tensors

__all__ = ["DEFAULT_MODEL", "Failure", "Pipeline", "ProgressHook", "Result", "Tensors"]
