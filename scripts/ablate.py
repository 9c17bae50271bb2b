"""What every link of the chain is worth: ``python scripts/ablate.py --config configs/scenes_bench.yaml``.

Trains every row with every seed, each from cached features in a few minutes of one core, and keeps one result file per
row and seed: stopped, it goes on where it was. Then the table is printed and, with ``--json FILE``, written as figures.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from avtext.benchmark.ablation import run_rows
from avtext.benchmark.ablation_settings import ROWS, AblationSettings
from avtext.benchmark.ablation_table import figures_of
from avtext.benchmark.figures import publish_figures
from avtext.benchmark.suites import report
from avtext.cli.inputs import check_file
from avtext.config import load
from avtext.errors import AvtextError, ConfigError


def main(
    config: Annotated[Path, typer.Option(help="The benchmark.")] = Path("configs/scenes_bench.yaml"),
    rows: Annotated[str, typer.Option(help="Names of rows, separated by commas.")] = ",".join(ROWS),
    seeds: Annotated[str, typer.Option(help="Seeds, separated by commas.")] = "1,2,3",
    jobs: Annotated[int, typer.Option(min=1, help="Rows that are trained at the same time.")] = 1,
    json: Annotated[Path | None, typer.Option(help="Write the figures here.")] = None,
    words: Annotated[list[str] | None, typer.Argument(help="key.sub=value to change the config.")] = None,
) -> None:
    """Train and test the rows that have no result yet, then print the table."""
    settings = load(AblationSettings, config, words or [])
    names = rows.split(",")
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        raise ConfigError(f"--rows: {unknown[0]!r} is not known; known: {', '.join(ROWS)}")
    numbers = _numbers(seeds)
    if json is not None:
        check_file("--json", json)
    results = []
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # for the processes to come: rows share the cores, not loops
    for result, is_new in run_rows(settings, names, numbers, jobs):
        results.append(result)
        if is_new:
            seconds = result["cpu_seconds"]
            f1 = result["tests"]["in_sync"]["f1"]
            print(f"{result['row']} seed {result['seed']}: F1 {f1:.1f} in sync, {seconds:.0f} CPU seconds", flush=True)
    figures = figures_of(results)
    print(report(figures))
    if json is not None:
        publish_figures(json, "ablation", figures)


def _numbers(seeds: str) -> list[int]:
    try:
        numbers = [int(seed) for seed in seeds.split(",")]
    except ValueError:
        numbers = [-1]
    if min(numbers) < 0:
        raise ConfigError(f"--seeds: must be numbers from 0 up, separated by commas, got {seeds!r}")
    return numbers


if __name__ == "__main__":
    try:
        typer.run(main)
    except AvtextError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
