"""Where a run computes: CPU, one GPU or several, and in which precision (Lightning Fabric)."""

from __future__ import annotations

import importlib.util
import logging
from typing import Any

import torch

from avtext.errors import AvtextError, MissingExtra
from avtext.layers.precision import trains_in_bfloat16
from avtext.training.settings import TrainSettings

logger = logging.getLogger(__name__)


def accelerator_of(settings: TrainSettings) -> str:
    """``"cuda"`` or ``"cpu"``.

    Raises:
        AvtextError: a GPU was asked for but none is there.
    """
    if settings.accelerator == "cuda" and not torch.cuda.is_available():
        raise AvtextError("accelerator: cuda was asked for but no GPU is there: use accelerator=cpu or auto")
    if settings.accelerator == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return settings.accelerator


def check_lightning() -> None:
    """Nothing, where a run can begin; ask before clips are read, which takes minutes.

    Raises:
        MissingExtra: Lightning is not installed.
    """
    if importlib.util.find_spec("lightning") is None:
        raise MissingExtra.of("lightning", "train")


def begins_run() -> bool:
    """Whether this process is the first of its run, or the only one; the others belong to it.

    Raises:
        MissingExtra: Lightning is not installed.
    """
    check_lightning()
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    return rank_zero_only.rank == 0  # type: ignore[attr-defined]


def open_fabric(settings: TrainSettings) -> Any:
    """Lightning Fabric for the devices and the precision of a run, launched.

    Raises:
        MissingExtra: Lightning is not installed.
        AvtextError: a GPU was asked for but none is there.
    """
    check_lightning()
    from lightning.fabric import Fabric
    from lightning.fabric.strategies import DDPStrategy
    from lightning.fabric.utilities.rank_zero import rank_zero_module

    rank_zero_module.log.setLevel(logging.WARNING)  # it writes on a command's screen by itself
    accelerator = accelerator_of(settings)
    precision = settings.precision
    if precision == "auto":
        precision = "bf16-mixed" if trains_in_bfloat16(accelerator) else "32-true"
    logger.info("computes on %s, %s", accelerator, precision)
    strategy: Any = "auto"
    if settings.devices > 1:  # a modality that no clip of a batch has leaves its weights without a gradient
        strategy = DDPStrategy(find_unused_parameters=True)
    fabric = Fabric(accelerator=accelerator, devices=settings.devices, precision=precision, strategy=strategy)
    fabric.launch()
    return fabric
