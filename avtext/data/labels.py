"""From anybody's label files to a manifest: which labels belong to which video."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from avtext.clip import Event
from avtext.data.manifest import Entry, check_times, read_manifest
from avtext.errors import ConfigError
from avtext.formats.event_set import EventSet, losses
from avtext.media.folder import MEDIA_SUFFIXES, media_files
from avtext.metrics.names import composed
from avtext.storage import publish_text

SUFFIX = ".jsonl"
Groups = Mapping[str, list[Path]]


def write_manifest(path: str | Path, events: EventSet, videos: str | Path) -> list[str]:
    """Publish a manifest of the videos that ``events`` is about; returns in words what it leaves out.

    A name in ``events`` stands for the video of that path, or else of that file name, or of that stem (also with the
    ``v_`` before it that ActivityNet's files have); a single set without a name for the only video there is. Paths are
    written relative to the manifest.

    Args:
        path: to be written, JSON lines.
        events: from any file or folder of labels.
        videos: a folder with the videos in it or below it, or a single video.

    Raises:
        ConfigError: no video, no label belongs to one, or two names mean the same; or an event has no length or
            impossible times, which cannot be learnt; or a video's path is not UTF-8.
        StorageError: the manifest cannot be written.
    """

    def told(name: str, video: Path) -> dict[str, Any]:
        return {"events": _rows(video, sorted(events.events[name]))}

    notes = _publish(Path(path), events.events, Path(videos), told, events.named)
    return [*losses("a manifest", EventSet(events.events), holds=["silent"]), *notes]


def write_weak_manifest(path: str | Path, labels: Mapping[str, Sequence[str]], videos: str | Path) -> list[str]:
    """As :func:`write_manifest`, of videos of which is known what occurs in them and not when.

    Args:
        path: to be written, JSON lines.
        labels: of each video, none where nothing occurs; :func:`avtext.formats.tables.read_weak_labels` reads them.
        videos: a folder with the videos in it or below it, or a single video.

    Raises:
        ConfigError: as :func:`write_manifest`.
        StorageError: the manifest cannot be written.
    """
    return _publish(Path(path), labels, Path(videos), lambda name, _: {"labels": list(labels[name])}, named=True)


def _publish(
    path: Path, known: Collection[str], videos: Path, told: Callable[[str, Path], dict[str, Any]], named: bool
) -> list[str]:
    """Write what is ``told`` of each video that a ``known`` name means; what is left out, in words."""
    files = _videos(videos)
    if not known:
        raise ConfigError(f"{path}: there is no label for any video: give a file of labels with rows", stage="write")
    names = _names_by_video(path, known, files, named)
    strange = set(known).difference(names.values())
    notes = [f"{name}: no such video in {videos}: left out" for name in known if name in strange]
    if not names:
        raise ConfigError(f"{path}: {notes[0]}: name the labels' files as the videos", stage="write")
    lines = [{"path": _relative(video, path.parent), **told(name, video)} for video, name in sorted(names.items())]
    publish_text(path, "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in lines))
    return [*notes, *(f"{video}: has no labels: left out" for video in files if video not in names)]


def _videos(place: Path) -> list[Path]:
    return [place] if place.is_file() else media_files(place)


def _names_by_video(manifest: Path, known: Collection[str], files: list[Path], named: bool) -> dict[Path, str]:
    nameless = not named and len(files) == len(known) == 1
    by_name, by_stem = _grouped(files, lambda file: file.name), _grouped(files, lambda file: file.stem)
    names: dict[Path, str] = {}
    for name in known:
        video = files[0] if nameless else _video_of(name, by_name, by_stem, named)
        if video in names:
            raise ConfigError(
                f"{manifest}: {names[video]} and {name} would both be {video}: give labels the names of their videos, "
                "or leave one out",
                stage="write",
            )
        if video is not None:
            names[video] = name
    return names


def _grouped(files: list[Path], key: Callable[[Path], str]) -> Groups:
    groups: dict[str, list[Path]] = {}
    for file in files:
        groups.setdefault(composed(key(file)), []).append(file)
    return groups


def _video_of(name: str, by_name: Groups, by_stem: Groups, named: bool) -> Path | None:
    """The video that a name in a label file, or of one that was not ``named``, means.

    A label file's own name has lost its ending, and what looks like another belongs to it: ``a.b.txt`` is not of
    ``a.mp4``, but ``a.wav.txt`` is.

    Raises:
        ConfigError: it may mean several.
    """
    path = PurePosixPath(composed(name).replace("\\", "/"))
    word = path.name
    stem = path.stem if named or path.suffix.lower() in MEDIA_SUFFIXES else word
    alike = by_name.get(word, [])
    for meant in (
        [file for file in alike if tuple(map(composed, file.parts[-len(path.parts) :])) == path.parts],
        alike,
        [*by_stem.get(word, []), *by_stem.get(f"v_{word}", [])],
        by_stem.get(stem, []),
    ):
        if len(meant) > 1:
            raise ConfigError(f"{name}: may be {' or '.join(map(str, meant[:3]))}: give files names of their own")
        if meant:
            return meant[0]
    return None


def _rows(video: Path, events: Sequence[Event]) -> list[dict[str, Any]]:
    rows = [{"start": round(e.start, 6), "end": round(e.end, 6), "label": e.label} for e in events]
    for row in rows:
        check_times(row["start"], row["end"], f"{video.name}: {row['label']!r}")
    return rows


def _relative(video: Path, folder: Path) -> str:
    way = os.path.relpath(video, folder)
    if not (folder / way).exists():  # ".." out of a link leads elsewhere: from what it is a link to
        way = os.path.relpath(video.parent.resolve() / video.name, folder.resolve())
    where = Path(way).as_posix()
    try:
        where.encode("utf-8")
    except UnicodeEncodeError:
        raise ConfigError(
            f"{where!r}: the path is not UTF-8, which a manifest must be: rename the video", stage="write"
        ) from None
    return where


def events_of(path: str | Path) -> EventSet:
    """The events of a manifest, by the paths of its videos.

    Raises:
        ConfigError: as :func:`avtext.data.manifest.read_manifest`, a video is named twice, or it is not known of all
            labels when they occur in it.
    """
    found: Mapping[str, tuple[Event, ...]] = dict(_named(read_manifest(path)))
    return EventSet(found)


def _named(entries: list[Entry]) -> Iterator[tuple[str, tuple[Event, ...]]]:
    seen: set[Path] = set()
    for entry in entries:
        if entry.path in seen:
            raise ConfigError(f"{entry.where}: {entry.path} has a line already")
        seen.add(entry.path)
        if entry.events is None or entry.annotated is not None:
            raise ConfigError(
                f"{entry.where}: is not labelled, has labels without times, or not all labels annotated: scores need "
                "all events: give them, or leave the line out"
            )
        yield str(entry.path), entry.events
