"""``avtext benchmark``: measure figures against their limits."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from avtext.cli.options import Debug, Verbose


def benchmark(
    suite: Annotated[str | None, typer.Argument(help="Which figures; without it: what there is.")] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    data: Annotated[Path, typer.Option(envvar="AVTEXT_DATA", help="Folder of real recordings.")] = Path(
        "../shared/data"
    ),
    model: Annotated[Path | None, typer.Option(help="Folder of another model, for a suite that takes one.")] = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Measure figures and compare them with their limits.

    A suite takes minutes. Without a name: which suites there are.

    Example: avtext benchmark model --json figures.json
    """
    from avtext.benchmark.figures import publish_figures
    from avtext.benchmark.suites import SUITES, report, run_suite, why_skipped
    from avtext.cli.inputs import check_file
    from avtext.cli.progress import waiting
    from avtext.cli.tables import print_lines

    if suite is None:
        print_lines([f"{name}: {known.about}" for name, known in SUITES.items()])
        return
    with waiting("looking"):
        reason = why_skipped(suite)
    if reason is not None:
        sys.stdout.write(reason + "\n")
        return
    if json is not None:  # before minutes of measuring
        check_file("--json", json)
    with waiting(f"{suite}: measuring"):
        figures = run_suite(suite, data, model)
    sys.stdout.write(report(figures))
    if json is not None:
        publish_figures(json, suite, figures)
