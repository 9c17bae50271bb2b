"""Tables for the terminal. Names and labels are shown as plain text: no markup, no control characters."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from avtext.errors import counted
from avtext.media.opening import shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from avtext.clip import Event
    from avtext.detection import Failure, Result


def clock(seconds: float) -> str:
    """Seconds as ``m:ss.cc``, or with hours where there are any.

    Example:
        >>> clock(61.239), clock(3600.0)
        ('1:01.24', '1:00:00.00')
    """
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 100:02d}.{rest % 100:02d}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def print_outcome(outcome: Result | Failure, written: Sequence[Path]) -> None:
    """One file's events as a table, then what was noticed and where it was written."""
    from avtext.detection import Failure

    if isinstance(outcome, Failure):
        print_lines([f"failed: {outcome.message} [{outcome.code}]"])
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    heard = ", ".join(outcome.modalities) or "nothing"
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    summary = f"{outcome.file}: {counted(len(outcome.events), 'event')} in {clock(outcome.duration)} (from {heard})"
    console.print(Text(shown(summary)), soft_wrap=True)
    table = Table(box=None, pad_edge=True)
    for name in ("start", "end", "event", "score", "from"):
        table.add_column(name, justify="left" if name in ("event", "from") else "right")
    for event in outcome.events:
        label, score = Text(shown(event.label)), f"{event.score:.2f}"
        table.add_row(clock(event.start), clock(event.end), label, score, _shares(event))
    if outcome.events:
        console.print(table)
    for line in _remarks(outcome):
        console.print(Text("  " + shown(line)), soft_wrap=True)
    for path in written:
        console.print(Text(shown(f"  wrote {path}")), soft_wrap=True)


def _shares(event: Event) -> str:
    """What an event was found from, most telling modalities only."""
    pairs = zip(("audio", "video", "text"), event.shares or (), strict=False)
    return " ".join(f"{name} {share:.0%}" for name, share in pairs if share >= 0.05)


def _remarks(outcome: Result) -> list[str]:
    lines = [f"degraded: {reason}" for reason in outcome.quality.get("reasons", ())]
    for name, found in outcome.alignment.items():
        if name != "video" and not found["abstained"] and (found["offset"] or found["drift_ppm"] or found["breaks"]):
            lines.append(
                f"{name} moved by {found['offset']:+.3f} s, drift {found['drift_ppm']:+.0f} ppm, "
                f"{counted(len(found['breaks']), 'break')} (confidence {found['confidence']:.2f})"
            )
    return lines


def print_lines(lines: Sequence[str], to: TextIO | None = None) -> None:
    """Lines, on one line each, on standard output or another stream."""
    (to or sys.stdout).write("".join(shown(line) + "\n" for line in lines))


def say(line: str) -> None:
    """A line on standard error."""
    print_lines([line], sys.stderr)
