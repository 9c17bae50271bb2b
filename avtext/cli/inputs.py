"""Files, folders and ``@lists`` of the command line, as paths; and the names of what is written for them."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from avtext.errors import AvtextError, ConfigError

if TYPE_CHECKING:
    from avtext.formats.event_set import EventSet

TABLES = ("csv", "tsv")  # formats of events that may lack times


class InputError(AvtextError):
    """A file of events that a command was given is missing or malformed."""


def expand(words: Sequence[str]) -> list[Path]:
    """The files that ``words`` name, in order, each once.

    A folder stands for the media files in it and below it, sorted; ``@list.txt`` for the files and folders on its
    lines (blank lines and lines that begin with ``#`` are passed over). A file that does not exist stays in: it
    fails by itself.

    Raises:
        ConfigError: a list that cannot be read, a folder without a media file, or no file at all.
    """
    found: dict[str, Path] = {}
    for word in words:
        names = _lines(Path(word[1:])) if word.startswith("@") else [word]
        for path in (path for name in names for path in _files(name)):
            found.setdefault(os.path.abspath(path), path)  # noqa: PTH100  (links are files of their own)
    if not found:
        raise ConfigError(f"{' '.join(words)}: names no file: put a path on each line")
    return list(found.values())


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")  # names are bytes, in whatever encoding
    except OSError as error:
        raise ConfigError(f"@{path}: the list cannot be read ({error.strerror}): name a file of paths") from None
    if "\0" in text:  # no name has it
        raise ConfigError(
            f"@{path}: the list holds zero bytes, perhaps as UTF-16: save it as UTF-8, a path on each line"
        )
    names = [line.strip() for line in text.split("\n")]  # of all breaks that splitlines knows a name may have most
    return [name for name in names if name and not name.startswith("#")]


def _files(name: str) -> list[Path]:
    folder = Path(name)
    if not os.path.isdir(name):  # noqa: PTH112  (a name too long for a file is no folder either)
        return [folder]
    from avtext.media.folder import media_files

    return media_files(folder)


def result_names(paths: Sequence[Path]) -> dict[Path, str]:
    """For each input the name of its results less the ending: its stem, or its whole name where two share a stem.

    Example:
        >>> list(result_names([Path("a/x.mp4"), Path("b/x.mkv"), Path("y.mp4")]).values())
        ['x.mp4', 'x.mkv', 'y']
    """
    stems = Counter(path.stem for path in paths)
    names = {path: path.stem if stems[path.stem] == 1 else path.name for path in paths}
    count = Counter(names.values())
    taken, numbers = set(names.values()), defaultdict[str, Iterator[int]](lambda: itertools.count(1))
    for path, name in names.items():
        if count[name] > 1:  # the same file name in two folders: number them
            number = next(k for k in numbers[name] if f"{name}.{k}" not in taken)
            names[path] = f"{name}.{number}"
            taken.add(names[path])
    return names


def check_folder(option: str, folder: Path) -> None:
    """Refuse a folder that cannot be written, or made, before anything long is done.

    Raises:
        ConfigError: names the option that it came from.
    """
    place = next(p for p in (folder, *folder.absolute().parents) if os.path.exists(p))  # noqa: PTH110
    try:
        tempfile.TemporaryDirectory(prefix=".avtext-", dir=place).cleanup()  # what access rights say is not all
    except OSError:
        raise ConfigError(f"{option}: {folder}: cannot be written: choose another folder") from None


def check_file(option: str, path: Path) -> None:
    """Refuse a file that cannot be written, before anything long is done; as :func:`check_folder`."""
    if path.is_dir():
        raise ConfigError(f"{option}: {path}: is a folder: name a file in it")
    check_folder(option, path.parent)


@contextmanager
def input_errors() -> Iterator[None]:
    """Errors of reading a file that a command was given become an :class:`InputError`, of which the exit code is 1."""
    try:
        yield
    except AvtextError as error:
        raise InputError(error.message, code=error.code, stage="read") from None


def read_event_file(path: Path, format: str | None = None) -> EventSet:
    """Events of an input file or folder, in the format of that name or as it is found; those of a manifest too.

    Raises:
        ConfigError: no such format.
        InputError: the file is missing or malformed.
    """
    from avtext.data.labels import SUFFIX, events_of
    from avtext.formats import read_events
    from avtext.formats.registry import format_named

    if format is not None:
        format_named(format)
    with input_errors():
        return events_of(path) if format is None and path.suffix == SUFFIX else read_events(path, format)


def read_weak_table(path: Path, format: str | None = None) -> dict[str, tuple[str, ...]] | None:
    """Labels of each file in a table that does not say when they occur; None for any other input.

    Raises:
        InputError: the table is malformed.
    """
    from avtext.formats.registry import FORMATS
    from avtext.formats.tables import read_weak_labels

    table = any(path.suffix.lower() in FORMATS[name].suffixes if format is None else format == name for name in TABLES)
    if not (table and path.is_file()):
        return None
    with input_errors():
        return read_weak_labels(path)
