"""Which run a stored state is of: its settings, the weights of the models that they name, and the videos it learns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from avtext.checkpoint import weights_sha256
from avtext.data.sources import ClipSource
from avtext.errors import AvtextError, Code
from avtext.training.clips import videos_of
from avtext.training.settings import TrainSettings

if TYPE_CHECKING:
    from avtext.data.videos import Video


def identity_of(
    settings: TrainSettings, train: ClipSource | None = None, validation: ClipSource | None = None
) -> dict[str, Any]:
    """``run``: the settings as JSON; ``given``: by setting, the SHA-256 of the weights in the folder that it names;
    ``videos``: by setting, the SHA-256 of what its manifest says.
    """
    sources = {"train": train, "validation": validation}
    return {
        "run": settings.model_dump_json(exclude={"out", "workers"}),
        "given": {name: weights_sha256(folder) for name, folder in _folders(settings).items()},
        "videos": {name: _sha256_of(videos) for name, one in sources.items() if (videos := videos_of(one))},
    }


def check_same_run(settings: TrainSettings, stored: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Refuse to go on from the state of another run.

    Args:
        settings: of the run.
        stored: what :func:`identity_of` gave when the state was written; older versions knew no ``given``, and then
            no ``videos``.
        own: what it gives now.

    Raises:
        AvtextError: other settings, or other weights in a folder or other videos or labels in a manifest than those
            that the run began with.
    """
    again = "choose another out=, or remove it"
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
    for name, digest in stored.get("videos", {}).items():
        if digest != own["videos"].get(name):
            raise AvtextError(
                f"{settings.out}: holds the state of a run that began with other videos, labels or words than "
                f"{name}.manifest has now: {again}",
                code=Code.CONFIG,
            )


def _sha256_of(videos: Sequence[Video]) -> str:
    rows = [
        (
            video.name, video.duration, [(cue.start, cue.end, cue.text) for cue in video.cues], video.present,
            video.annotated,
            None if video.events is None else [(event.start, event.end, event.label) for event in video.events],
        )
        for video in videos
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _folders(settings: TrainSettings) -> dict[str, Path]:
    teacher = None if settings.distill is None else settings.distill.teacher
    return {name: path for name, path in (("init", settings.init), ("distill.teacher", teacher)) if path is not None}


def _same_settings(stored: str, own: str) -> bool:
    """Whether two runs have the same settings; one that an older version did not know stands at its default."""
    try:
        return TrainSettings.model_validate(json.loads(stored)) == TrainSettings.model_validate(json.loads(own))
    except ValidationError:
        return False
