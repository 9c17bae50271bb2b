"""Measure and write figures: ``python scripts/benchmark.py SUITE --json FILE``.

Suites: model (accuracy of the default model on unseen scenes and on real clips), memory (an hour against a minute),
layers (ours and the peers in turn), mosi (sentiment of CMU-MOSI, from precomputed features).
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Annotated

import typer

DATA = Path(os.environ.get("AVTEXT_DATA", "../shared/data"))
SUITES = {name: f"avtext.benchmark.{name}" for name in ("model", "memory", "layers", "mosi")}


def main(
    suite: Annotated[str, typer.Argument(help=f"One of {', '.join(SUITES)}.")],
    json: Annotated[Path | None, typer.Option(help="Where to write the figures.")] = None,
    data: Annotated[Path, typer.Option(help="Real recordings.")] = DATA,
) -> None:
    """Run one suite, print its figures and write them."""
    if suite not in SUITES:
        raise typer.BadParameter(f"{suite!r} is not one of {', '.join(SUITES)}")
    from avtext.benchmark.figures import publish_figures, table

    figures = importlib.import_module(SUITES[suite]).run(data)
    print(table([figure.to_dict() for figure in figures]))
    for figure in figures:
        if figure.detail and figure.limit is not None:
            print(f"{figure.name}: {figure.detail}")
    if json is not None:
        publish_figures(json, suite, figures)


if __name__ == "__main__":
    typer.run(main)
