"""The model that commands use: with torch, or a folder for the runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from avtext.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from avtext.detection import EventFinder


class Computation(NamedTuple):
    """Where and by what a model is computed: the options of the same names."""

    device: str = "auto"
    backend: str = "torch"
    int8: Path | None = None


def load_finder(model: str | None, by: Computation, **options: Any) -> EventFinder:
    """The pipeline or the runtime of a model folder; ``options`` are those of both.

    Raises:
        ConfigError: a computation that is not for a model in ONNX.
        ModelError: the folder is missing, damaged or of another kind, or for torch, which is not installed.
    """
    from avtext.media.folder import media_files
    from avtext.runtime.folder import is_runtime_folder

    if model is not None and is_runtime_folder(model):
        if by.device not in ("auto", "cpu"):
            raise ConfigError(f"--device: {by.device}: a model in ONNX runs on the CPU: use auto or cpu")
        if by.backend != "torch" or by.int8 is not None:
            raise ConfigError("--backend, --int8: are for models in torch; this one is in ONNX already: leave them out")
        from avtext.runtime import Runtime

        return Runtime(model, **options)
    try:
        from avtext.pipeline import Pipeline
    except ModuleNotFoundError as error:
        if model is None:
            raise
        raise ModelError(
            f"{model}: not a whole model folder of avtext compress, and any other needs {error.name}, which is not "
            "installed: see that the folder is there, copy it again, or pip install -e . once more"
        ) from error

    clips = None if by.int8 is None else media_files(by.int8)
    return Pipeline.from_pretrained(model, backend=by.backend, int8=clips, device=by.device, **options)
