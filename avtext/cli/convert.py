"""``avtext convert``: event files from one format to another."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer


def convert(
    source: Annotated[Path, typer.Argument(help="A file of events, or a folder of them.")],
    target: Annotated[Path, typer.Argument(help="To be written; its ending says the format.")],
    read_as: Annotated[
        str | None, typer.Option("--from", help="Format of the source, where its ending does not say it.")
    ] = None,
    write_as: Annotated[
        str | None, typer.Option("--to", help="Format of the target, where its ending does not say it.")
    ] = None,
) -> None:
    """Convert events between formats; what the target cannot hold is said.

    Example: avtext convert video.events.json video.eaf
    """
    from avtext.cli.inputs import read_event_file
    from avtext.cli.tables import print_lines
    from avtext.formats import write_events

    events = read_event_file(source, read_as)
    notes = [f"note: {note}" for note in events.notes]
    there = os.path.lexists(target)
    notes += [f"warning: {warning}" for warning in write_events(target, events, write_as)]
    if there:
        notes.append(f"{target}: replaced")
    print_lines(notes, sys.stderr)
    count = sum(len(found) for found in events.events.values())
    print_lines([f"{target}: {count} events of {len(events.events)} files"])
