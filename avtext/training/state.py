"""Training state on disk: everything a run needs to go on as if it had never stopped, as safetensors."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from avtext.checkpoint import load_tensors, save_tensors
from avtext.errors import AvtextError, ModelError
from avtext.storage import publishing

logger = logging.getLogger(__name__)
NAMES = ("last.safetensors", "previous.safetensors")


def publish_state(
    folder: Path, model: nn.Module, average: nn.Module, optimizer: Optimizer, progress: dict[str, Any]
) -> None:
    """Write the state of a run; the one before it is kept as ``previous``.

    Args:
        folder: the run's folder.
        model: being trained.
        average: the moving average of its weights.
        optimizer: whose moments are kept.
        progress: plain values: step, best score, fingerprints of the settings and of the models it began with.
    """
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.state_dict().items()}
    for index, entry in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": torch.as_tensor(v) for k, v in entry.items()}
    last, previous = (folder / name for name in NAMES)
    with publishing(last) as temporary:
        save_tensors(temporary, tensors, {"progress": json.dumps(progress)})
        if last.exists():
            _also_named(last, previous)


def _also_named(path: Path, name: Path) -> None:
    """Give ``path`` a second name, in place of what had it; there is a whole state under ``path`` at any time."""
    link = name.with_name(f".{name.name}.part")
    link.unlink(missing_ok=True)
    try:
        link.hardlink_to(path)
    except OSError:  # a file system without second names
        shutil.copyfile(path, link)
    link.replace(name)


def restore_state(folder: Path, model: nn.Module, average: nn.Module, optimizer: Optimizer) -> dict[str, Any] | None:
    """Load the newest whole state into the given objects and return its progress; None where a run is new.

    A damaged state is reported and the one before it is taken.

    Raises:
        ModelError: there are states but none is whole, it is another model's, or the best weights are gone.
    """
    found = [folder / name for name in NAMES if (folder / name).exists()]
    for path in found:
        try:
            tensors, metadata = load_tensors(path)
        except AvtextError as error:
            logger.warning("%s: damaged, the state before it is taken: %s", path, error)
            continue
        if "progress" not in metadata:
            raise ModelError(f"{path}: not a training state: remove it or choose another out=")
        _load(path, tensors, model, average, optimizer)
        progress = json.loads(metadata["progress"])
        best = folder / "best"
        if progress.get("best", -1.0) >= 0 and not best.is_dir():
            raise ModelError(f"{best}: the best weights of this run are gone: put them back, or choose another out=")
        return progress
    if found:
        raise ModelError(f"{folder}: no state is whole: remove {', '.join(p.name for p in found)} to start again")
    return None


def _load(
    path: Path, tensors: dict[str, torch.Tensor], model: nn.Module, average: nn.Module, optimizer: Optimizer
) -> None:
    def part(prefix: str) -> dict[str, torch.Tensor]:
        return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}

    try:
        model.load_state_dict(part("model."))
        average.load_state_dict(part("average."))
    except RuntimeError as error:
        raise ModelError(
            f"{path}: the state of another model ({str(error).splitlines()[0]}): choose another out="
        ) from None
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in part("optimizer.").items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
