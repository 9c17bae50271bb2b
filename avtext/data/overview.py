"""A manifest as a picture: one line per video, one colour per class (needs the extra ``plot``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from avtext.data.inspection import Inspection
from avtext.errors import ConfigError
from avtext.report.plots import check_plotting
from avtext.storage import publishing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_VIDEOS = 40  # videos that are drawn of each manifest
ENDINGS = (".png", ".svg", ".pdf")


def check_picture(path: str | Path) -> None:
    """Nothing, where a picture can be drawn to ``path``; ask before manifests are looked at for it.

    Raises:
        ConfigError: its ending is none of ``ENDINGS``.
        MissingExtra: matplotlib is not installed.
    """
    if Path(path).suffix.lower() not in ENDINGS:
        raise ConfigError(f"{path}: a picture is written as {', '.join(ENDINGS)}")
    check_plotting()


def draw_overview(inspections: Sequence[Inspection], path: str | Path) -> None:
    """Draw when what happens in the first videos of manifests, and how often each class occurs.

    Args:
        inspections: of manifests.
        path: to be written: .png, .svg or .pdf.

    Raises:
        ConfigError, MissingExtra: as :func:`check_picture`.
    """
    check_picture(path)
    from matplotlib import rc_context

    with rc_context({"text.parse_math": False}), publishing(path) as temporary:  # a $ in a name is a $
        _figure_of(inspections).savefig(temporary, format=Path(path).suffix[1:].lower(), dpi=120)


def _figure_of(inspections: Sequence[Inspection]) -> Figure:
    from matplotlib.figure import Figure

    counts = [one.counts() for one in inspections]
    labels = sorted({label for found in counts for label in found})
    colours = {label: f"C{k % 10}" for k, label in enumerate(labels)}
    rows = [len(one.entries[:MAX_VIDEOS]) for one in inspections]
    figure = Figure(figsize=(10, 2 + 0.25 * (sum(rows) + len(labels))), layout="constrained")
    axes = figure.subplots(len(inspections) + 1, 1, height_ratios=[*(n + 2 for n in rows), len(labels) + 2])
    for one, axis in zip(inspections, axes, strict=False):
        _draw_videos(axis, one, colours)
    for k, label in enumerate(labels):
        numbers = [found[label][0] if label in found else 0 for found in counts]
        axes[-1].barh(k, sum(numbers), color=colours[label])
        axes[-1].text(sum(numbers), k, "  " + " + ".join(map(str, numbers)), va="center", fontsize=7)
    axes[-1].margins(x=0.15)  # room for the numbers
    axes[-1].set_yticks(range(len(labels)), labels, fontsize=7)
    axes[-1].set_xlabel("events")
    return figure


def _draw_videos(axis: Axes, one: Inspection, colours: dict[str, str]) -> None:
    shown = one.entries[:MAX_VIDEOS]
    for row, (entry, info) in enumerate(shown):
        if info is not None and info.duration:
            axis.barh(row, info.duration, height=0.9, color="0.93")
        for event in entry.events or ():
            axis.barh(row, max(event.duration, 0.04), left=event.start, height=0.7, color=colours[event.label])
    axis.set_yticks(range(len(shown)), [entry.path.name for entry, _ in shown], fontsize=7)
    axis.invert_yaxis()
    rest = f", {MAX_VIDEOS} shown" if len(one.entries) > MAX_VIDEOS else ""
    axis.set_title(f"{one.path}: {len(one.entries)} videos{rest}", fontsize=9)
    axis.set_xlabel("seconds", fontsize=8)
