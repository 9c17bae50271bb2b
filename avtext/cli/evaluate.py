"""``avtext evaluate``: any system's events against the truth."""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avtext.cli.options import Debug, Verbose

if TYPE_CHECKING:
    from rich.table import Table

    from avtext.metrics.evaluate import Report
    from avtext.metrics.sound_events import SoundEventScores

_NAME = re.compile(r"(.+?)\.(\d+(?:\.\d+)?|[^.]+)")  # what a figure belongs to, and its own name or threshold


def evaluate_command(
    predictions: Annotated[
        Path, typer.Argument(help="Estimated events: a file in any known format, or a folder of them.")
    ],
    truth: Annotated[Path, typer.Argument(help="True events, likewise.")],
    metrics: Annotated[
        list[str] | None,
        typer.Option("-m", "--metrics", help="Families, as event_f1,map; or all; default: onset_f1,event_f1."),
    ] = None,
    collar: Annotated[
        float,
        typer.Option(min=0.0, help="Seconds by which a start may be off, in the table per class and the F1 below it."),
    ] = 0.2,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Score events against the truth, by many metrics.

    Example: avtext evaluate demo.events.json assets/demo.truth.json --collar 0.5
    """
    from avtext.cli.inputs import read_event_file
    from avtext.cli.progress import waiting
    from avtext.cli.tables import print_lines
    from avtext.metrics.evaluate import evaluate
    from avtext.metrics.names import align_names
    from avtext.metrics.sound_events import event_based

    estimated, true = read_event_file(predictions), read_event_file(truth)
    matched = align_names(true.events, estimated.events)
    names = [name.strip() for name in ",".join(metrics or ["onset_f1", "event_f1"]).split(",")]
    lengths = {matched.names.get(file, file): seconds for file, seconds in estimated.durations.items()}
    durations = {**lengths, **true.durations}
    with waiting("scoring"):
        report = evaluate(matched.reference, matched.estimate, names, durations=durations)
        onsets = event_based(
            matched.reference, matched.estimate, onset_collar=collar, offset_collar=None, empty_precision=0.0
        )
    notes = (*true.notes, *estimated.notes, *matched.notes, *_labels(report))
    print_lines([f"note: {note}" for note in notes], sys.stderr)
    if as_json:
        from avtext.metrics.evaluate import plain

        document = {**report.to_dict(), "collar": collar, "onsets": plain(onsets)}
        sys.stdout.write(json.dumps(document, indent=1, allow_nan=False) + "\n")
        return
    _print(report, onsets, collar)


def _labels(report: Report) -> list[str]:
    notes = []
    if report.unknown_labels:
        notes.append(
            f"labels that the truth does not have (they count as spurious): {', '.join(report.unknown_labels)}"
        )
    if report.missing_labels:
        notes.append(f"labels that were never predicted: {', '.join(report.missing_labels)}")
    return notes


def _print(report: Report, onsets: SoundEventScores, collar: float) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from avtext.errors import counted
    from avtext.media.opening import shown

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    table = Table("class", "F1", "precision", "recall", "true", "found", show_edge=False, pad_edge=False)
    table.title = f"events whose start is within {collar:g} s, {counted(report.num_files, 'file')}, in %"
    rows = [*onsets.classes.items(), ("all (micro)", onsets.micro)]
    for label, rates in rows:
        numbers = [_percent(x) for x in (rates.f1, rates.precision, rates.recall)]
        table.add_row(Text(shown(label)), *numbers, str(rates.num_reference), str(rates.num_estimate))
    console.print(table)
    f1 = f"{_percent(onsets.micro.f1)} micro, {_percent(onsets.macro.f1)} macro"
    console.print(f"F1 of starts within {collar:g} s: {f1}")
    console.print("Metrics with the settings of those who use them (onset_f1 and event_f1: within 0.2 s), as shares:")
    console.print(_grouped(report))
    for family, reason in report.skipped.items():
        console.print(Text(f"{family}: not computed: {reason}"))


def _grouped(report: Report) -> Table:
    """A row for each group of figures, such as the micro averages of a metric."""
    from rich.table import Table
    from rich.text import Text

    groups: dict[str, list[str]] = {}
    for family, name, value in report.rows():
        match = _NAME.fullmatch(f"{family}.{name}")
        head, last = match.groups() if match else ("", name)
        groups.setdefault(head, []).append(f"{last}={value:.4f}" if isinstance(value, float) else f"{last}={value}")
    table = Table.grid(padding=(0, 3))
    for head, figures in groups.items():
        table.add_row(Text(head), Text("  ".join(figures)))
    return table


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.2f}"
