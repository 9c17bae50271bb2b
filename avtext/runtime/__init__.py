"""Events without torch: numpy, numba, ONNX Runtime and PyAV.

Example:
    >>> from avtext.runtime import Runtime
    >>> runtime = Runtime("small")                                # doctest: +SKIP
    >>> for event in runtime("video.mp4"):                        # doctest: +SKIP
    ...     print(event.start, event.end, event.label, event.score)
"""

from avtext.runtime.runtime import Runtime

__all__ = ["Runtime"]
