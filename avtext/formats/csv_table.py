"""CSV with a header: file, start, end, label, score. Labels that look like formulas are made inert."""

from __future__ import annotations

from pathlib import Path

from avtext.formats.event_set import EventSet, losses
from avtext.formats.tables import guarded, read_table, table_text
from avtext.storage import publish_text


def read_csv(path: Path) -> EventSet:
    """Events of a table between commas, semicolons, tabs or, as AVE has it, ampersands; see
    :data:`avtext.formats.tables.COLUMNS`.

    Raises:
        ConfigError: a missing column, or a malformed row; names the line and what is allowed.
    """
    return read_table(path, ",;\t&")


def write_csv(path: Path, events: EventSet) -> list[str]:
    """Publish the table; returns what CSV cannot hold. A file without events has a row with blank times.

    Raises:
        ConfigError: a label or a file's name with a carriage return.
    """
    rows = [["file", "start", "end", "label", "score"]]
    for file, values in events.events.items():
        name = guarded(file)
        rows += [
            [name, f"{one.start:.6f}", f"{one.end:.6f}", guarded(one.label), repr(float(one.score))] for one in values
        ]
        if not values:
            rows.append([name, "", "", "", ""])
    publish_text(path, table_text(path, "csv", rows, ","))
    return losses("csv", events, holds=["scores", "silent"])
