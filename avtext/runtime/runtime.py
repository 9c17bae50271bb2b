"""From a file to events with ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

from avtext.detection import EventFinder
from avtext.media import Limits
from avtext.runtime.network import OnnxNetwork


class Runtime(EventFinder):
    """Finds events as :class:`avtext.Pipeline` does, without torch.

    Args:
        folder: a model folder that ``avtext compress`` made.
        threshold: events with a lower score are left out.
        align: whether the clocks of sound and text are checked against the picture's.
        limits: what one file may cost; :class:`avtext.media.Limits`.
        cache: folder in which what was encoded of a file is kept; see :class:`avtext.detection.EventFinder`.
        skim: whether pictures are decoded only where something seems to happen; likewise.
        threads: of ONNX Runtime; None takes all cores, or what ``OMP_NUM_THREADS`` says. Workers of :meth:`batch` take
            one each.

    Raises:
        ModelError: the folder is missing, damaged or of another kind.
        MissingExtra: ONNX Runtime is not installed.
        InvalidInput: ``threads`` is no whole number from 1 on.

    Example:
        >>> runtime = Runtime("small", threads=1)                 # doctest: +SKIP
        >>> len(runtime("video.mp4"))                             # doctest: +SKIP
        7
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        threshold: float = 0.0,
        align: bool = True,
        limits: Limits | None = None,
        cache: str | Path | None = None,
        skim: bool = False,
        threads: int | None = None,
    ) -> None:
        network = OnnxNetwork(folder, threads)
        super().__init__(network, threshold=threshold, align=align, limits=limits, cache=cache, skim=skim)
