"""What happens when in a video: sound, picture and words understood together, events out, in seconds.

Example:
    >>> from avtext import Event
    >>> Event(1.0, 2.5, "bell", 0.9).duration
    1.5
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avtext.clip import Clip, Cue, Event, Stream
    from avtext.detection import Failure, ProgressHook, Result
    from avtext.errors import AvtextError, MediaError
    from avtext.media import Limits
    from avtext.model import EventDetector
    from avtext.pipeline import Pipeline, Tensors
    from avtext.runtime import Runtime
    from avtext.timeline import ClockMap

# ONNX Runtime, from 1.29 on, tells its maker of each model unless this is set before anything imports it, as Lightning
# and torch do too; who wants that sets it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
__all__ = [
    "AvtextError",
    "Clip",
    "ClockMap",
    "Cue",
    "Event",
    "EventDetector",
    "Failure",
    "Limits",
    "MediaError",
    "Pipeline",
    "ProgressHook",
    "Result",
    "Runtime",
    "Stream",
    "Tensors",
    "__version__",
]

# Where each public name lives. They are imported when first asked for: `avtext --help` needs none of them.
_PLACES = {
    "AvtextError": "avtext.errors",
    "Clip": "avtext.clip",
    "ClockMap": "avtext.timeline",
    "Cue": "avtext.clip",
    "Event": "avtext.clip",
    "EventDetector": "avtext.model",
    "Failure": "avtext.detection",
    "Limits": "avtext.media",
    "MediaError": "avtext.errors",
    "Pipeline": "avtext.pipeline",
    "ProgressHook": "avtext.detection",
    "Result": "avtext.detection",
    "Runtime": "avtext.runtime",
    "Stream": "avtext.clip",
    "Tensors": "avtext.pipeline",
}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'avtext' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
