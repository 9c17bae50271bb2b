"""The lines of the ladder: what was measured of every rung, and which limits it keeps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from avtext.benchmark.figures import Figure
from avtext.benchmark.intervals import points, resampled
from avtext.benchmark.timing import Turns
from avtext.clip import Event
from avtext.compression.ladder import LimitSettings, Rung
from avtext.training.evaluation import Found

Events = dict[str, Sequence[Event]]  # by source


@dataclass(frozen=True)
class Row:
    """One rung's line: time in turn with the rung it came from, MiB, and accuracy (NaN where it has none)."""

    rung: Rung
    parent: Rung
    one_thread: Turns
    two_threads: Turns
    seconds: float
    peak: float | None
    found: Found
    boundary_ms: float  # 90th percentile of starts and ends: the median is zero, for most lie on the same grid step
    calibration: float
    kept: float
    ready: Turns | None = None  # new processes until events could be found, in turn with torch; of graphs alone

    @property
    def f1(self) -> float:
        """Event F1, start collar 0.2 s."""
        return self.found.f1()

    @property
    def speedup(self) -> float:
        """CPU time of the parent over this rung's, one thread each, in turn: other load does not count."""
        return self.one_thread.theirs.cpu / self.one_thread.ours.cpu


def faults(rows: Mapping[str, Row], limits: LimitSettings) -> list[str]:
    """What the rungs so far miss, in words."""
    return [
        f"{figure.name}: {figure.value:.3g} {figure.unit}, allowed {figure.sense.replace('_', ' ')} {figure.limit:.3g}"
        for figure in limited(rows, limits)
        if figure.met is False and figure.value is not None
    ]


def limited(rows: Mapping[str, Row], limits: LimitSettings) -> list[Figure]:
    """The figures that can have a limit, of the rungs that are there."""
    return [
        *_student(rows, limits),
        *_pruned(rows, limits),
        *_int8(rows, limits),
        *_runtime(rows, limits),
    ]


def _whole(rows: Mapping[str, Row]) -> Row:
    """What is made small: the student, where there is one."""
    return rows.get("student", rows["float32"])


def _student(rows: Mapping[str, Row], limits: LimitSettings) -> Iterator[Figure]:
    if (student := rows.get("student")) is None:
        return
    teacher, untaught = rows["float32"], rows.get("untaught")
    share = student.rung.parameters / teacher.rung.parameters
    yield Figure("row01a_student_size", share, "of teacher", limits.student_parameters, "at_most")
    kept = student.f1 / teacher.f1 if teacher.f1 else None
    said = f"event F1, student over teacher; {resampled(_over, student.found, teacher.found)}"
    yield Figure("row01b_student_f1", kept, "of teacher", limits.student_f1, detail=said)
    if untaught is not None:
        said = f"over it without a teacher; {resampled(points, student.found, untaught.found, decimals=2)}"
        yield Figure("row01c_student_gain", points(student.f1, untaught.f1), "points", limits.student_gain, detail=said)


def _pruned(rows: Mapping[str, Row], limits: LimitSettings) -> Iterator[Figure]:
    if (pruned := rows.get("pruned")) is None:
        return
    yield _f1_loss("row02a_pruned_f1_loss", _whole(rows), pruned, limits)
    yield _speedup("row02b_pruned_speedup", pruned, limits.pruned_speedup)


def _int8(rows: Mapping[str, Row], limits: LimitSettings) -> Iterator[Figure]:
    if (int8 := rows.get("int8")) is None:
        return
    graphs, source, whole = rows["onnx"], rows.get("pruned", _whole(rows)), _whole(rows)
    yield Figure("row03a_int8_bytes", int8.rung.bytes / graphs.rung.bytes, "of float32", limits.int8_bytes, "at_most")
    if source is not whole:  # its weights in float32, wherever they are stored as float16
        share = int8.rung.bytes / (4 * whole.rung.parameters)
        yield Figure("row03b_int8_of_student", share, "of unpruned float32", limits.int8_of_student, "at_most")
    yield _f1_loss("row03c_int8_f1_loss", source, int8, limits)
    yield _speedup("row03d_int8_speedup", int8, limits.int8_speedup)
    if not math.isnan(int8.kept):
        loss = points(source.kept, int8.kept)
        told = f"against {int8.parent.name}"
        yield Figure("row03e_int8_kept_loss", loss, "points", limits.kept_loss, "at_most", told)


def _runtime(rows: Mapping[str, Row], limits: LimitSettings) -> Iterator[Figure]:
    """Whether the graphs in float32 say what torch says, how soon they can, and in how much memory."""
    if (graphs := rows.get("onnx")) is None:
        return
    source = rows.get("pruned", _whole(rows))
    others, steps, scores = differences(graphs.found.estimate, source.found.estimate, source.rung.grid_rate)
    of = f"against {source.rung.name} in torch, {sum(map(len, source.found.estimate.values()))} events"
    yield Figure("row04a_runtime_other_events", others, "events", 0, "at_most", of)
    yield Figure("row04b_runtime_borders", steps, "grid steps", limits.runtime_steps, "at_most", of)
    yield Figure("row04c_runtime_scores", scores, "of score", limits.runtime_score, "at_most", of)
    if graphs.ready is not None:
        told = graphs.ready.describe(source.rung.name, "onnx")
        yield Figure("row04d_runtime_ready", graphs.ready.ours.wall, "s", limits.runtime_ready, "at_most", told)
    if graphs.peak is not None and source.peak is not None:
        share = graphs.peak / source.peak
        yield Figure("row04e_runtime_peak", share, "of torch", limits.runtime_peak, "at_most", "finding in one file")


def differences(
    ours: Mapping[str, Sequence[Event]], theirs: Mapping[str, Sequence[Event]], rate: float
) -> tuple[int, float, float]:
    """Events of one side alone, and of the others the largest difference of a border (grid steps) and of a score.

    Events are compared in order of time within each source and label; where their numbers differ, as many count as
    only one side's, and the rest is not compared.

    Args:
        ours: by source.
        theirs: likewise.
        rate: grid steps per second of the model.

    Example:
        >>> differences({"a": [Event(1.0, 2.0, "bell", 0.5)]}, {"a": [Event(1.04, 2.0, "bell", 0.75)]}, 25.0)
        (0, 1.0, 0.25)
    """
    others, steps, scores = 0, 0.0, 0.0
    for source in ours.keys() | theirs.keys():
        mine, yours = (_by_label(side.get(source, ())) for side in (ours, theirs))
        for label in mine.keys() | yours.keys():
            pair = mine.get(label, []), yours.get(label, [])
            if len(pair[0]) != len(pair[1]):
                others += abs(len(pair[0]) - len(pair[1]))
                continue
            for one, other in zip(*pair, strict=True):
                apart = max(abs(one.start - other.start), abs(one.end - other.end))
                steps, scores = max(steps, round(apart * rate, 6)), max(scores, abs(one.score - other.score))
    return others, steps, scores


def _by_label(events: Sequence[Event]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in sorted(events):
        found.setdefault(event.label, []).append(event)
    return found


def _f1_loss(name: str, whole: Row, small: Row, limits: LimitSettings) -> Figure:
    said = f"against {whole.rung.name}; {resampled(points, whole.found, small.found, decimals=2)}"
    return Figure(name, points(whole.f1, small.f1), "points", limits.f1_loss, "at_most", said)


def _over(one: float, other: float) -> float:
    return one / other if other else math.nan


def _speedup(name: str, row: Row, limit: float | None) -> Figure:
    return Figure(
        name, row.speedup, "x CPU time", limit, detail=row.one_thread.describe(row.parent.name, row.rung.name)
    )


def figures(rows: Mapping[str, Row], limits: LimitSettings) -> list[Figure]:
    """All that was measured, in the one shape of figures."""
    found = limited(rows, limits)
    for name, row in rows.items():
        values = (
            ("parameters", row.rung.parameters / 1e6, "M"),
            ("bytes", row.rung.bytes / 1e6, "MB"),
            ("cpu_one_thread", row.one_thread.ours.cpu, "s"),
            ("wall_two_threads", row.two_threads.ours.wall, "s"),
            ("real_time_factor", row.one_thread.ours.cpu / row.seconds, "s per s"),
            ("peak_memory", row.peak, "MiB"),
            ("event_f1", row.f1, "F1"),
            ("boundary_error", row.boundary_ms, "ms at the 90th percentile"),
            ("calibration_error", row.calibration, "ECE"),
            ("fgsm_kept", row.kept, "of its F1"),
        )
        for what, value, unit in values:
            known = value is not None and not math.isnan(value)
            found.append(Figure(f"{name}_{what}", value if known else None, unit))
    return found
