"""DCASE TSV: filename, onset, offset, event_label; a row with blank times is a clip without events."""

from __future__ import annotations

from pathlib import Path

from avtext.formats.event_set import EventSet, losses
from avtext.formats.tables import guarded, read_table, table_text
from avtext.storage import publish_text


def read_dcase(path: Path) -> EventSet:
    """Events of the table; its columns may be in any order.

    Raises:
        ConfigError: a missing column, or a malformed row; names the line and what is allowed.
    """
    return read_table(path, "\t")


def write_dcase(path: Path, events: EventSet) -> list[str]:
    """Publish the table; returns what it cannot hold.

    Raises:
        ConfigError: a label or a file's name with a carriage return.
    """
    rows = [["filename", "onset", "offset", "event_label"]]
    for file, values in events.events.items():
        name = guarded(file)
        rows += [[name, f"{one.start:.6f}", f"{one.end:.6f}", guarded(one.label)] for one in values]
        if not values:
            rows.append([name, "", "", ""])
    publish_text(path, table_text(path, "tsv", rows, "\t"))
    return losses("tsv", events, holds=["silent"])
