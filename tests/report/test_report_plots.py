"""The figures: what is drawn is what was given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avtext.clip import Event, Stream
from avtext.errors import ConfigError, InvalidInput
from avtext.formats.event_set import EventSet
from avtext.metrics.calibration import Outcomes, reliability
from avtext.model.attention import AttentionMap
from avtext.report import Evidence, Report
from avtext.report.figures import write_figures
from avtext.report.plots import Rung, plot_attention, plot_gates, plot_ladder, plot_reliability, plot_timeline
from tests.report.conftest import HOSTILE, evidence

pytest.importorskip("matplotlib", reason='matplotlib is not installed: pip install "avtext[plot]"')

FOUND = (Event(1.0, 2.0, "bell", 0.5), Event(3.0, 4.0, "dog", 1.0))


def spans(axes: object) -> list[tuple[float, float, int]]:
    """Left and right of every bar of a timeline, and the row that it lies in."""
    boxes = [bars.get_paths()[0].get_extents() for bars in axes.collections if type(bars).__name__ == "PolyCollection"]
    return sorted((round(b.x0, 6), round(b.x1, 6), round((b.y0 + b.y1) / 2)) for b in boxes if b.width <= 2)


def test_the_timeline_has_every_event_in_the_row_of_its_label() -> None:
    (axes,) = plot_timeline(FOUND, [Event(1.5, 2.5, "bell")], duration=10.0).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["dog", "bell"]
    assert spans(axes) == [(1.0, 2.0, 1), (1.5, 2.5, 1), (3.0, 4.0, 0)]
    assert axes.get_xlim() == (0.0, 10.0)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["truth", "found"]


def test_the_timeline_shows_curves_of_the_labels_in_it() -> None:
    with_curves, without = (plot_timeline(FOUND, duration=4.0, scores=s).axes[0] for s in (evidence().scores, None))
    assert len(with_curves.collections) == len(without.collections) + 2


def test_labels_are_no_mathematics(tmp_path: Path) -> None:
    events = tuple(Event(0.0, 1.0, text) for text in (*HOSTILE, r"$\frac{", "x" * 99))
    (axes,) = plot_timeline(events, duration=1.0).axes
    assert all(len(label.get_text()) <= 34 for label in axes.get_yticklabels())
    plot_timeline(events, duration=1.0).savefig(tmp_path / "a.pdf")


def test_gates_of_modalities_that_never_count_are_left_out() -> None:
    shares = np.tile([0.7, 0.0, 0.3], (100, 1))
    (axes,) = plot_gates(Evidence.of(Stream(np.zeros((100, 1)), 25.0), ("dog",), Stream(shares, 25.0)).gates).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["audio", "text"]
    top = max(path.vertices[:, 1].max() for bars in axes.collections for path in bars.get_paths())
    assert top == pytest.approx(1.0, abs=0.01)


def test_gates_fill_the_picture_up_to_where_the_last_bucket_ends() -> None:
    gates = Evidence.of(Stream(np.zeros((2, 1)), 2.0), ("dog",), Stream(np.ones((2, 3)) / 3, 2.0)).gates
    (axes,) = plot_gates(gates).axes
    ends = {path.vertices[:, 0].max() for bars in axes.collections for path in bars.get_paths()}
    assert ends == {1.0}
    assert axes.get_xlim() == (0.0, 1.0)


@pytest.mark.parametrize("shares", [np.zeros((2, 3)), np.zeros((0, 3))])
def test_gates_that_say_nothing_are_refused(shares: np.ndarray) -> None:
    gates = Evidence.of(Stream(np.zeros((2, 1)), 2.0), ("dog",), Stream(shares, 2.0)).gates
    with pytest.raises(InvalidInput, match="gates: no curve of audio, video, text is above 0"):
        plot_gates(gates)


def test_an_attention_map_is_shown_on_its_own_clock() -> None:
    weights = np.arange(20.0).reshape(4, 5)
    (axes,) = plot_attention([AttentionMap("audio", "video", weights, 2.0)]).axes
    (image,) = axes.images
    assert np.array_equal(image.get_array(), weights.T)
    assert image.get_extent() == [0, 2.0, -1.25, 1.25]  # centres of the rows at -1, -0.5, 0, 0.5, 1
    with pytest.raises(InvalidInput, match="at least one attention map"):
        plot_attention([])


def test_the_reliability_curve_has_a_point_per_bin_in_use() -> None:
    outcomes = Outcomes(np.array([0.1, 0.1, 0.9]), np.array([False, True, True]))
    upper, lower = plot_reliability(reliability(outcomes, 10)).axes
    points = upper.lines[1].get_xydata()
    assert points == pytest.approx(np.array([[0.1, 0.5], [0.9, 1.0]]))
    assert sum(bar.get_height() for bar in lower.patches) == 3


def test_the_ladder_goes_from_large_to_small() -> None:
    rungs = [Rung("teacher", 90_000_000, 360_000_000, 0.8, 0.8), Rung("INT8", 3_000_000, 3_000_000, 0.02, 0.7)]
    (axes,) = plot_ladder(rungs).axes
    assert axes.lines[0].get_xydata().tolist() == [[360.0, 0.8], [3.0, 0.7]]
    assert axes.get_xlim()[0] > axes.get_xlim()[1]
    assert [text.get_text() for text in axes.texts] == ["teacher\n90 M, 800 ms", "INT8\n3 M, 20 ms"]
    with pytest.raises(InvalidInput, match="at least one model"):
        plot_ladder([])


def test_a_reports_figures_are_files_and_the_same_each_time(tmp_path: Path) -> None:
    report = Report("clips/a.mp4", FOUND, 4.0, {}, evidence())
    truth = EventSet({"a.wav": FOUND[:1]})
    first, second = (list(write_figures(tmp_path / name, report, truth)) for name in ("one", "two"))
    names = [f"{name}.{ending}" for name in ("timeline", "gates", "reliability") for ending in ("pdf", "png")]
    assert [path.name for path in first] == names
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert [path.name for path in write_figures(tmp_path / "three", Report("a.mp4", FOUND))] == names[:2]


def test_gates_that_are_nowhere_are_no_figure(tmp_path: Path) -> None:
    silent = Evidence.of(Stream(np.zeros((4, 1)), 25.0), ("dog",), Stream(np.zeros((4, 3)), 25.0))
    assert {path.stem for path in write_figures(tmp_path, Report("a.mp4", (), 1.0, {}, silent))} == {"timeline"}


def test_a_truth_of_one_file_with_another_name_is_noted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write = write_figures(tmp_path, Report("a.mp4", FOUND), EventSet({"zz.mp4": FOUND[:1]}))
    assert next(write).name == "timeline.pdf"
    assert caplog.messages == [
        "truth: a.mp4 was taken for zz.mp4: each side has one file, but their names differ",
    ]


def test_a_truth_of_other_files_is_refused(tmp_path: Path) -> None:
    truth = EventSet({"x.wav": (), "y.wav": ()})
    with pytest.raises(ConfigError, match=r"^truth: has no events of a\.mp4, but of x\.wav, y\.wav"):
        list(write_figures(tmp_path, Report("a.mp4", FOUND), truth))
