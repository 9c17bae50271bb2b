"""The ladder measured: what every rung costs and what it still finds, in one run and in turn with the first."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from avtext.attacks import attack
from avtext.benchmark.figures import Figure
from avtext.benchmark.timing import Turns, run_code, take_turns
from avtext.clip import Clip, Event, Stream
from avtext.compression.ladder import LadderSettings, LimitSettings, Rung, climb
from avtext.detection import EventFinder
from avtext.errors import AvtextError, Code
from avtext.features import reading_for
from avtext.media import MediaReader
from avtext.metrics.boundaries import boundary_errors
from avtext.metrics.calibration import reliability, score_outcomes
from avtext.metrics.sound_events import event_based
from avtext.model import EventDetector, collate
from avtext.training import open_clips

ONSET_COLLAR = 0.2  # seconds
Source = Clip | Path
Events = dict[str, Sequence[Event]]


class Trial(NamedTuple):
    """What rungs are tried on: sources by name, the events that are right, and the same clips under attack."""

    sources: dict[str, Source]
    reference: Events
    attacked: dict[str, Source]
    timed: Clip


@dataclass(frozen=True)
class Row:
    """One rung's line: sizes, CPU seconds for one second of video, MiB, and accuracy (NaN where it has none)."""

    rung: Rung
    bytes: int
    one_thread: Turns
    two_threads: Turns
    seconds: float
    peak: float | None
    f1: float
    boundary_ms: float
    calibration: float
    kept: float

    @property
    def speedup(self) -> float:
        """CPU time of the first rung over this one's, one thread each, in turn: other load does not count."""
        return self.one_thread.theirs.cpu / self.one_thread.ours.cpu


def measure(
    model: EventDetector,
    files: Sequence[Path],
    out: Path,
    settings: LadderSettings,
    say: Callable[[str], None],
) -> Iterator[Row]:
    """Climb the ladder and measure each rung as it is made; arguments as :func:`avtext.compression.ladder.climb`.

    Raises:
        AvtextError: a rung is outside its limit, with the reason; what was made until then stays.
    """
    rows: dict[str, Row] = {}
    trial: Trial | None = None
    for rung in climb(model, files, out, settings, say):
        first = rung if not rows else next(iter(rows.values())).rung
        if trial is None:
            trial = _trial(model, files, settings, rung)
        say(f"measuring {rung.name}")
        rows[rung.name] = _row(rung, first, trial, files[0])
        yield rows[rung.name]
        for fault in faults(rows, settings.limits):
            raise AvtextError(fault, code=Code.CONFIG, stage="compress")


def _trial(model: EventDetector, files: Sequence[Path], settings: LadderSettings, rung: Rung) -> Trial:
    finder = rung.open()
    with MediaReader(files[0], reading_for(finder.network.encoders)) as reader:
        timed = replace(next(iter(reader)), cues=finder.cues_of(files[0]))
    if settings.evaluate is None:
        sources: dict[str, Source] = {str(path): path for path in files}
        return Trial(sources, _found(finder, sources), {}, timed)
    clips = open_clips(settings.evaluate, model.settings)
    named = {f"{i}: {clips[i].name}": clips[i] for i in range(len(clips))}
    reference = {name: clip.events or () for name, clip in named.items()}
    attacked = {name: _under_attack(model, clip) for name, clip in named.items()}
    return Trial(dict(named), dict(reference), dict(attacked), timed)


def _under_attack(model: EventDetector, clip: Clip) -> Clip:
    """The clip that FGSM makes with the float32 model."""
    worse = attack(model, collate([clip], model.scheme, model.settings.grid_rate))
    changed: dict[str, Stream] = {}
    for name, stream in worse.streams.items():
        own: Stream = getattr(clip, name)
        changed[name] = replace(own, values=stream.values[0, : len(own)].detach().numpy())
    return replace(clip, **changed)  # type: ignore[arg-type]


def _found(finder: EventFinder, sources: Mapping[str, Source]) -> Events:
    return {name: finder(source).events for name, source in sources.items()}


def _row(rung: Rung, first: Rung, trial: Trial, file: Path) -> Row:
    def turns(threads: int) -> Turns:
        ours, theirs = (one.open(threads, align=False) for one in (rung, first))
        return take_turns(lambda: ours(trial.timed), lambda: theirs(trial.timed), rounds=3)

    finder = rung.open()
    estimate = _found(finder, trial.sources)
    clean = _f1(trial.reference, estimate)
    kept = _f1(trial.reference, _found(finder, trial.attacked)) / clean if trial.attacked and clean else math.nan
    return Row(
        rung=rung,
        bytes=rung.bytes,
        one_thread=turns(1),
        two_threads=turns(2),
        seconds=trial.timed.duration,
        peak=_peak(rung, file),
        f1=clean,
        boundary_ms=boundary_errors(trial.reference, estimate).both.median_ms,
        calibration=reliability(score_outcomes(trial.reference, estimate)).expected_error,
        kept=kept,
    )


def _f1(reference: Events, estimate: Events) -> float:
    f1 = event_based(reference, estimate, onset_collar=ONSET_COLLAR, offset_collar=None).micro.f1
    return 0.0 if math.isnan(f1) else f1


_PROBES = {
    "torch": "from avtext.pipeline import Pipeline as P\nP.from_pretrained({folder!r}, device='cpu')({file!r})",
    "onnx": "from avtext.runtime import Runtime as R\nR({folder!r}, threads=1)({file!r})",
}


def _peak(rung: Rung, file: Path) -> float | None:
    """MiB that a new process which finds events in one file holds at most; None where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return None
    code = _PROBES[rung.kind].format(folder=str(rung.folder), file=str(file))
    status = "next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))"
    return float(run_code(f"{code}\nprint(int({status}.split()[1]) / 1024)"))


def faults(rows: Mapping[str, Row], limits: LimitSettings) -> list[str]:
    """What the newest rung misses, in words."""
    return [
        f"{figure.name}: {figure.value:.3g} {figure.unit}, allowed {figure.sense.replace('_', ' ')} {figure.limit:g}"
        for figure in limited(rows, limits)
        if figure.met is False and figure.value is not None
    ]


def limited(rows: Mapping[str, Row], limits: LimitSettings) -> list[Figure]:
    """The figures that have a limit, of the rungs that are there."""
    found: list[Figure] = []
    base = rows["float32"]
    if (pruned := rows.get("pruned")) is not None:
        found.append(_loss("row02a_pruned_f1_loss", base.f1 - pruned.f1, limits.f1_loss, "float32"))
        found.append(_speedup("row02b_pruned_speedup", pruned, limits.pruned_speedup))
    if (int8 := rows.get("int8")) is not None:
        graphs, source = rows["onnx"], rows.get("pruned", base)
        share = int8.bytes / graphs.bytes
        found.append(Figure("row03a_int8_bytes", share, "of float32", limits.int8_bytes, "at_most"))
        found.append(_loss("row03b_int8_f1_loss", source.f1 - int8.f1, limits.f1_loss, source.rung.name))
        found.append(_speedup("row03c_int8_speedup", int8, limits.int8_speedup))
        if not math.isnan(int8.kept):
            found.append(_loss("row03d_int8_kept_loss", source.kept - int8.kept, limits.kept_loss, source.rung.name))
    return found


def _loss(name: str, loss: float, limit: float, of: str) -> Figure:
    return Figure(name, 100 * loss, "points", limit, "at_most", f"against {of}")


def _speedup(name: str, row: Row, limit: float) -> Figure:
    return Figure(name, row.speedup, "x CPU time", limit, detail=row.one_thread.describe("float32", row.rung.name))


def figures(rows: Mapping[str, Row], limits: LimitSettings) -> list[Figure]:
    """All that was measured, in the one shape of figures."""
    found = limited(rows, limits)
    for name, row in rows.items():
        values = (
            ("parameters", row.rung.parameters / 1e6, "M"),
            ("bytes", row.bytes / 1e6, "MB"),
            ("cpu_one_thread", row.one_thread.ours.cpu, "s"),
            ("wall_two_threads", row.two_threads.ours.wall, "s"),
            ("real_time_factor", row.one_thread.ours.cpu / row.seconds, "s per s"),
            ("peak_memory", row.peak, "MiB"),
            ("event_f1", row.f1, "F1"),
            ("boundary_error", row.boundary_ms, "ms"),
            ("calibration_error", row.calibration, "ECE"),
            ("fgsm_kept", row.kept, "of its F1"),
        )
        for what, value, unit in values:
            known = value is not None and not math.isnan(value)
            found.append(Figure(f"{name}_{what}", value if known else None, unit))
    return found
