"""Every format of events there is, and reading and writing by name or by what a file looks like."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats.activitynet import read_activitynet, write_activitynet
from avtext.formats.audacity import read_audacity, write_audacity
from avtext.formats.csv_table import read_csv, write_csv
from avtext.formats.dcase import read_dcase, write_dcase
from avtext.formats.eaf import read_eaf, write_eaf
from avtext.formats.edl import read_edl, write_edl
from avtext.formats.event_set import EventSet
from avtext.formats.json_events import load_json, read_json, write_json
from avtext.formats.label_studio import read_label_studio, write_label_studio
from avtext.formats.lines import fail, read_text
from avtext.formats.rttm import read_rttm, write_rttm
from avtext.formats.sed_eval_text import read_sed_eval, write_sed_eval
from avtext.formats.srt import read_srt, write_srt
from avtext.formats.textgrid import read_textgrid, write_textgrid
from avtext.formats.webvtt import read_webvtt, write_webvtt

_OURS = ".events.json"  # what a run of detection leaves


class Format(NamedTuple):
    """A format of events.

    Args:
        read: path to events.
        write: path and events to what could not be held, in words; publishes the file whole or not at all.
        suffixes: of files in it, the usual one first; formats may share one.
        marks: of a format that is JSON: the keys that an object in it has, all of one of these sets.
    """

    read: Callable[[Path], EventSet]
    write: Callable[[Path, EventSet], list[str]]
    suffixes: tuple[str, ...]
    marks: tuple[frozenset[str], ...] = ()


_ACTIVITYNET = (frozenset({"database"}), frozenset({"results"}))
_LABEL_STUDIO = (frozenset({"data", "annotations"}), frozenset({"data", "predictions"}))

FORMATS: dict[str, Format] = {
    "json": Format(read_json, write_json, (".json",), (frozenset({"schema"}),)),
    "csv": Format(read_csv, write_csv, (".csv",)),
    "tsv": Format(read_dcase, write_dcase, (".tsv",)),
    "sed_eval": Format(read_sed_eval, write_sed_eval, (".txt", ".ann")),
    "activitynet": Format(read_activitynet, write_activitynet, (".json",), _ACTIVITYNET),
    "vtt": Format(read_webvtt, write_webvtt, (".vtt",)),
    "srt": Format(read_srt, write_srt, (".srt",)),
    "audacity": Format(read_audacity, write_audacity, (".txt",)),
    "rttm": Format(read_rttm, write_rttm, (".rttm",)),
    "eaf": Format(read_eaf, write_eaf, (".eaf",)),
    "textgrid": Format(read_textgrid, write_textgrid, (".textgrid",)),
    "labelstudio": Format(read_label_studio, write_label_studio, (".json",), _LABEL_STUDIO),
    "edl": Format(read_edl, write_edl, (".edl",)),
}


def detect_format(path: str | Path) -> str:
    """The name of a file's format: by its suffix, and where formats share one, by what is in it.

    A file that does not exist yet gets the first format of its suffix.

    Raises:
        ConfigError: no format has this suffix, or JSON of a kind that is not known.

    Example:
        >>> detect_format("a.tsv"), detect_format("clip.TextGrid"), detect_format("not_yet.json")
        ('tsv', 'textgrid', 'json')
    """
    path = Path(path)
    names = _by_suffix(path)
    if len(names) == 1 or not path.is_file():
        return names[0]
    return _json_kind(path, names) if FORMATS[names[0]].marks else _text_kind(path)


def _text_kind(path: Path) -> str:
    """Plain labels are the same in both; only Audacity has lines of frequencies, and only AVE's table ampersands."""
    lines = read_text(path).split("\n")
    if lines[0].count("&") > 2 and "\t" not in lines[0]:
        return "csv"
    return "audacity" if any(line.startswith("\\") for line in lines) else "sed_eval"


def _json_kind(path: Path, names: Sequence[str]) -> str:
    value: Any = load_json(path)
    if value == []:
        return names[0]
    first = value[0] if isinstance(value, list) else value
    keys = set(first) if isinstance(first, dict) else set()
    found = next((name for name in names if any(mark <= keys for mark in FORMATS[name].marks)), None)
    if found is None:
        known = (f"{name} ({' or '.join(' and '.join(sorted(m)) for m in FORMATS[name].marks)})" for name in names)
        raise fail(path, None, f"is JSON of a kind that is not known; kinds and their keys: {', '.join(known)}")
    return found


def format_named(name: str) -> Format:
    """The format of that name.

    Raises:
        ConfigError: there is none; lists those there are.

    Example:
        >>> format_named("srt").suffixes
        ('.srt',)
    """
    if name not in FORMATS:
        raise ConfigError(f"format {name!r} is not known; known: {', '.join(FORMATS)}")
    return FORMATS[name]


def read_events(path: str | Path, format: str | None = None) -> EventSet:
    """Events of a file, or of all files of events in a folder together.

    Args:
        path: a file, or a folder of which every file with a known suffix is read (not those in its folders); where
            detection left its results, ``*.events.json`` alone.
        format: a name of :data:`FORMATS`; by default as :func:`detect_format` finds it.

    Raises:
        ConfigError: missing, unknown, malformed (names file and line), or a media file named twice.
    """
    path = Path(path)
    if os.path.isdir(path):  # noqa: PTH112  (a name too long for a file is no folder either)
        return _read_folder(path, format)
    if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113
        raise fail(path, None, "is a pipe or a device, not a file; give a file of events or a folder of them")
    if not os.path.isfile(path):  # noqa: PTH113
        raise fail(path, None, "there is no such file; give a file of events or a folder of them")
    return format_named(format or detect_format(path)).read(path)


def _read_folder(folder: Path, format: str | None) -> EventSet:
    known = _suffixes()
    paths = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in known)
    ours = [p for p in paths if p.name.endswith(_OURS)]
    if not paths:
        raise fail(folder, None, f"no file of events in this folder; known suffixes: {', '.join(known)}")
    sets = [(p, read_events(p, format)) for p in (ours or paths)]
    events: dict[str, tuple[Event, ...]] = {}
    for p, one in sets:
        twice = [name for name in one.events if name in events]
        if twice:
            raise fail(p, None, f"{twice[0]!r} has events in another file of the folder already")
        events.update(one.events)
    return EventSet(
        events,
        {name: seconds for _, one in sets for name, seconds in one.durations.items()},
        {name: detail for _, one in sets for name, detail in one.details.items()},
        named=any(one.named for _, one in sets),
        notes=(*(note for _, one in sets for note in one.notes), *(_left_aside(paths, ours) if ours else ())),
    )


def _left_aside(paths: Sequence[Path], ours: Sequence[Path]) -> list[str]:
    """A note of files that are no other form of a result beside them; empty where there are none."""
    known = {p.name.removesuffix(_OURS) for p in ours}
    others = [p.name for p in paths if p.stem.removesuffix(".events").removesuffix(".evidence") not in known]
    names = ", ".join(others[:3]) + ", …" * (len(others) > 3)
    return [f"{paths[0].parent}: *{_OURS} alone were read; left aside: {names}"] if others else []


def write_events(
    path: str | Path,
    events: EventSet | Mapping[str, Sequence[Event]],
    format: str | None = None,
    *,
    durations: Mapping[str, float] | None = None,
) -> list[str]:
    """Publish events, whole or not at all; returns in words what the format cannot hold.

    Args:
        path: to be written; what is there is replaced.
        events: a set, or media file names to events.
        format: a name of :data:`FORMATS`; by default the first of the suffix.
        durations: seconds of files, where ``events`` is a mapping; a set has its own.

    Raises:
        InvalidInput: durations beside a set.
        ConfigError: an unknown format, or a label, time or number of files that it cannot hold.
        StorageError: the file cannot be written; what was there is unchanged.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "clip.csv"
        >>> write_events(target, {"clip.mp4": [Event(0.5, 1.0, "dog, barking", 0.9)]})
        []
        >>> read_events(target).events
        {'clip.mp4': (Event(start=0.5, end=1.0, label='dog, barking', score=0.9, shares=None),)}
    """
    path = Path(path)
    chosen = format_named(format or _by_suffix(path)[0])
    given = EventSet.of(events, durations)
    for text in (*given.events, *given.labels):
        _check_encodes(path, text)
    return chosen.write(path, given)


def _check_encodes(path: Path, text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        message = f"{path}: {text!r} has a lone surrogate, which no file can hold; rename it"
        raise ConfigError(message, stage="write") from error


def _by_suffix(path: Path) -> list[str]:
    """The names of the formats of files with this suffix, at least one."""
    names = [name for name, known in FORMATS.items() if path.suffix.lower() in known.suffixes]
    if not names:
        known = ", ".join(_suffixes())
        raise fail(path, None, f"no format of events has this suffix; name the format, or take one of {known}")
    return names


def _suffixes() -> list[str]:
    return sorted({suffix for known in FORMATS.values() for suffix in known.suffixes})
