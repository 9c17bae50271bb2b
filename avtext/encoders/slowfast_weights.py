"""Published weights of SlowFast: from a local checkpoint or the hub, tensors only, never code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from avtext.encoders.pretrained import first_line
from avtext.errors import ModelError
from avtext.storage import temporary_beside

HUB_ID = "slowfast_r50"


def read_weights(source: str | Path) -> dict[str, Tensor]:
    """Weights by name, of a local file or of the hub's ``HUB_ID``.

    Raises:
        ModelError: the file is missing, damaged or unsafe, or the hub cannot be reached.
    """
    path = Path(source).expanduser()
    if path.is_file():
        return _loaded(path, "give a whole one")
    if str(source) != HUB_ID:
        raise ModelError(f"{source}: no such file; give a SlowFast checkpoint or the hub id {HUB_ID!r}")
    return _loaded(_fetched(), "remove it, and it is fetched again")


def _loaded(path: Path, remedy: str) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
        weights = content.get("model_state", content)
        return {str(name): value for name, value in weights.items() if isinstance(value, Tensor)}
    except Exception as error:  # a damaged or hostile file makes the readers raise anything
        raise ModelError(f"{path}: damaged, or not only weights ({first_line(error)}); {remedy}") from error


def _fetched() -> Path:
    """The hub's checkpoint on this machine, fetched where it is not there yet."""
    from huggingface_hub import constants
    from pytorchvideo.models.hub.slowfast import checkpoint_paths

    url = checkpoint_paths[HUB_ID]
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if path.is_file():
        return path
    try:
        if constants.HF_HUB_OFFLINE:
            raise OSError("HF_HUB_OFFLINE is set")
        with temporary_beside(path) as temporary:
            torch.hub.download_url_to_file(url, str(temporary))
            _loaded(temporary, "it was perhaps cut short, try again")  # of which torch takes no notice
            temporary.replace(path)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{HUB_ID}: not fetched earlier and cannot be had ({first_line(error)}); give a local "
            f"checkpoint, or put {path.name} into {path.parent}"
        ) from error
    return path


def load_network(blocks: nn.ModuleList, weights: Mapping[str, Tensor], source: str) -> None:
    """Put a whole network's weights, whose head is left out, into ``blocks``.

    Raises:
        ModelError: they are of another network; names ``source``.
    """
    own = {name: value for name, value in weights.items() if not name.startswith(("blocks.5.", "blocks.6."))}
    for name, value in blocks.state_dict(prefix="blocks.").items():
        if name not in own and not name.endswith("num_batches_tracked"):
            raise ModelError(f"{source}: lacks {name}: not this SlowFast; its settings go into config")
        if name in own and own[name].shape != value.shape:
            raise ModelError(
                f"{source}: {name} has shape {tuple(own[name].shape)}, expected {tuple(value.shape)}: "
                "not this SlowFast; its settings go into config"
            )
    named = {name.removeprefix("blocks."): value for name, value in own.items()}
    unknown = blocks.load_state_dict(named, strict=False).unexpected_keys
    if unknown:
        raise ModelError(f"{source}: has {unknown[0]}, which this SlowFast has not; its settings go into config")
