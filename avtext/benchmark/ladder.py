"""The ladder measured: what every rung costs and what it still finds, in one run and in turn with what it came from."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from avtext.attacks import attack
from avtext.benchmark.ladder_rows import Events, Row, faults
from avtext.benchmark.timing import Timing, Turns, alternate, first_call, one_torch_thread, run_code, take_turns
from avtext.clip import Clip, Event, Stream
from avtext.compression.ladder import LadderSettings, Rung, climb
from avtext.compression.quantization import unreached
from avtext.detection import EventFinder
from avtext.errors import AvtextError, ConfigError, MediaError, counted
from avtext.features import reading_for
from avtext.media import MediaReader
from avtext.metrics.boundaries import boundary_errors
from avtext.metrics.calibration import reliability, score_outcomes
from avtext.model import EventDetector, collate, load_detector
from avtext.training import open_clips
from avtext.training.evaluation import Found

ROUNDS = 9  # timed calls of a rung and of its parent, in turn; the first of either are slower
STARTS = 3  # of a process with either
# What a rung came from, nearest first: the rung that its speed is measured in turn with.
_PARENTS = {
    "float32": (),
    "untaught": ("float32",),
    "student": ("float32",),
    "pruned": ("student", "float32"),
    "onnx": ("pruned", "student", "float32"),
    "int8": ("pruned", "student", "float32"),
}
Source = Clip | Path


class Trial(NamedTuple):
    """What rungs are tried on: sources by name, the events that are right, and the same clips under attack; and a file,
    with the clip at its beginning, on which they are timed.

    The attack is made with the float32 model that is made small: the student, where there is one.
    """

    sources: dict[str, Source]
    reference: Events
    attacked: dict[str, Source]
    file: Path
    timed: Clip


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
        ConfigError: none of the files can be read, or a modality of the model is in none of them.
    """
    rows: dict[str, Row] = {}
    trial: Trial | None = None
    for rung in climb(model, files, out, settings, say):
        with one_torch_thread():  # training, the next rung perhaps, has all of them
            if trial is None:
                trial = _trial(model, files, settings, rung, say)
            say(f"measuring {rung.name}")
            parent = next((rows[name].rung for name in _PARENTS[rung.name] if name in rows), rung)
            rows[rung.name] = _row(rung, parent, trial)
        yield rows[rung.name]
        wrong = faults(rows, settings.limits)
        if wrong and (settings.stop or rung.name == "int8"):
            last = rung.name == "int8"
            remedy = f"{rung.folder} is there all the same" if last else "stop=false goes on to the next rung"
            raise AvtextError(
                f"{'; '.join(wrong)}: {remedy}; docs/compression.md says how to allow more", stage="compress"
            )


def _trial(
    model: EventDetector, files: Sequence[Path], settings: LadderSettings, rung: Rung, say: Callable[[str], None]
) -> Trial:
    finder = rung.open()
    made_small = model if settings.student is None else load_detector(settings.student)
    wanted = [name for name in made_small.modalities if name in model.modalities]  # of others the teacher says nothing
    found = _readable(finder, files, wanted, say, enough=len(files) if settings.evaluate is None else 1)
    file = next(iter(found))
    with MediaReader(file, reading_for(finder.network.encoders)) as reader:
        timed = next(iter(reader))
    cues = [cue for cue in finder.cues_of(file) if cue.end > timed.start and cue.start < timed.end]
    timed = replace(timed, cues=tuple(cues))  # a film's thousands would count as the window's work
    if settings.evaluate is None:
        if not any(found.values()):
            say("the model finds nothing in these files: what a rung loses cannot be told from them")
        own = {str(path): events for path, events in found.items()}
        return Trial({str(path): path for path in found}, own, {}, file, timed)
    clips = open_clips(settings.evaluate, model.settings)
    named = {f"{i}: {clips[i].name}": clips[i] for i in range(len(clips))}
    reference = {name: clip.events or () for name, clip in named.items()}
    attacked = {name: _under_attack(made_small, clip) for name, clip in named.items()}
    return Trial(dict(named), dict(reference), dict(attacked), file, timed)


def _readable(
    finder: EventFinder, files: Sequence[Path], wanted: Sequence[str], say: Callable[[str], None], enough: int
) -> dict[Path, Sequence[Event]]:
    """What is found in the first files that can be read, ``enough`` of them and as many as it takes to reach every
    ``wanted`` modality: INT8, which comes last, is calibrated on all; ``say`` is told of those that cannot be read."""
    found: dict[Path, Sequence[Event]] = {}
    faults, missing = [], list(wanted)
    for file in files:
        if len(found) >= enough and not missing:
            break
        try:
            result = finder(file)
        except MediaError as error:
            faults.append(error.message)
            continue
        found[file] = result.events
        missing = [name for name in missing if name not in result.modalities]
    if not found:
        raise ConfigError(f"calibration: no file could be read: {'; '.join(faults[:3]) or 'none was given'}")
    if missing:
        raise unreached(missing[0], wanted)
    if faults:
        say(f"measuring without {len(faults)} of {counted(len(files), 'file')}: {'; '.join(faults[:3])}")
    return found


def _under_attack(model: EventDetector, clip: Clip) -> Clip:
    """The clip that FGSM makes with the float32 model."""
    worse = attack(model, collate([clip], model.scheme, model.settings.grid_rate))
    changed: dict[str, Stream] = {}
    for name, stream in worse.streams.items():
        own: Stream = getattr(clip, name)
        changed[name] = replace(own, values=stream.values[0, : len(own)].detach().numpy())
    return replace(clip, **changed)  # type: ignore[arg-type]


def _found(finder: EventFinder, reference: Events, sources: Mapping[str, Source]) -> Found:
    return Found(reference, {name: finder(source).events for name, source in sources.items()})


def _row(rung: Rung, parent: Rung, trial: Trial) -> Row:
    def turns(threads: int) -> Turns:
        ours, theirs = (one.open(threads, align=False) for one in (rung, parent))
        return take_turns(lambda: ours(trial.timed), lambda: theirs(trial.timed), ROUNDS)

    finder = rung.open()
    found = _found(finder, trial.reference, trial.sources)
    clean = found.f1()
    kept = _found(finder, trial.reference, trial.attacked).f1() / clean if trial.attacked and clean else math.nan
    return Row(
        rung=rung,
        parent=parent,
        one_thread=turns(1),
        two_threads=turns(2),
        seconds=trial.timed.duration,
        peak=_peak(rung, trial.file),
        found=found,
        boundary_ms=boundary_errors(*found).both.p90_ms,
        calibration=reliability(score_outcomes(*found)).expected_error,
        kept=kept,
        ready=_ready(rung, parent) if rung.name == "onnx" else None,
    )


_OPEN = {
    "torch": "from avtext.pipeline import Pipeline as P\nfinder = P.from_pretrained({folder!r}, device='cpu')",
    "onnx": "from avtext.runtime import Runtime as R\nfinder = R({folder!r}, threads=1)",
}


def _ready(rung: Rung, parent: Rung) -> Turns:
    """From the start of a new process until it could find events."""

    def once(one: Rung) -> Timing:
        return first_call(_OPEN[one.kind].format(folder=str(one.folder)))

    return alternate(lambda: once(rung), lambda: once(parent), STARTS)


def _peak(rung: Rung, file: Path) -> float | None:
    """MiB that a new process which finds events in one file holds at most; None where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return None
    find = f"{_OPEN[rung.kind].format(folder=str(rung.folder))}\nfinder({str(file)!r})"
    tell = "from avtext.benchmark.timing import resident\nprint(resident())"
    return float(run_code(f"{find}\n{tell}", patient=True))  # with a teacher a file of minutes can take as long
