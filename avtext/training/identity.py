"""Which run a stored state is of: its settings, and the weights of the models that they name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from avtext.checkpoint import weights_sha256
from avtext.errors import AvtextError, Code
from avtext.training.settings import TrainSettings


def identity_of(settings: TrainSettings) -> dict[str, Any]:
    """``run``: the settings as JSON; ``given``: by setting, the SHA-256 of the weights in the folder that it names."""
    return {
        "run": settings.model_dump_json(exclude={"out", "workers"}),
        "given": {name: weights_sha256(folder) for name, folder in _folders(settings).items()},
    }


def check_same_run(settings: TrainSettings, stored: Mapping[str, Any]) -> None:
    """Refuse to go on from the state of another run.

    Args:
        settings: of the run.
        stored: what :func:`identity_of` gave when the state was written; older versions knew no ``given``.

    Raises:
        AvtextError: other settings, or other weights in a folder than those that the run began with.
    """
    own, again = identity_of(settings), "choose another out=, or remove it"
    if not _same_settings(stored["run"], own["run"]):
        text = f"{settings.out}: holds the state of a run with other settings: {again}"
        raise AvtextError(text, code=Code.CONFIG)
    for name, digest in stored.get("given", {}).items():
        if digest != own["given"][name]:
            raise AvtextError(
                f"{settings.out}: holds the state of a run that began with other weights than {name} "
                f"({_folders(settings)[name]}) has now: {again}",
                code=Code.CONFIG,
            )


def _folders(settings: TrainSettings) -> dict[str, Path]:
    teacher = None if settings.distill is None else settings.distill.teacher
    return {name: path for name, path in (("init", settings.init), ("distill.teacher", teacher)) if path is not None}


def _same_settings(stored: str, own: str) -> bool:
    """Whether two runs have the same settings; one that an older version did not know stands at its default."""
    try:
        return TrainSettings.model_validate(json.loads(stored)) == TrainSettings.model_validate(json.loads(own))
    except ValidationError:
        return False
