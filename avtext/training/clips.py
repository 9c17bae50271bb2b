"""The clips that :class:`avtext.training.settings.DataSettings` name, and the teacher who speaks about them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from avtext.checkpoint import read_model
from avtext.clip import STREAMS, Event, modality_of
from avtext.config import ModelSettings
from avtext.data.kept import KeptScenes
from avtext.data.sources import ClipSource, SceneSource
from avtext.distill import Teacher, check_same_task
from avtext.encoders import build_encoder
from avtext.errors import ConfigError
from avtext.features import FeatureCache, frozen_ones
from avtext.model import load_detector
from avtext.training.devices import accelerator_of
from avtext.training.settings import DataSettings, TrainSettings

if TYPE_CHECKING:
    from torch import nn

    from avtext.data.videos import Video, VideoSource


class HiddenEvent(UserWarning):
    """Labels of a video occur at once, but are exclusive; the message names them and says what is learnt."""


def open_clips(
    settings: DataSettings,
    model: ModelSettings,
    hook: Callable[[int, int, str], None] | None = None,
    *,
    device: str = "cpu",
) -> ClipSource:
    """A source of labelled clips.

    Args:
        settings: where they come from.
        model: for which they are; where its encoders are frozen (``features``), clips carry their features.
        hook: called as ``hook(number, count, path)`` before a video of a manifest is decoded.
        device: where frozen encoders compute features.

    Raises:
        ConfigError: the scenes have labels that the model lacks, or the manifest says something not allowed, or
            annotates only some labels of a video where they are exclusive.
        MediaError: a video of the manifest, or its transcript, cannot be read.
    """
    if settings.scenes is not None:
        unknown = [label for label in settings.scenes.available if label not in model.labels]
        if unknown:
            raise ConfigError(
                f"scenes: label {unknown[0]!r} is not one of the model's: add it to model.labels or name the "
                "wanted labels in scenes.labels"
            )
        return _open_scenes(SceneSource(settings.scenes, settings.first, settings.count), settings.cache, model, device)
    return _open_videos(settings, model, hook, device)


def _open_videos(
    settings: DataSettings, model: ModelSettings, hook: Callable[[int, int, str], None] | None, device: str
) -> VideoSource:
    """The videos of a manifest; see :func:`open_clips`."""
    from avtext.data.videos import open_videos

    assert settings.manifest is not None  # DataSettings has exactly one of the two
    cache = settings.cache or Path("cache")
    videos = open_videos(
        settings.manifest, model.labels, settings.window, cache, _encoders(model, device, STREAMS), hook
    )
    partly = [video.name for video in videos.videos if video.events is not None and video.annotated is not None]
    if partly and model.scheme == "exclusive":
        raise ConfigError(
            f"{settings.manifest}: only some labels of {partly[0]} are annotated, but the scheme 'exclusive' has one "
            "chain for all labels: annotate them all, or use model.scheme=overlapping"
        )
    if model.scheme == "exclusive":
        _tell_of_overlaps(settings.manifest, videos.videos, 1 / model.grid_rate)
    return videos


def _tell_of_overlaps(manifest: Path, videos: Sequence[Video], least: float) -> None:
    """Warn where labels that exclude each other occur at once for longer than ``least``, a step of the grid."""
    found = [(video, pair) for video in videos for pair in _at_once(video.events or (), least)]
    if found:
        video, (before, after) = found[0]
        count = len({video.name for video, _ in found})
        text = (
            f"{manifest}: {before.label!r} and {after.label!r} occur at once from {after.start:g} s on in "
            f"{video.name}, one of {len(found)} such places in {count} of {len(videos)} videos, but the scheme "
            "'exclusive' has one label at a time: there only the event that begins later is learnt: shorten events, or "
            "use model.scheme=overlapping"
        )
        warnings.warn(text, HiddenEvent, stacklevel=4)


def _at_once(events: Sequence[Event], least: float) -> Iterator[tuple[Event, Event]]:
    """Each event that begins before one of another label has ended, after that one."""
    latest: Event | None = None
    for event in sorted(events):
        if latest is not None and event.label != latest.label and min(event.end, latest.end) - event.start > least:
            yield latest, event
        latest = event if latest is None or event.end >= latest.end else latest


def check_clips(settings: TrainSettings, train: ClipSource, validation: ClipSource | None = None) -> None:
    """Refuse at once what a run would stop at, perhaps after hours.

    Args:
        settings: the run.
        train: clips to learn from.
        validation: clips to choose weights by.

    Raises:
        ConfigError: there is nothing to learn from, no term of the loss learns from it, nobody labelled one of its
            videos and there is no teacher, a video of the validation cannot be scored, or there is no validation to
            lose patience with.
    """
    if not len(train):
        raise ConfigError("train: has no clip: give at least one to learn from")
    if settings.distill is None and not _teaches(settings.model, train):
        raise ConfigError(
            "model.loss: no term that has a weight learns from these clips, for those beside crf, frame and alone "
            "compare modalities, or take labels without times: give one of the three a weight (crf needs decoder=crf)"
        )
    if settings.distill is None and settings.model.supervised:
        for video in videos_of(train):
            if (video.events is None and video.present is None) or video.annotated == ():
                raise ConfigError(
                    f"train: {video.name} is not labelled: label it, leave it out, or give distill.teacher"
                )
    if settings.patience is not None and validation is None:
        raise ConfigError("patience: counts evaluations, of which there are none: give validation, or leave it out")
    for video in videos_of(validation):
        if video.events is None or video.annotated is not None:
            raise ConfigError(
                f"validation: {video.name} cannot be scored: of some labels it is not known when they occur: leave it "
                "out, or label all its events"
            )


def _teaches(model: ModelSettings, train: ClipSource) -> bool:
    """Whether the loss can depend on any weight."""
    loss, modalities = model.loss, set(map(modality_of, model.encoders))
    if model.supervised or (model.compares and len(modalities) > 1):
        return True
    videos = videos_of(train)
    timed = all(video.present is None for video in videos) if videos else isinstance(train, SceneSource | KeptScenes)
    return loss.presence > 0 and not timed


def videos_of(source: ClipSource | None) -> Sequence[Video]:
    """The videos of a manifest that a source cuts its clips from; none where it has them from elsewhere."""
    from avtext.data.videos import VideoSource

    return source.videos if isinstance(source, VideoSource) else ()


def _encoders(model: ModelSettings, device: str, names: Collection[str]) -> dict[str, nn.Module]:
    chosen = {str(name): one for name, one in model.encoders.items() if name in names}
    return {name: build_encoder(one.name, one.options).to(device) for name, one in chosen.items()}


def _frozen(model: ModelSettings) -> list[str]:
    """The streams whose features are extracted once; no encoder is built to be asked."""
    return [name for name, one in model.encoders.items() if one.name == "features" and one.options.get("of")]


def _open_scenes(scenes: SceneSource, cache: Path | None, model: ModelSettings, device: str) -> ClipSource:
    """Scenes; kept where there is a cache, as features where the model's encoders are frozen."""
    if cache is None:
        return scenes
    return KeptScenes(scenes, FeatureCache(cache), frozen_ones(_encoders(model, device, _frozen(model))))


def check_models(settings: TrainSettings) -> None:
    """Refuse the models of ``init`` and ``distill.teacher`` before videos are read, which can take hours.

    Raises:
        ModelError: there is no such model, or it is refused.
        ConfigError: the teacher's labels, scheme or grid are not the student's.
    """
    if settings.init is not None:
        read_model(settings.init)
    if settings.distill is not None:
        check_same_task(load_detector(settings.distill.teacher).settings, settings.model)


def open_teacher(settings: TrainSettings) -> Teacher | None:
    """The teacher of a run, None where it has none; its encoders read a manifest's videos as they need them.

    Raises:
        ModelError: there is no such model, or it is refused.
        ConfigError: its labels, scheme or grid are not the student's.
    """
    if settings.distill is None:
        return None
    model = load_detector(settings.distill.teacher)
    check_same_task(model.settings, settings.model)
    return Teacher(model, _clips_for(model.settings, settings), settings.distill.cache)


def _clips_for(teacher: ModelSettings, settings: TrainSettings) -> ClipSource | None:
    """The student's clips with the streams that the teacher takes; None where the student's own have them."""
    train, student = settings.train, settings.model
    if train is None or teacher.encoders == student.encoders:
        return None
    device = accelerator_of(settings)
    if train.scenes is not None:
        return open_clips(train, teacher, device=device) if train.cache is not None and _frozen(student) else None
    theirs, ours = (_open_videos(train, model, None, device) for model in (teacher, student))
    return replace(theirs, windows=ours.windows)  # a video is as long as what is read of it
