"""One's own labelled videos: a manifest of JSON lines, checked line by line.

Each line is an object::

    {"path": "a.mp4", "transcript": "a.srt", "events": [{"start": 1.0, "end": 2.5, "label": "bell"}]}

``path`` and ``transcript`` are relative to the manifest; ``transcript`` may be left out. ``events`` is a list as above,
or the name of an event file in any format that :mod:`avtext.formats` reads, or null for a video that nobody labelled,
from which a student may learn by distillation. Where nobody said when, ``labels`` in its place lists what occurs; where
only some labels were looked for, ``annotated`` lists these::

    {"path": "b.mp4", "labels": ["bell", "dog"]}
    {"path": "c.mp4", "events": "c.txt", "annotated": ["bell"]}
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from avtext.clip import Cue, Event, has_half_character
from avtext.errors import AvtextError, ConfigError
from avtext.formats.event_set import EventSet
from avtext.formats.json_events import without_twins
from avtext.metrics.names import composed

KEYS = ("path", "transcript", "events", "labels", "annotated")
LATEST = 1e9  # seconds: later is a mistake, and an integer of JSON may be too large for a float
Read = Callable[[Path], tuple[EventSet, Mapping[str, list[str]]]]


@dataclass(frozen=True)
class Entry:
    """One video of a manifest: where it is, what is said, what happens, and the manifest's file and line.

    ``events`` is None where nobody said when something happens; ``present`` are then the labels that occur, None where
    nobody labelled it at all. ``annotated`` are the only labels that were looked for; None: all.
    """

    path: Path
    transcript: Path | None
    events: tuple[Event, ...] | None
    where: str = ""
    present: tuple[str, ...] | None = None
    annotated: tuple[str, ...] | None = None

    def words(self) -> Path | None:
        """The file that has the cues: the transcript, or a subtitle file beside the video where none is named."""
        from avtext.media.cues import find_cues

        return self.transcript or find_cues(self.path)

    def cues(self) -> tuple[Cue, ...] | None:
        """What is in :meth:`words`; None without one."""
        from avtext.media.cues import read_cues

        place = self.words()
        return None if place is None else read_cues(place)


def read_manifest(path: str | Path, labels: Sequence[str] | None = None) -> list[Entry]:
    """The videos of a manifest.

    Args:
        path: JSON lines; blank lines are passed over.
        labels: the only labels allowed; None allows all.

    Raises:
        ConfigError: names file and line, what is wrong and what is allowed.
    """
    entries = []
    for found in entries_and_faults(path, labels):
        if isinstance(found, ConfigError):
            raise found
        entries.append(found)
    return entries


def entries_and_faults(path: str | Path, labels: Sequence[str] | None = None) -> Iterator[Entry | ConfigError]:
    """What each line of a manifest gives: a video, or what is wrong with the line; see :func:`read_manifest`.

    Raises:
        ConfigError: the manifest cannot be read at all, or has no line.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such manifest") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    if not text.strip():
        raise ConfigError(f"{path}: has no entry: write one JSON object per line, with the keys {', '.join(KEYS)}")
    read = cache(_read)  # every line may name the same table
    for number, line in _lines(text):
        try:
            yield _entry(line, path, number, labels, read)
        except ConfigError as error:
            yield error


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):  # JSON may hold other characters that end lines
        if line.strip():
            yield number, line


def _entry(line: str, path: Path, number: int, labels: Sequence[str] | None, read: Read) -> Entry:
    where = f"{path}:{number}"
    try:
        value = json.loads(line, object_pairs_hook=without_twins)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: not JSON: {error}") from None
    if not isinstance(value, dict) or not isinstance(value.get("path"), str):
        raise ConfigError(f'{where}: must be an object with a "path", as {{"path": "a.mp4", "events": []}}')
    _check_keys(value, where)
    transcript = value.get("transcript")
    if transcript is not None and not isinstance(transcript, str):
        raise ConfigError(f"{where}: transcript must be a file name, got {transcript!r}")
    video = _existing(path.parent / value["path"], where, "path")
    spoken = None if transcript is None else _existing(path.parent / transcript, where, "transcript")
    told = value.get("events")
    events = None if told is None else _events(told, video, path.parent, where, read)
    present, annotated = _names(value, "labels", where), _names(value, "annotated", where)
    named = present or tuple(event.label for event in events or ())
    _check_labels((*named, *(annotated or ())), labels, where)
    if annotated is not None:
        _check_labels(named, annotated, f"{where}: annotated")
    return Entry(video, spoken, events, where, present, annotated)


def _check_keys(value: Mapping[str, Any], where: str) -> None:
    unknown = sorted(set(value) - set(KEYS))
    if unknown:
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(KEYS)}")
    if "events" not in value and "labels" not in value:
        raise ConfigError(
            f'{where}: has no "events": give a list (empty where nothing happens), an event file, or null where nobody '
            'labelled it; or "labels" where times are not known'
        )
    if "events" in value and "labels" in value:
        raise ConfigError(f'{where}: has "events" and "labels": give "labels" only where times are not known')


def _names(value: Mapping[str, Any], key: str, where: str) -> tuple[str, ...] | None:
    if key not in value:
        return None
    names = value[key]
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise ConfigError(f'{where}: {key} must be a list of labels, as ["bell", "dog"], got {names!r}')
    halves = [name for name in names if has_half_character(name)]
    if halves:
        raise ConfigError(f"{where}: {key}: a label has a lone surrogate, which no file can hold, got {halves[0]!r}")
    return tuple(dict.fromkeys(names))


def _existing(path: Path, where: str, key: str) -> Path:
    if not os.path.isfile(path):  # noqa: PTH113  (a name too long for a file is none either)
        raise ConfigError(f"{where}: {key}: {path}: no such file")
    return path


def _events(value: Any, video: Path, folder: Path, where: str, read: Read) -> tuple[Event, ...]:
    if isinstance(value, str):
        return _from_file(_existing(folder / value, where, "events"), video, where, read)
    if not isinstance(value, list):
        raise ConfigError(f"{where}: events must be a list or a file name, got {type(value).__name__}")
    return tuple(_event(item, f"{where}: event {index}") for index, item in enumerate(value, 1))


def _event(item: Any, where: str) -> Event:
    if not isinstance(item, Mapping) or not {"start", "end", "label"} <= set(item):
        raise ConfigError(f'{where}: must be {{"start": seconds, "end": seconds, "label": text}}, got {item!r}')
    start, end = item["start"], item["end"]
    check_times(start, end, where)
    try:
        return Event(float(start), float(end), item["label"])
    except AvtextError as error:
        raise ConfigError(f"{where}: {error}") from None


def check_times(start: Any, end: Any, where: str) -> None:
    """Refuse the times of an event that a manifest cannot hold.

    Args:
        start: seconds.
        end: seconds, after ``start``.
        where: the event, for the message.

    Raises:
        ConfigError: not numbers, before 0, without length, or later than ``LATEST``.
    """
    if (
        any(isinstance(x, bool) or not isinstance(x, int | float) for x in (start, end))
        or not 0 <= start < end <= LATEST
    ):
        raise ConfigError(
            f"{where}: needs 0 <= start < end in seconds, got start={start!r}, end={end!r}: give points a length, "
            f"and no time over {LATEST:g}"
        )


def _read(path: Path) -> tuple[EventSet, Mapping[str, list[str]]]:
    """An event file, and the names in it by their stems: a name without an ending may have a dot all the same."""
    from avtext.formats import read_events

    found = read_events(path)
    by_stem: dict[str, list[str]] = {}
    for name in found.events:
        for stem in {_path_of(name).stem, _path_of(name).name}:
            by_stem.setdefault(stem, []).append(name)
    return found, by_stem


def _from_file(path: Path, video: Path, where: str, read: Read) -> tuple[Event, ...]:
    try:
        found, by_stem = read(path)
    except AvtextError as error:
        raise ConfigError(f"{where}: {error}") from None
    whole = Path(composed(str(video)))
    meant = _meant(by_stem.get(whole.stem, ()), whole)
    if len(meant) > 1:
        raise ConfigError(
            f"{where}: {path}: {video.name} may be {' or '.join(meant[:3])}: give files names of their own"
        )
    if not meant and found.named:
        has = ", ".join(list(found.events)[:8])
        raise ConfigError(f"{where}: {path}: has no events of {video.name}; it has those of: {has}")
    events = found.events[meant[0]] if meant else next(iter(found.events.values()))  # a nameless file has one set
    for index, event in enumerate(events, 1):
        check_times(event.start, event.end, f"{where}: {path}: event {index} ({event.label})")
    return tuple(events)


def _meant(names: Iterable[str], video: Path) -> list[str]:
    """Of the names with a video's stem those that mean it: those of its path, else of its file name, else of nothing
    but its stem, else all."""
    paths = {name: _path_of(name) for name in names}
    placed = [n for n, path in paths.items() if len(path.parts) > 1 and video.parts[-len(path.parts) :] == path.parts]
    exact = ([n for n, path in paths.items() if path.name == word] for word in (video.name, video.stem))
    return placed or next(filter(None, exact), list(paths))


def _path_of(name: str) -> PurePosixPath:
    return PurePosixPath(composed(name).replace("\\", "/"))


def _check_labels(names: Sequence[str], allowed: Sequence[str] | None, where: str) -> None:
    for name in names:
        if allowed is not None and name not in allowed:
            raise ConfigError(f"{where}: label {name!r} is not one of: {', '.join(allowed)}")
