"""The rungs: the model as it is, its student, pruned and trained again, written for the runtime, and in INT8."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field

from avtext.backends import choose
from avtext.checkpoint import WEIGHTS
from avtext.compression.export import Say, export_detector
from avtext.compression.parts import parts_of
from avtext.compression.quantization import PER_GRAPH, quantize_folder
from avtext.config import Settings
from avtext.detection import EventFinder
from avtext.errors import ConfigError
from avtext.model import EventDetector, load_detector, save_detector
from avtext.runtime import Runtime
from avtext.storage import PART
from avtext.timeline import GRID_RATE
from avtext.training import DataSettings, TrainSettings, check_lightning, check_models, fit, open_clips, settings_of

FIRST = "float32"  # the rung that the model itself is


class LimitSettings(Settings):
    """What a rung may lose, and what it must win; F1 and shares in points of 100.

    What is lost is judged by default. What a rung costs depends on the model and the machine: without a limit of one's
    own (``None``) it is measured and told. Those of this repository's own ladder are in ``configs/compress.yaml``.
    """

    student_f1: float = Field(0.98, ge=0, description="of the student, as a share of its teacher's")
    f1_loss: float = Field(1.0, ge=0, description="of pruned and INT8, against the rung they were made from")
    kept_loss: float = Field(
        3.0, ge=0, description="of INT8: accuracy kept under FGSM, against the rung it was made from"
    )
    runtime_score: float = Field(1e-3, gt=0, description="largest difference of an event's score without torch")
    runtime_steps: float = Field(1.0, ge=0, description="largest difference of an event's border, in grid steps")
    student_parameters: float | None = Field(None, gt=0, description="of the student, as a share of its teacher's")
    student_gain: float | None = Field(None, description="points of the student over the same one without a teacher")
    pruned_speedup: float | None = Field(
        None, gt=0, description="CPU time of the model that is pruned over the pruned one's"
    )
    int8_speedup: float | None = Field(
        None, gt=0, description="CPU time of the float32 model in torch over that of INT8"
    )
    int8_bytes: float | None = Field(
        None, gt=0, description="of INT8, as a share of the same model's graphs in float32"
    )
    int8_of_student: float | None = Field(None, gt=0, description="bytes of INT8, as a share of the unpruned model's")
    runtime_ready: float | None = Field(None, gt=0, description="seconds of a new process until the runtime can begin")
    runtime_peak: float | None = Field(None, gt=0, description="peak memory without torch, as a share of that with it")


class LadderSettings(Settings):
    """What ``avtext compress`` does beside exporting.

    ``finetune`` are training settings without ``model``, ``init``, ``prune`` and ``out``; without them nothing is
    pruned, for a pruned model that is not trained is of no use. Without ``evaluate`` the rungs are compared with the
    model itself on the clips of calibration.
    """

    student: Path | None = Field(None, description="model folder that avtext distill made: what is made small")
    untaught: Path | None = Field(None, description="folder of the same student trained without a teacher")
    stop: bool = Field(True, description="at the first rung outside a limit; false: go on, and fail at the end")
    prune: float = Field(0.3, gt=0, le=0.9, description="share of the channels of every layer that go")
    finetune: dict[str, Any] | None = None
    evaluate: DataSettings | None = None
    limits: LimitSettings = LimitSettings()


@dataclass(frozen=True)
class Rung:
    """One form of the model.

    Args:
        name: ``"float32"``, ``"untaught"``, ``"student"``, ``"pruned"``, ``"onnx"`` or ``"int8"``.
        kind: what runs it.
        folder: where it is.
        parameters: of the model.
        grid_rate: its grid steps per second.
    """

    name: str
    kind: Literal["torch", "onnx"]
    folder: Path
    parameters: int
    grid_rate: float = GRID_RATE

    @property
    def bytes(self) -> int:
        """Of its weights: safetensors, or all graphs."""
        files = [self.folder / WEIGHTS] if self.kind == "torch" else self.folder.glob("*.onnx")
        return sum(path.stat().st_size for path in files)

    def open(self, threads: int = 1, *, align: bool = True) -> EventFinder:
        """What finds events with it, on the CPU."""
        if self.kind == "onnx":
            return Runtime(self.folder, threads=threads, align=align)
        from avtext.pipeline import Pipeline

        torch.set_num_threads(threads)
        return Pipeline.from_pretrained(self.folder, device="cpu", align=align)


def check_out(out: Path, model: EventDetector) -> None:
    """Refuse a folder that holds anything but a ladder of this very model, which goes on where it was stopped.

    Args:
        out: of :func:`climb`; not there, empty, or with the rungs that another call came to.
        model: of :func:`climb`.

    Raises:
        ConfigError: it is a file, or holds something else, or the ladder of another model.
    """
    if out.exists() and not out.is_dir():
        raise ConfigError(f"out: {out}: is a file: name a folder")
    if not out.exists() or all(path.suffix == PART for path in out.iterdir()):  # of a first rung that was not finished
        return
    if not (out / FIRST).is_dir():
        raise ConfigError(f"out: {out}: is not empty: name a new folder, or that of a ladder to go on with it")
    begun = load_detector(out / FIRST)
    there, given = begun.state_dict(), model.state_dict()
    same = there.keys() == given.keys() and all(torch.equal(value, given[name]) for name, value in there.items())
    if begun.settings != model.settings or not same:
        raise ConfigError(f"out: {out}: holds the ladder of another model: name a new folder")


def climb(
    model: EventDetector, files: Sequence[str | Path], out: Path, settings: LadderSettings, say: Say
) -> Iterator[Rung]:
    """Make one rung after the other, so that whoever measures them can stop.

    Args:
        model: where the ladder begins.
        files: clips to calibrate on.
        out: folder; each rung gets one in it. Training goes on from the state that is there.
        settings: what is done.
        say: told what is being made.

    Raises:
        ModelError: an encoder without a graph, or an operator that ONNX lacks.
        ConfigError: calibration clips of no use, wrong training settings, or a folder that holds something else.
        MissingExtra: onnx, onnxscript, onnxruntime or lightning is not installed.
    """
    choose("onnxruntime")  # what is missing is told now, not when the rungs in torch are made and measured
    if settings.finetune is not None:
        check_lightning()
    check_out(out, model)
    untaught, student = (None if one is None else load_detector(one) for one in (settings.untaught, settings.student))
    parts_of(student or model)  # an encoder without a graph is told now, and so is what the training cannot be
    save_detector(out / FIRST, model, "# The model that the ladder begins with\n")
    start = settings.student or out / FIRST
    run = None if settings.finetune is None else _finetuning(out, start, settings.finetune, settings.prune)
    yield _rung(FIRST, out / FIRST, model)
    if settings.untaught is not None and untaught is not None:
        yield _rung("untaught", settings.untaught, untaught)
    if student is not None:
        model = student
        yield _rung("student", start, model)
    if run is not None:
        say("pruning and training again")
        model = _pruned(out / "pruned", run)
        yield _rung("pruned", out / "pruned", model)
    total, rate = model.num_parameters()["total"], model.settings.grid_rate
    export_detector(model, out / "onnx", lambda name: say(f"writing {name}.onnx"))
    yield Rung("onnx", "onnx", out / "onnx", total, rate)
    say(f"calibrating on at most {PER_GRAPH} windows, spread over {len(files)} files")
    quantize_folder(out / "onnx", files, out / "int8", say)
    yield Rung("int8", "onnx", out / "int8", total, rate)


def _rung(name: str, folder: Path, model: EventDetector) -> Rung:
    return Rung(name, "torch", folder, model.num_parameters()["total"], model.settings.grid_rate)


def _finetuning(out: Path, start: Path, finetune: dict[str, Any], share: float) -> TrainSettings:
    """How the model in ``start`` with ``share`` of its channels gone is trained again."""
    own = {"init": str(start), "prune": share, "out": str(out / "pruned-run")}
    for name in own:
        if name in finetune:
            raise ConfigError(f"finetune: {name}: is the ladder's own to set: leave it out")
    values = {**finetune, **own}
    run = settings_of(values, "finetune")
    if run.train is None:
        raise ConfigError("finetune: train: is missing: give train.scenes or train.manifest")
    check_models(run)
    return run


def _pruned(folder: Path, run: TrainSettings) -> EventDetector:
    """The model that ``run`` prunes and trains again, kept in ``folder``."""
    assert run.train is not None  # of _finetuning
    train = open_clips(run.train, run.model)
    validation = open_clips(run.validation, run.model) if run.validation else None
    trained = fit(run, train, validation)
    save_detector(folder, trained, f"# Pruned by {run.prune:.0%} and trained for {run.steps} steps\n")
    return trained
