"""Events with a detector in torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import torch

from avtext.detection import EventFinder
from avtext.detection.batch import check_options
from avtext.errors import InvalidInput
from avtext.media import Limits
from avtext.model import EventDetector, load_detector
from avtext.pipeline.acceleration import accelerate
from avtext.pipeline.hub import detector_folder
from avtext.pipeline.network import Precision, TorchNetwork, mind_forks
from avtext.pipeline.packing import ModulePickler

_PACKAGE = Path(__file__).resolve().parents[1]
DEFAULT_MODEL = next(
    (place for place in (_PACKAGE / "assets" / "model", _PACKAGE.parent / "assets" / "model") if place.is_dir()),
    _PACKAGE / "assets" / "model",
)


class Pipeline(EventFinder):
    """Finds events with one detector.

    Args:
        model: a trained detector.
        device: where it runs; ``"auto"`` takes a GPU where there is one.
        threshold: events with a lower score are left out.
        align: whether the clocks of sound and text are checked against the picture's.
        limits: what one file may cost; :class:`avtext.media.Limits`.
        cache: folder in which what was encoded of a file is kept; see :class:`avtext.detection.EventFinder`.
        skim: whether pictures are decoded only where something seems to happen; likewise.
        precision: ``"float32"``, ``"bfloat16"`` or ``"auto"``; see :class:`avtext.pipeline.network.TorchNetwork`.

    Example:
        >>> from avtext.data.scenes import SceneRecipe, make_scene
        >>> pipe = Pipeline.from_pretrained()
        >>> for event in pipe(make_scene(SceneRecipe(duration=(8.0, 8.0)), 3), classes=["cut", "flash"]):
        ...     print(f"{event.start:.1f} {event.end:.1f} {event.label}")
        0.6 0.8 cut
        2.7 2.8 flash
    """

    pickler = ModulePickler

    def __init__(
        self,
        model: EventDetector,
        *,
        device: str | torch.device = "auto",
        threshold: float = 0.0,
        align: bool = True,
        limits: Limits | None = None,
        cache: str | Path | None = None,
        skim: bool = False,
        precision: Precision = "auto",
    ) -> None:
        if precision not in get_args(Precision):
            raise InvalidInput(f"precision: must be one of {', '.join(get_args(Precision))}, got {precision!r}")
        self.device = _device(device)
        self.model = model.eval().to(self.device)
        network = TorchNetwork(self.model, precision)
        super().__init__(network, threshold=threshold, align=align, limits=limits, cache=cache, skim=skim)

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path | None = None,
        *,
        backend: str = "torch",
        int8: Sequence[str | Path] | None = None,
        **options: Any,
    ) -> Pipeline:
        """A pipeline with a stored model.

        Args:
            source: a model folder, or a hub id such as ``"someone/model"`` or ``"someone/model@revision"``, of which a
                copy fetched earlier is taken; None is the default model of the package.
            backend: what computes Wav2Vec2 and SlowFast: ``"torch"``, ``"onnxruntime"``, ``"openvino"``, or ``"auto"``
                for the fastest that is installed. Graphs are made at first and kept; see :mod:`avtext.backends`.
            int8: clips as those to come, on which they are calibrated for INT8; None for float32.
            options: those of the constructor.

        Raises:
            ModelError: there is no such model, or it is refused.
            InvalidInput: the model has no encoder to accelerate, the backend is none for the device, or an option is
                none.
            MissingExtra: the backend is not installed.
        """
        check_options(cls, options)
        _device(options.get("device", "auto"))  # told before a model is loaded for it
        mind_forks()
        pipe = cls(load_detector(DEFAULT_MODEL if source is None else detector_folder(source)), **options)
        accelerate(pipe.model, pipe.device, backend, int8)
        return pipe


def _device(device: str | torch.device) -> torch.device:
    name = str(device)
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, colon, index = name.partition(":")
    if kind not in ("cpu", "cuda") or (colon and not index.isdecimal()):
        raise InvalidInput(f"device: must be auto, cpu or cuda[:n], got {name!r}")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise InvalidInput(f"device: {name} was asked for but that GPU is not there: use cpu or auto")
    return torch.device(name)
