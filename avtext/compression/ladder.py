"""The rungs: the model as it is, pruned and trained again, written for the runtime, and in INT8."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from avtext.checkpoint import WEIGHTS
from avtext.compression.export import export_detector
from avtext.compression.pruning import prune
from avtext.compression.quantization import quantize_folder
from avtext.config import Settings, parse
from avtext.detection import EventFinder
from avtext.errors import ConfigError
from avtext.model import EventDetector, save_detector
from avtext.runtime import Runtime
from avtext.training import DataSettings, TrainSettings, fit, open_clips

Say = Callable[[str], None]


class LimitSettings(Settings):
    """What a rung may lose and must win; F1 and shares in points of 100."""

    f1_loss: float = Field(1.0, ge=0, description="of pruned and INT8, against the rung they were made from")
    kept_loss: float = Field(3.0, ge=0, description="of INT8: accuracy kept under FGSM, against float32")
    pruned_speedup: float = Field(1.2, gt=0, description="CPU time of the model as it is over that of the pruned one")
    int8_speedup: float = Field(2.0, gt=0, description="CPU time of the float32 model in torch over that of INT8")
    int8_bytes: float = Field(0.27, gt=0, description="of INT8, as a share of the same model's graphs in float32")


class LadderSettings(Settings):
    """What ``avtext compress`` does beside exporting.

    ``finetune`` are training settings without ``model``, ``init`` and ``out``; without them nothing is pruned, for a
    pruned model that is not trained is of no use. Without ``evaluate`` the rungs are compared with the model itself on
    the clips of calibration.
    """

    prune: float = Field(0.3, gt=0, le=0.9, description="share of the channels of every layer that go")
    finetune: dict[str, Any] | None = None
    evaluate: DataSettings | None = None
    limits: LimitSettings = LimitSettings()


@dataclass(frozen=True)
class Rung:
    """One form of the model.

    Args:
        name: ``"float32"``, ``"pruned"``, ``"onnx"`` or ``"int8"``.
        kind: what runs it.
        folder: where it is.
        parameters: of the model.
    """

    name: str
    kind: Literal["torch", "onnx"]
    folder: Path
    parameters: int

    @property
    def bytes(self) -> int:
        """Of its weights: safetensors, or all graphs."""
        files = [self.folder / WEIGHTS] if self.kind == "torch" else self.folder.glob("*.onnx")
        return sum(path.stat().st_size for path in files)

    def open(self, threads: int = 1, *, align: bool = True) -> EventFinder:
        """What finds events with it, on the CPU."""
        if self.kind == "onnx":
            return Runtime(self.folder, threads=threads, align=align)
        import torch

        from avtext.pipeline import Pipeline

        torch.set_num_threads(threads)
        return Pipeline.from_pretrained(self.folder, device="cpu", align=align)


def climb(
    model: EventDetector, files: Sequence[str | Path], out: Path, settings: LadderSettings, say: Say
) -> Iterator[Rung]:
    """Make one rung after the other, so that whoever measures them can stop.

    Args:
        model: where the ladder begins.
        files: clips to calibrate on.
        out: folder; each rung gets one in it.
        settings: what is done.
        say: told what is being made.

    Raises:
        ModelError: an encoder without a graph, or an operator that ONNX lacks.
        ConfigError: calibration clips that are of no use, or wrong training settings.
        MissingExtra: onnx, onnxscript, onnxruntime or lightning is not installed.
    """
    save_detector(out / "float32", model, "# The model that the ladder begins with\n")
    yield Rung("float32", "torch", out / "float32", model.num_parameters()["total"])
    if settings.finetune is not None:
        say("pruning and training again")
        model = _pruned(model, out, settings.prune, settings.finetune)
        yield Rung("pruned", "torch", out / "pruned", model.num_parameters()["total"])
    total = model.num_parameters()["total"]
    export_detector(model, out / "onnx", lambda name: say(f"writing {name}.onnx"))
    yield Rung("onnx", "onnx", out / "onnx", total)
    say(f"calibrating on {len(files)} files")
    quantize_folder(out / "onnx", files, out / "int8")
    yield Rung("int8", "onnx", out / "int8", total)


def _pruned(model: EventDetector, out: Path, share: float, finetune: dict[str, Any]) -> EventDetector:
    small = prune(model, share)
    start = out / "pruned-start"
    save_detector(start, small, f"# Pruned by {share:.0%}, not trained yet\n")
    values = {**finetune, "model": small.settings, "init": start, "out": out / "pruned-run"}
    run = parse(TrainSettings, values, "finetune")
    if run.train is None:
        raise ConfigError("finetune: train: is missing: give train.scenes or train.manifest")
    train = open_clips(run.train, run.model)
    validation = open_clips(run.validation, run.model) if run.validation else None
    trained = fit(run, train, validation)
    save_detector(out / "pruned", trained, f"# Pruned by {share:.0%} and trained for {run.steps} steps\n")
    return trained
