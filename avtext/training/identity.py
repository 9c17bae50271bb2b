"""Which run a stored state is of: its settings, the weights of the models that they name, and the videos it learns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from avtext.checkpoint import weights_sha256
from avtext.data.kept import SCENE_SCHEMA
from avtext.data.sources import ClipSource
from avtext.errors import AvtextError, Code
from avtext.features.key import digest_of
from avtext.training.clips import videos_of
from avtext.training.settings import TrainSettings

if TYPE_CHECKING:
    from avtext.data.videos import Video


def identity_of(
    settings: TrainSettings, train: ClipSource | None = None, validation: ClipSource | None = None
) -> dict[str, Any]:
    """``run``: the settings as JSON; ``given``: by setting, the SHA-256 of the weights in the folder that it names;
    ``videos`` and ``files``: by setting, the SHA-256 of what its manifest says and of the files that it names;
    ``scenes``: by setting, the version of the scenes that it asks for.
    """
    videos = {"train": videos_of(train), "validation": videos_of(validation)}
    asked = {"train": settings.train, "validation": settings.validation}
    return {
        "run": settings.model_dump_json(exclude={"out", "workers"}),
        "given": {name: weights_sha256(folder) for name, folder in _folders(settings).items()},
        "videos": {name: _sha256_of(some) for name, some in videos.items() if some},
        "files": {name: digest_of([video.key.content for video in some]) for name, some in videos.items() if some},
        "scenes": {name: SCENE_SCHEMA for name, one in asked.items() if one is not None and one.scenes is not None},
    }


def check_same_run(settings: TrainSettings, stored: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Refuse to go on from the state of another run.

    Args:
        settings: of the run.
        stored: what :func:`identity_of` gave when the state was written; older versions knew less.
        own: what it gives now.

    Raises:
        AvtextError: other settings, or other weights in a folder, other videos or labels in a manifest, or other scenes
            than those that the run began with.
    """
    again = "choose another out=, or remove it"
    if not _same_settings(stored["run"], own["run"]):
        text = f"{settings.out}: holds the state of a run with other settings: {again}"
        raise AvtextError(text, code=Code.CONFIG)
    folders = _folders(settings)
    for key, told in (
        ("given", lambda name: f"other weights than {name} ({folders[name]}) has now"),
        ("videos", lambda name: f"other videos, labels or words than {name}.manifest has now"),
        ("files", lambda name: f"other content of the videos than {name}.manifest has now"),
        ("scenes", lambda name: f"other scenes than this version makes for {name}.scenes"),
    ):
        for name, kept in stored.get(key, {}).items():
            if kept != own[key].get(name):
                text = f"{settings.out}: holds the state of a run that began with {told(name)}: {again}"
                raise AvtextError(text, code=Code.CONFIG)


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
