"""The files that ``avtext detect`` writes: what they are called, and what is said of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from avtext.cli.tables import print_lines
from avtext.errors import ConfigError

if TYPE_CHECKING:
    from avtext.detection import Result


def endings_of(formats: str) -> dict[str, str]:
    """Format names to file endings, which are never those of subtitles that a video has beside it.

    A format that shares its ending with an earlier one of ``FORMATS`` is named in it: two would write one file.
    """
    from avtext.formats import FORMATS

    owners = {known.suffixes[0]: name for name, known in reversed(FORMATS.items())}
    known = {
        name: ("events" if owners[format.suffixes[0]] == name else name) + format.suffixes[0]
        for name, format in FORMATS.items()
    } | {"html": "events.html", "evidence": "evidence.json"}
    names = [name.strip() for name in formats.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ConfigError(f"--format: {(unknown or [formats])[0]!r} is not known; known: {', '.join(known)}")
    return {name: known[name] for name in names}


def is_done(path: Path, place: Path, endings: Mapping[str, str]) -> bool:
    """Whether all results of a file, whose paths begin with ``place``, are there.

    Raises:
        ConfigError: the JSON there is of another file, whose results would be lost, or cannot be read.
    """
    from avtext.formats.json_events import read_json
    from avtext.media.opening import shown

    record = Path(f"{place}.events.json")
    known = [*read_json(record).events] if os.path.exists(record) else []  # noqa: PTH110
    if known and os.path.abspath(shown(path)) not in map(os.path.abspath, known):  # noqa: PTH100
        raise ConfigError(
            f"--skip-existing: {record}: is of {shown(known[0])}, not of {shown(path)}: choose another --out, "
            "or leave out --skip-existing to replace it"
        )
    return all(os.path.exists(f"{place}.{ending}") for ending in endings.values())  # noqa: PTH110


def write_results(result: Result, place: Path, endings: Mapping[str, str]) -> list[Path]:
    """Write a result in every format; the files' paths are ``place`` and an ending.

    The evidence beside a JSON that is replaced goes with it, since a report would take it for that of the new one.

    Raises:
        StorageError: one cannot be written.
    """
    replaces = "json" in endings and os.path.lexists(f"{place}.events.json")
    paths = [_write(result, Path(f"{place}.{ending}"), kind, "json" in endings) for kind, ending in endings.items()]
    if replaces and "evidence" not in endings:
        with suppress(OSError):
            Path(f"{place}.evidence.json").unlink()
            print_lines([f"{place}.evidence.json: removed: it was of the result that was replaced"], sys.stderr)
    return paths


def _write(result: Result, path: Path, kind: str, complete: bool) -> Path:
    """Write one format; what it cannot hold is said, unless the JSON beside it is ``complete``."""
    there = os.path.lexists(path)
    if kind == "json":
        result.to_json(path)
    elif kind == "html":
        result.to_html(path)
    elif kind == "evidence":
        result.to_evidence(path)
    else:
        for warning in result.write(path, kind):
            if not complete:
                print_lines([f"{path}: {warning}"], sys.stderr)
    if there:
        print_lines([f"{path}: replaced"], sys.stderr)
    return path
