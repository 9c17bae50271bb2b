"""``avtext convert``: event files from one format to another."""

from __future__ import annotations

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
    from avtext.formats import read_events, write_events

    events = read_events(source, read_as)
    for note in events.notes:
        sys.stderr.write(f"note: {note}\n")
    if target.exists():
        sys.stderr.write(f"{target}: replaced\n")
    for warning in write_events(target, events, write_as):
        sys.stderr.write(f"warning: {warning}\n")
    count = sum(len(found) for found in events.events.values())
    sys.stdout.write(f"{target}: {count} events of {len(events.events)} files\n")
