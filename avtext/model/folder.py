"""A detector to a model folder and back."""

from __future__ import annotations

from pathlib import Path

from avtext.checkpoint import publish_model, read_model
from avtext.config import ModelSettings, parse
from avtext.errors import ConfigError, ModelError
from avtext.model.detector import EventDetector


def save_detector(folder: str | Path, model: EventDetector, card: str, *, half: bool = False) -> None:
    """Write ``model`` as ``model.safetensors``, ``config.json`` and the model card ``card`` (Markdown).

    Args:
        folder: where; replaced in one step.
        model: what to save.
        card: what it finds, what it learnt from, how well, what it cannot do.
        half: store weights as float16.

    Raises:
        StorageError: the folder cannot be written.
    """
    publish_model(folder, model.state_dict(), model.settings.model_dump(mode="json"), card, half=half)


def load_detector(folder: str | Path) -> EventDetector:
    """The model in a folder, in evaluation mode.

    Raises:
        ModelError: the folder is refused, or its weights are not those of its settings.
        ConfigError: its settings are not those of this version.
    """
    config, tensors = read_model(folder)
    settings = parse(ModelSettings, config, str(folder))
    try:
        model = EventDetector(settings)
    except ConfigError as error:
        raise ConfigError(f"{folder}: config.json: {error.message}") from None
    except (RuntimeError, MemoryError) as error:  # a size of billions, which torch is the first to notice
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{folder}: no model can be built from its config.json: {reason}") from None
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{folder}: the weights are not those of its config.json: {reason}") from None
    return model.eval()
