"""``avtext convert``: event files from one format to another."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from avtext.cli.options import Debug, Verbose
from avtext.errors import ConfigError, counted


def convert(
    source: Annotated[Path, typer.Argument(help="A file of events, or a folder of them.")],
    target: Annotated[Path, typer.Argument(help="To be written; its ending says the format.")],
    read_as: Annotated[
        str | None, typer.Option("--from", help="Format of the source, where its ending does not say it.")
    ] = None,
    write_as: Annotated[
        str | None, typer.Option("--to", help="Format of the target, where its ending does not say it.")
    ] = None,
    videos: Annotated[
        Path | None,
        typer.Option(help="Folder of the labelled videos, for a training manifest (.jsonl)."),
    ] = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Convert events between formats, or to a training manifest.

    A warning says what the target cannot hold. A table without times makes a manifest of labels without times.

    Example: avtext convert video.events.json video.eaf

    Example: avtext convert labels train.jsonl --videos clips
    """
    from avtext.cli.inputs import read_event_file, read_weak_table
    from avtext.cli.tables import print_lines
    from avtext.data.labels import SUFFIX, events_of, write_manifest, write_weak_manifest
    from avtext.data.manifest import read_manifest
    from avtext.formats import write_events

    if (target.suffix == SUFFIX) != (videos is not None):
        raise ConfigError(f"{target}: a manifest ends in {SUFFIX} and needs --videos, the folder of its videos")
    if videos is not None and write_as is not None:
        raise ConfigError(f"--to: {write_as}: a manifest has a form of its own: leave it out")
    weak = None if videos is None else read_weak_table(source, read_as)
    there = os.path.lexists(target)
    if videos is not None and weak is not None:
        notes = [f"note: {source} has no times: it says what occurs in a video, not when"]
        lost = write_weak_manifest(target, weak, videos)
        written = f"labels of {counted(len(read_manifest(target)), 'file')}, without times"
    else:
        events = read_event_file(source, read_as)
        notes = [f"note: {note}" for note in events.notes]
        if videos is None:
            lost = write_events(target, events, write_as)
        else:
            lost = write_manifest(target, events, videos)
            events = events_of(target)
        count = sum(map(len, events.events.values()))
        written = f"{counted(count, 'event')} of {counted(len(events.events), 'file')}"
    notes += [f"warning: {warning}" for warning in lost] + [f"{target}: replaced"] * there
    print_lines(notes, sys.stderr)
    print_lines([f"{target}: {written}"])
