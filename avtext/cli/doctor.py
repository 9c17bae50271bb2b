"""``avtext doctor``: what is wrong with an installation or with one's own data, and what to do about it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avtext.cli.options import Debug, Verbose
from avtext.errors import ConfigError, counted

if TYPE_CHECKING:
    from avtext.data.inspection import Inspection


def doctor(
    manifests: Annotated[
        list[Path] | None, typer.Argument(help="Manifests, the one to train on first; without: this installation.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("-c", "--config", help="Config that names the allowed labels and the manifests.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the manifests here: .png, .svg or .pdf (needs the extra plot).")
    ] = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Find faults and say how to fix each.

    In this installation, or in manifests: missing streams, overlaps, times out of range, unknown classes, labels that
    would be read as the transcript, content that training and testing share; counts per class. The exit code is 1 if
    there is a fault.

    Example: avtext doctor train.jsonl validation.jsonl --plot overview.png
    """
    if manifests or config is not None:
        if plot is not None:
            from avtext.cli.inputs import check_file
            from avtext.data.overview import check_picture

            check_picture(plot)
            check_file("--plot", plot)
        found = _inspect(manifests or [], config)
        for one in found:
            _print_inspection(one)
        if plot is not None:
            from avtext.data.overview import draw_overview

            draw_overview(found, plot)
        faults = sum(len(one.faults) for one in found)
    elif plot is not None:
        raise ConfigError("--plot: draws manifests: name one")
    else:
        faults = _print_environment()
    sys.stdout.write(f"{counted(faults, 'fault') if faults else 'no faults'}\n")
    if faults:
        raise typer.Exit(1)


def _print_environment() -> int:
    from avtext.cli.progress import waiting
    from avtext.cli.tables import print_lines

    with waiting("looking"):
        from avtext.cli.environment import check_environment

        checks = list(check_environment())
    faults = 0
    for check in checks:
        faults += bool(check.remedy)
        print_lines([f"FAULT  {check.found}: {check.remedy}" if check.remedy else f"ok     {check.found}"])
    return faults


def _inspect(manifests: Sequence[Path], config: Path | None) -> list[Inspection]:
    from avtext.cli.progress import Counter
    from avtext.data.inspection import inspect

    labels: Iterable[str] | None = None
    if config is not None:
        from avtext.training import read_settings

        settings = read_settings(config)
        labels = settings.model.labels
        sources = [data.manifest for data in (settings.train, settings.validation) if data is not None]
        manifests = manifests or [path for path in sources if path is not None]
        if not manifests:
            raise ConfigError(f"{config}: names no manifest: it trains on scenes")
    with Counter("looking at") as counter:
        return inspect(manifests, None if labels is None else tuple(labels), counter)


def _print_inspection(one: Inspection) -> None:
    from avtext.cli.tables import print_lines

    print_lines([f"{one.path}: {counted(len(one.entries), 'video')}"])
    for label, (number, seconds, videos) in one.counts().items():
        print_lines([f"  {label}: {counted(number, 'event')}, {seconds:.1f} s, in {counted(videos, 'video')}"])
    print_lines([f"  note: {note}" for note in one.notes])
    print_lines([f"FAULT  {fault}" for fault in one.faults])
