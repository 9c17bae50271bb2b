"""The one training loop: any model settings, any source of clips; CPU, one GPU or several (Lightning Fabric).

Every random choice of step ``s`` is made from ``(seed, s)`` and the clips of step ``s`` are a function of them too, so
a run that was killed goes on from its last state to the very weights it would have had.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from avtext.data.sources import ClipSource
from avtext.distill import DistillSettings, Targets, teaching
from avtext.errors import AvtextError, Code, MissingExtra
from avtext.model import Batch, EventDetector, Losses, load_detector, save_detector
from avtext.training.clips import open_teacher
from avtext.training.evaluation import find, with_decision
from avtext.training.log import RunLog
from avtext.training.plan import StepBatches, batches
from avtext.training.settings import TrainSettings
from avtext.training.start import start_from
from avtext.training.state import publish_state, restore_state

logger = logging.getLogger(__name__)
Hook = Callable[[str, int, int, dict[str, float]], None]  # (what, step, of steps, figures)


class _Stepper(nn.Module):
    """The loss as a forward pass, which is what data-parallel wrappers can see."""

    def __init__(self, model: EventDetector, distill: DistillSettings | None) -> None:
        super().__init__()
        self.model, self.distill = model, distill

    def forward(self, batch: Batch, lost: Tensor | None, targets: Targets | None) -> Losses:
        told = None if targets is None or self.distill is None else teaching(self.model, targets, self.distill)
        return self.model.loss(batch, lost, told)


def fit(
    settings: TrainSettings,
    train: ClipSource,
    validation: ClipSource | None = None,
    *,
    card: str = "",
    hook: Hook | None = None,
) -> EventDetector:
    """Train a detector; goes on where ``settings.out`` holds the state of the same run.

    Args:
        settings: the run.
        train: clips to learn from, labelled; with ``settings.distill`` they need not be.
        validation: clips to choose the best weights by (event F1); without them the last weights are the result.
        card: the model card of the folders ``out/best`` and ``out/last``.
        hook: called as ``hook(what, step, steps, figures)`` after each step (``"train"``) and evaluation.

    Returns:
        The best detector, in evaluation mode, on the CPU.

    Raises:
        MissingExtra: Lightning is not installed.
        AvtextError: a loss is not finite (the last state is intact), the run's folder holds another run.
    """
    return _Run(settings, train, validation, card, hook).go()


class _Run:
    """State and steps of one training run."""

    def __init__(
        self,
        settings: TrainSettings,
        train: ClipSource,
        validation: ClipSource | None,
        card: str,
        hook: Hook | None,
    ) -> None:
        self.settings, self.train, self.validation, self.card, self.hook = settings, train, validation, card, hook
        self.fabric = _fabric(settings)
        if settings.threads:
            torch.set_num_threads(settings.threads)
        torch.manual_seed(settings.seed)
        self.model = _build(settings)
        self.teacher = open_teacher(settings)
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimizer = _optimizer(self.model, settings)
        self.progress: dict[str, Any] = {
            "step": 0, "best": -1.0, "stale": 0, "run": settings.model_dump_json(exclude={"out", "workers"})
        }  # fmt: skip
        self._resume()
        self.average.to(self.fabric.device)
        self.stepper, self.optimizer = self.fabric.setup(_Stepper(self.model, settings.distill), self.optimizer)
        self.log: RunLog

    def _resume(self) -> None:
        progress = restore_state(self.settings.out, self.model, self.average, self.optimizer)
        if progress is None:
            return
        if not _same_run(progress["run"], self.progress["run"]):
            raise AvtextError(
                f"{self.settings.out}: holds the state of a run with other settings: choose another out=, or remove it",
                code=Code.CONFIG,
            )
        self.progress = progress

    def go(self) -> EventDetector:
        s, fabric = self.settings, self.fabric
        self.dataset = StepBatches(
            self.train, self.model.scheme, self.model.settings.grid_rate, s.batch_size, s.seed,
            fabric.global_rank, fabric.world_size,
        )  # fmt: skip
        steps = range(self.progress["step"], s.steps)
        with RunLog(s.out if fabric.is_global_zero else None) as self.log:
            self._run(steps, batches(self.dataset, steps, s.workers))
            self._decide()
        return load_detector(s.out / ("best" if self.validation is not None else "last"))

    def _decide(self) -> None:
        """Thresholds and calibration of the best weights, chosen on the validation clips."""
        if self.validation is not None and self.fabric.is_global_zero:
            best, source = self.settings.out / "best", self.validation
            decided = with_decision(load_detector(best), (source[i] for i in range(len(source))))
            save_detector(best, decided, self.card, half=self.settings.half)
        self.fabric.barrier()

    def _run(self, steps: range, stream: Iterator[Batch]) -> None:
        patience = self.settings.patience
        mark = time.perf_counter()
        for step, batch in zip(steps, stream, strict=True):
            waited = time.perf_counter() - mark
            figures = self._step(step, batch)
            seconds = time.perf_counter() - mark
            self._after(step + 1, figures | {"seconds": seconds, "wait_share": waited / seconds})
            if patience is not None and self.progress["stale"] >= patience:
                logger.info("no better F1 in %d evaluations: stopped at step %d", patience, step + 1)
                self._save()
                return
            mark = time.perf_counter()

    def _step(self, step: int, batch: Batch) -> dict[str, float]:
        s = self.settings
        generator = torch.Generator().manual_seed(hash((s.seed, step, self.fabric.global_rank)) % 2**63)
        torch.manual_seed(hash((s.seed, step, self.fabric.global_rank, 1)) % 2**63)
        batch = batch.to(self.fabric.device)
        lost = draw_lost(len(batch.mask), len(self.model.modalities), s.modality_dropout, generator)
        rate = learning_rate(step, s)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.stepper.train()
        targets = self.teacher.targets(batch, self.dataset.indices(step)) if self.teacher else None
        losses = self.stepper(batch, None if lost is None else lost.to(self.fabric.device), targets)
        if not torch.isfinite(losses.total):
            raise AvtextError(
                f"the loss of step {step} is not finite (clips {', '.join(batch.names)}): lower learning_rate or "
                f"look at these clips; the last state in {s.out} is intact",
                stage="train",
            )
        self.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(losses.total)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), s.clip_norm)
        self.optimizer.step()
        self._average(step)
        terms = {"loss" if name == "total" else name: value.item() for name, value in losses._asdict().items()}
        return terms | {"gradient_norm": float(norm), "learning_rate": rate}

    @torch.no_grad()
    def _average(self, step: int) -> None:
        """Exponential moving average of the weights, with a shorter memory at first; buffers are copied."""
        decay = min(self.settings.average, (1 + step) / (10 + step))
        for mean, value in zip(self.average.parameters(), self.model.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)
        for kept, new in zip(self.average.buffers(), self.model.buffers(), strict=True):
            kept.copy_(new)

    def _after(self, step: int, figures: dict[str, float]) -> None:
        s = self.settings
        self.progress["step"] = step
        last = step == s.steps
        if self.validation is not None and (step % s.evaluate_every == 0 or last):
            figures |= self._evaluate(step)
        if step % s.checkpoint_every == 0 or last:
            self._save()
        if step % s.log_every == 0 or last or "f1" in figures:
            self.log.write(step, figures)
        self._tell("train", step, figures)

    def _evaluate(self, step: int) -> dict[str, float]:
        """Score the averaged weights; keep them in ``out/best`` where they are the best so far."""
        found = (0.0, 0.0)
        if self.fabric.is_global_zero and self.validation is not None:
            source = self.validation
            scores = find(self.average, (source[i] for i in range(len(source)))).scores()
            found = (scores.micro.f1, scores.macro.f1)
        micro, macro = (0.0 if math.isnan(f1) else f1 for f1 in self.fabric.broadcast(found))
        better = micro > self.progress["best"]
        self.progress["stale"] = 0 if better else self.progress["stale"] + 1
        if better:
            self.progress["best"] = micro
            if self.fabric.is_global_zero:
                save_detector(self.settings.out / "best", self.average, self.card, half=self.settings.half)
        self._tell("evaluate", step, {"f1": micro})
        self.fabric.barrier()
        return {"f1": micro, "macro_f1": macro}

    def _tell(self, what: str, step: int, figures: dict[str, float]) -> None:
        if self.hook and self.fabric.is_global_zero:
            self.hook(what, step, self.settings.steps, figures)

    def _save(self) -> None:
        if self.fabric.is_global_zero:
            save_detector(self.settings.out / "last", self.average, self.card, half=self.settings.half)
            publish_state(self.settings.out, self.model, self.average, self.optimizer, self.progress)
        self.fabric.barrier()


def _same_run(stored: str, own: str) -> bool:
    """Whether two runs have the same settings; one that an older version did not know stands at its default."""
    try:
        return TrainSettings.model_validate_json(stored) == TrainSettings.model_validate_json(own)
    except ValidationError:
        return False


def _fabric(settings: TrainSettings) -> Any:
    try:
        from lightning.fabric import Fabric
        from lightning.fabric.strategies import DDPStrategy
    except ImportError:
        raise MissingExtra.of("lightning", "train") from None
    accelerator = settings.accelerator
    if accelerator == "cuda" and not torch.cuda.is_available():
        raise AvtextError("accelerator: cuda was asked for but no GPU is there: use accelerator=cpu or auto")
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    precision = settings.precision
    if precision == "auto":  # bf16 is several times slower than float32 on most CPUs
        precision = "bf16-mixed" if accelerator == "cuda" else "32-true"
    strategy: Any = "auto"
    if settings.devices > 1:  # a modality that no clip of a batch has leaves its weights without a gradient
        strategy = DDPStrategy(find_unused_parameters=True)
    fabric = Fabric(accelerator=accelerator, devices=settings.devices, precision=precision, strategy=strategy)
    fabric.launch()
    return fabric


def _build(settings: TrainSettings) -> EventDetector:
    model = EventDetector(settings.model)
    return model if settings.init is None else start_from(model, settings.init, settings.prune)


def _optimizer(model: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """AdamW; no weight decay on norms, biases, and the CRF's transitions."""
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    decayed = [p for name, p in trained if p.ndim > 1 and not name.startswith("crf.")]
    others = [p for name, p in trained if not (p.ndim > 1 and not name.startswith("crf."))]
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=settings.learning_rate, betas=(0.9, 0.98))


def learning_rate(step: int, settings: TrainSettings) -> float:
    """Linear warm-up, then a half cosine down to 1 % at the last step."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def draw_lost(clips: int, modalities: int, chance: float, generator: torch.Generator) -> Tensor | None:
    """Which modalities the second view of each clip lacks, boolean (clips, modalities), never all of them.

    Args:
        clips: how many.
        modalities: how many the model has.
        chance: that one is lost; with 0, or with one modality, there is no second view.
        generator: of the step.

    Example:
        >>> lost = draw_lost(100, 3, 0.9, torch.Generator().manual_seed(0))
        >>> bool(lost.any()), bool(lost.all(1).any())
        (True, False)
    """
    if chance == 0 or modalities < 2:
        return None
    lost: Tensor = torch.rand(clips, modalities, generator=generator) < chance
    kept = torch.randint(modalities, (clips,), generator=generator)
    lost[torch.arange(clips), kept] &= ~lost.all(1)
    return lost
