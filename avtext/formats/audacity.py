"""Audacity label track: start, end and label between tabs. Holds one file's events, without scores."""

from __future__ import annotations

from pathlib import Path

from avtext.formats.event_set import EventSet, losses, only_file, single
from avtext.formats.lines import check_label, event, fail, read_text
from avtext.storage import publish_text

_FORBIDDEN = "\t\n\r"  # they end a field or a line


def read_audacity(path: Path) -> EventSet:
    """Events of the labels; lines with the frequencies of a spectral selection are left aside.

    Raises:
        ConfigError: a line without two times and a label; names it.
    """
    events = []
    for k, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip() or line.startswith("\\"):
            continue
        fields = line.split("\t", 2)
        if len(fields) != 3:
            raise fail(path, k, f"a label is start, end and text with tabs between, got {line!r}")
        events.append(event(path, k, *fields))
    return single(path, events)


def write_audacity(path: Path, events: EventSet) -> list[str]:
    """Publish the labels; returns what a label track cannot hold.

    Raises:
        ConfigError: several files, or a label with a line break or a tab.
    """
    lines = [
        f"{one.start:.6f}\t{one.end:.6f}\t{check_label(path, 'audacity', one.label, _FORBIDDEN)}\n"
        for one in only_file("audacity", path, events)
    ]
    publish_text(path, "".join(lines))
    return losses("audacity", events, holds=["silent"])
