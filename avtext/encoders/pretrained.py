"""Weights from a local folder or a hub id, through `transformers`: safetensors and JSON, never code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from avtext.errors import ConfigError, ModelError

# A pickle or a script is never fetched: a repository's other files stay where they are.
PATTERNS = ("*.json", "*.safetensors", "*.txt", "*.model")


def model_folder(source: str | Path) -> Path:
    """The local folder of a model: ``source`` itself, or the hub's copy on this machine, fetched if need be.

    Args:
        source: a folder, or a hub id ``owner/name`` or ``owner/name@revision``. A local folder of that name
            wins; a copy fetched earlier needs no network; with ``HF_HUB_OFFLINE=1`` the network is never
            tried.

    Raises:
        ModelError: there is no such folder, the id cannot be had, or it lacks ``config.json`` or safetensors.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return _complete(path, str(source))
    if not is_hub_id(source):
        raise ModelError(f"{source}: no such folder; give a folder with config.json and model.safetensors, or a hub id")
    return _complete(fetched(str(source)), str(source))


def is_hub_id(source: str | Path) -> bool:
    """Whether a source that is no folder reads as a hub id, and not as a path or a name in a folder that is there."""
    name = str(source).partition("@")[0]
    parts = name.split("/")
    if isinstance(source, Path) or len(parts) > 2 or not all(parts) or name[0] in ".~":
        return False
    return not name.endswith((".safetensors", ".bin", ".pt")) and (len(parts) == 1 or not Path(parts[0]).is_dir())


def fetched(source: str, patterns: Sequence[str] = PATTERNS) -> Path:
    """The copy of a hub id ``owner/name`` or ``owner/name@revision`` on this machine, fetched where there is none.

    Raises:
        ModelError: there is none, and the hub does not give it or is not to be asked (``HF_HUB_OFFLINE``).
    """
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    name, _, revision = source.partition("@")
    wanted: dict[str, Any] = {"revision": revision or None, "allow_patterns": [*patterns]}
    try:
        found = Path(snapshot_download(name, local_files_only=True, **wanted))
        if (found / "config.json").is_file() and any(found.glob("*.safetensors")):
            return found
    except OSError:
        pass  # not on this machine yet: ask the hub
    except HFValidationError as error:
        raise ModelError(f"{source}: neither a local folder nor a hub id (owner/name)") from error
    try:
        return Path(snapshot_download(name, etag_timeout=5.0, **wanted))
    except (OSError, HfHubHTTPError) as error:
        reason = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else first_line(error)
        raise ModelError(
            f"{source}: no local folder of this name, not fetched earlier, and the hub did not give it "
            f"({reason}); copy the model here and give its folder"
        ) from error


def _complete(folder: Path, source: str) -> Path:
    if not (folder / "config.json").is_file():
        raise ModelError(f"{source}: the folder has no config.json; it is no model that save_pretrained wrote")
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"{source}: no *.safetensors; pickled weights are never loaded: give a revision that has some "
            "(owner/name@revision), or convert the model with save_pretrained and give that folder"
        )
    return folder


def model_type(folder: Path) -> str:
    """What ``config.json`` says the model is, such as ``"wav2vec2"``; a ModelError if it says nothing."""
    try:
        content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return str(content["model_type"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{folder}: config.json is damaged or names no model_type ({first_line(error)})") from error


def read_config(kind: Any, folder: Path) -> Any:
    """The configuration in ``folder`` as class ``kind``; a ModelError where that class refuses it."""
    try:
        return kind.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # its own checks raise many types, some of them direct children of Exception
        raise ModelError(f"{folder}: config.json is refused ({first_line(error)})") from error


def load_weights(kind: Any, folder: Path, config: Any) -> Any:
    """``kind.from_pretrained(folder)`` in evaluation mode, where weights that are absent are an error.

    Args:
        kind: a model class or auto class of `transformers`.
        folder: what :func:`model_folder` gave.
        config: the configuration to build the model with.

    Raises:
        ModelError: the weights are damaged, of another shape, or some are absent.
    """
    from safetensors import SafetensorError

    try:
        with _quiet():
            model, report = kind.from_pretrained(
                folder,
                config=config,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise ModelError(f"{folder}: the weights cannot be loaded ({first_line(error)})") from error
    absent = sorted(key for key in report["missing_keys"] if "pooler" not in key)  # no feature here uses a pooler
    if absent:
        raise ModelError(f"{folder}: {len(absent)} weights are absent, such as {absent[0]}: the file is incomplete")
    return model.float().eval()


def settings_to_config(kind: Any, settings: Mapping[str, Any]) -> Any:
    """A configuration of class ``kind`` from plain settings; a key it does not know is a ConfigError."""
    unknown = sorted(set(settings) - set(kind().to_dict()) - {"model_type"})
    if unknown:
        raise ConfigError(f"config: {kind.__name__} has no setting {unknown[0]!r}; see its documentation")
    values = {key: value for key, value in settings.items() if key != "model_type"}
    try:
        return kind(**values)
    except Exception as error:  # its own checks raise many types, some of them direct children of Exception
        raise ConfigError(f"config: {kind.__name__} refuses the settings ({first_line(error)})") from error


def random_model(make: Callable[[Any], Any], config: Any) -> Any:
    """``make(config)``: random weights; settings that do not fit each other are a ConfigError."""
    try:
        return make(config)
    except (ValueError, TypeError, RuntimeError, ZeroDivisionError, IndexError, KeyError) as error:
        raise ConfigError(f"config: no {config.model_type} model can be built ({first_line(error)})") from error


def config_to_settings(config: Any) -> dict[str, Any]:
    """The settings of a configuration that decide what the model computes, as plain JSON values."""
    volatile = (
        "transformers_version",
        "_name_or_path",
        "name_or_path",
        "architectures",
        "dtype",
        "torch_dtype",
    )
    content = json.loads(config.to_json_string(use_diff=False))
    return {key: content[key] for key in sorted(content) if key not in volatile}


def learn_only_last(model: Any, blocks: Sequence[Any], count: int | None, above: Sequence[Any] = ()) -> None:
    """Freeze a network but its last blocks, and what comes after them.

    Args:
        model: a module.
        blocks: of it, in order.
        count: so many of them learn; None: the whole network does.
        above: modules after the last block; they learn where a block does.

    Raises:
        ConfigError: there are not so many blocks.
    """
    if count is None:
        return
    if not 0 <= count <= len(blocks):
        raise ConfigError(f"trained_blocks must be 0 to {len(blocks)}, or null for the whole network, got {count}")
    model.requires_grad_(False)
    for module in [*blocks[len(blocks) - count :], *above] if count else []:
        module.requires_grad_(True)


def together_on(device: Any, batch: int | None) -> int:
    """How many windows are computed together: ``batch``, or what pays on a ``torch.device``."""
    return batch if batch is not None else 1 if device.type == "cpu" else 8


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type where it has none; at most 200 characters."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Neither a progress bar nor the table of unused weights: what matters is checked and raised."""
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()
