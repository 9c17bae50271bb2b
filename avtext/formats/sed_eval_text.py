"""Event lists of sed_eval: text without a header, tabs between; with or without the file's name in front."""

from __future__ import annotations

import re
from pathlib import Path

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats.event_set import EventSet, losses, single
from avtext.formats.lines import check_label, event, fail, read_text
from avtext.storage import publish_text

_ALLOWED = (
    "allowed, with tabs between: onset, offset, label; file, onset, offset, label; "
    "file, scene, onset, offset, label; or a file alone, in which nothing happens"
)
_FORBIDDEN = "\t\n\r"  # they end a field or a line
_NUMBER = r"\d+(?:\.\d+)?"
# An event as lists without tabs have it, which would read as the name of a file in which nothing happens. Whole
# seconds and a label are one too, unless they end as the name of a file does.
_UNTABBED = re.compile(
    rf"(?:.*[,;])?\s*{_NUMBER}\s*[,;]\s*{_NUMBER}\s*[,;].*|(?:.* )?\d+\.\d+ +\d+\.\d+ .*"
    rf"|{_NUMBER} +{_NUMBER} +(?!.*\.\w{{2,4}}$).+"
)


def read_sed_eval(path: Path) -> EventSet:
    """Events of the list; where no line names a file, they are those of one file.

    Raises:
        ConfigError: a line of another shape, such as one without tabs, or lines with and without a file's name; names
            the line.
    """
    found: dict[str, list[Event]] = {}
    nameless: list[Event] = []
    for k, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        fields = line.split("\t")
        if len(fields) == 1:
            if _UNTABBED.fullmatch(line):
                raise fail(path, k, f"has times and no tab, got {line!r}; {_ALLOWED}")
            found.setdefault(fields[0].strip(), [])
        elif len(fields) == 3:
            nameless.append(event(path, k, *fields))
        elif len(fields) in (4, 5):
            found.setdefault(fields[0], []).append(event(path, k, *fields[-3:]))
        else:
            raise fail(path, k, f"has {len(fields)} fields; {_ALLOWED}")
        if nameless and found:
            raise fail(path, k, f"some lines name a file and some do not; {_ALLOWED}")
    if nameless or not found:
        return single(path, nameless)
    return EventSet({file: tuple(values) for file, values in found.items()})


def write_sed_eval(path: Path, events: EventSet) -> list[str]:
    """Publish the list, each line with its file's name; returns what it cannot hold.

    Raises:
        ConfigError: a label or a file's name with a tab or a line break, or a name that would be read as another.
    """
    lines = []
    for file, values in events.events.items():
        name = _check_name(path, file, is_alone=not values)
        for one in values:
            label = check_label(path, "sed_eval", one.label, _FORBIDDEN)
            lines.append(f"{name}\t{one.start:.6f}\t{one.end:.6f}\t{label}\n")
        if not values:
            lines.append(f"{name}\n")
    publish_text(path, "".join(lines))
    return losses("sed_eval", events, holds=["silent"])


def _check_name(path: Path, file: str, *, is_alone: bool) -> str:
    """``file``, refused where it would not be read back as it is."""
    check_label(path, "sed_eval", file, _FORBIDDEN, what="file")
    if file.startswith("\ufeff") or (is_alone and (file != file.strip() or _UNTABBED.fullmatch(file))):
        raise ConfigError(
            f"{path}: sed_eval cannot hold the file {file!r} because it would be read as another name or as an event; "
            "choose json, or rename the file",
            stage="write",
        )
    return file
