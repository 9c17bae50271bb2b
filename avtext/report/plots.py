"""Figures for papers, drawn with matplotlib (the extra ``plot``); each function gives a figure that can be saved.

They are drawn without a screen and without touching matplotlib's global state.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from avtext.clip import MODALITIES, Event
from avtext.errors import InvalidInput, MissingExtra
from avtext.metrics.calibration import Reliability
from avtext.report.curves import LEVELS, Curves

if TYPE_CHECKING:
    from avtext.model.attention import AttentionMap

ACCENT, TRUTH, QUIET = "#4b45d6", "#b9b9b3", "#62646c"
COLOURS = {"audio": "#cf8033", "video": "#3d8cc4", "text": "#6a9a45"}
WIDTH = 6.8  # inches: both columns of a page
STYLE: dict[Any, Any] = {
    "font.size": 8, "axes.titlesize": 8, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6,
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "legend.frameon": False, "savefig.dpi": 200, "pdf.fonttype": 42,
    "image.interpolation": "nearest",
}  # fmt: skip


class Rung(NamedTuple):
    """One model of the compression ladder: its name, parameters, bytes on disk, latency and event F1."""

    name: str
    parameters: int
    bytes: int
    latency: float  # seconds for a second of video
    event_f1: float


def check_plotting() -> None:
    """Nothing, where figures can be drawn; ask before work whose only end is a figure.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtra.of("matplotlib", "plot")


@contextmanager
def figure_style() -> Iterator[None]:
    """The style of these figures, for as long as one is drawn or saved.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    check_plotting()
    import matplotlib

    with matplotlib.rc_context(STYLE):
        yield


def _figure(height: float, rows: int = 1, width: float = WIDTH, **options: Any) -> tuple[Any, Any]:
    """A figure and its array of axes, ``(rows,)``."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, 1, squeeze=False, **options)[:, 0]


def plot_timeline(
    events: Sequence[Event], truth: Sequence[Event] = (), *, duration: float, scores: Curves | None = None
) -> Any:
    """Events, the surer the darker, a row per label; the truth in grey above them and score curves behind.

    Args:
        events: that were found.
        truth: that happened.
        duration: seconds that are shown.
        scores: posterior probabilities over time.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    labels = sorted({event.label for event in (*events, *truth)}, reverse=True)
    with figure_style():
        figure, (axes,) = _figure(0.6 + 0.24 * max(len(labels), 1))
        for row, label in enumerate(labels):
            _bars(axes, row + 0.16, [event for event in truth if event.label == label], TRUTH)
            _bars(axes, row - 0.16, [event for event in events if event.label == label], ACCENT)
            if scores is not None and label in scores.high:
                high = scores.high[label] / LEVELS
                times = scores.start + (np.arange(len(high)) + 0.5) * scores.step
                axes.fill_between(times, row - 0.4, row - 0.4 + 0.8 * high, color=ACCENT, alpha=0.12, linewidth=0)
        axes.set(xlim=(0, duration), ylim=(-0.6, max(len(labels), 1) - 0.4), xlabel="time (s)")
        axes.set_yticks(range(len(labels)), [_plain(label) for label in labels])
        if truth:
            _legend(axes, {"truth": TRUTH, "found": ACCENT})
    return figure


def plot_gates(gates: Curves) -> Any:
    """How much each modality counts over time, stacked to one.

    Raises:
        InvalidInput: no curve of any modality, or none that is ever above 0.
        MissingExtra: matplotlib is not installed.
    """
    colours = {name: COLOURS[name] for name in MODALITIES if name in gates.high and gates.high[name].any()}
    if not colours:
        raise InvalidInput(f"gates: no curve of {', '.join(MODALITIES)} is above 0 anywhere: there is nothing to draw")
    shares = [(gates.low[name].astype(float) + gates.high[name]) / (2 * LEVELS) for name in colours]
    shares = [np.append(share, share[-1:]) for share in shares]  # where the last bucket ends
    times = gates.start + np.arange(len(shares[0])) * gates.step
    with figure_style():
        figure, (axes,) = _figure(1.4)
        axes.stackplot(times, *shares, colors=list(colours.values()), step="post", linewidth=0)
        axes.set(xlim=(times[0], times[-1]), ylim=(0, 1), xlabel="time (s)", ylabel="gate")
        _legend(axes, colours)
    return figure


def plot_attention(maps: Sequence[AttentionMap]) -> Any:
    """What each modality attended to in each other: time along, and how much later the other one's step lies, up.

    Args:
        maps: of :func:`avtext.model.attention.attention_maps`.

    Raises:
        InvalidInput: no map.
        MissingExtra: matplotlib is not installed.
    """
    if not maps:
        raise InvalidInput("maps: must hold at least one attention map")
    with figure_style():
        figure, rows = _figure(0.5 + 0.85 * len(maps), len(maps), sharex=True)
        for axes, (looking, seen, weights, rate) in zip(rows, maps, strict=True):
            steps, edge = len(weights), weights.shape[1] / 2 / rate  # half a step beyond the centre of the last row
            extent = (0, steps / rate, -edge, edge)
            axes.imshow(weights.T, origin="lower", aspect="auto", extent=extent, cmap="Purples")
            axes.set_ylabel(f"{looking}\nto {seen}")
        rows[-1].set_xlabel("time (s)")
        figure.supylabel("later by (s)", fontsize=8)
    return figure


def plot_reliability(found: Reliability) -> Any:
    """Share of events that were right against their mean score, per bin, with how many there were.

    Args:
        found: of :func:`avtext.metrics.calibration.reliability`.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    edges, counts = np.array(found.edges), np.array(found.counts)
    with figure_style():
        figure, (upper, lower) = _figure(3.4, 2, width=3.2, sharex=True, height_ratios=(3, 1))
        filled = counts > 0
        upper.plot((0, 1), (0, 1), color=QUIET, linewidth=0.8, linestyle=":")
        upper.plot(np.array(found.mean_scores)[filled], np.array(found.shares_correct)[filled], "o-", color=ACCENT,
                   markersize=3.5, linewidth=1)  # fmt: skip
        upper.set(
            ylim=(0, 1.04), ylabel="share correct", title=f"expected calibration error {found.expected_error:.3f}"
        )
        lower.bar(edges[:-1], counts, np.diff(edges), align="edge", color=TRUTH, edgecolor="white", linewidth=0.5)
        lower.set(xlim=(0, 1), xlabel="score", ylabel="events")
    return figure


def plot_ladder(rungs: Sequence[Rung]) -> Any:
    """Event F1 against bytes on disk, from the largest model to the smallest; a disc's area is the latency.

    Raises:
        InvalidInput: no rung.
        MissingExtra: matplotlib is not installed.
    """
    if not rungs:
        raise InvalidInput("rungs: must hold at least one model")
    sizes, scores = [rung.bytes / 1e6 for rung in rungs], [rung.event_f1 for rung in rungs]
    slowest = max(rung.latency for rung in rungs) or 1.0
    with figure_style():
        figure, (axes,) = _figure(2.4, width=4.6)
        axes.plot(sizes, scores, color=QUIET, linewidth=0.8, zorder=1)
        areas = [20 + 180 * rung.latency / slowest for rung in rungs]
        axes.scatter(sizes, scores, s=areas, color=ACCENT, alpha=0.75, linewidth=0, zorder=2)
        for k, (rung, size) in enumerate(zip(rungs, sizes, strict=True)):
            text = f"{_plain(rung.name)}\n{rung.parameters / 1e6:.3g} M, {rung.latency * 1e3:.3g} ms"
            above = {"xytext": (0, -24 if k % 2 else 9), "textcoords": "offset points"}  # in turn, so that none overlap
            axes.annotate(text, (size, rung.event_f1), **above, ha="center", fontsize=7)
        axes.set(xscale="log", xlabel="MB on disk", ylabel="event F1")
        axes.margins(0.18, 0.35)
        axes.invert_xaxis()
    return figure


def _bars(axes: Any, middle: float, events: Sequence[Event], colour: str) -> None:
    for event in events:
        shade = 0.25 + 0.75 * event.score
        axes.broken_barh([(event.start, event.duration)], (middle - 0.14, 0.28), color=colour, alpha=shade, linewidth=0)


def _legend(axes: Any, colours: dict[str, str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=name) for name, colour in colours.items()]
    axes.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(colours), borderaxespad=0.2)


def _plain(text: str) -> str:
    """Text that matplotlib does not take for mathematics, on one line, cut where it is long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return (line if len(line) <= 32 else f"{line[:31]}…").replace("$", r"\$")
