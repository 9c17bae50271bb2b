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
from contextlib import closing, nullcontext
from typing import Any

import torch
from torch import Tensor

from avtext.attacks import fgsm_from_random_start, with_gradients
from avtext.config import DecisionSettings
from avtext.data.sources import ClipSource
from avtext.distill import Targets
from avtext.errors import AvtextError
from avtext.model import Batch, EventDetector, Losses, load_detector, save_detector
from avtext.storage import held
from avtext.training.clips import check_clips, open_teacher
from avtext.training.clocks import with_confidence
from avtext.training.cost import CostMeter
from avtext.training.devices import begins_run, open_fabric
from avtext.training.evaluation import find, with_decision
from avtext.training.identity import check_same_run, identity_of
from avtext.training.interruption import deferred_interrupts
from avtext.training.log import RunLog
from avtext.training.modality_dropout import draw_lost, modalities_in
from avtext.training.optimizer import learning_rate, make_optimizer
from avtext.training.plan import StepBatches, batches, seed_of
from avtext.training.settings import TrainSettings
from avtext.training.start import fix_all_but, start_from
from avtext.training.state import publish_state, restore_state
from avtext.training.stepper import Stepper, View

logger = logging.getLogger(__name__)
Hook = Callable[[str, int, int, dict[str, float]], None]  # (what, step, of steps, figures)


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
        hook: called as ``hook(what, step, steps, figures)`` after each step (``"train"``) and evaluation, at the end
            with what an epoch costs (``"cost"``: the fields of :class:`avtext.training.cost.EpochCost`), after
            Ctrl-C (``"stopping"``), and where patience ends the run (``"stale"``: ``evaluations`` without a better F1).

    Returns:
        The best detector, in evaluation mode, on the CPU.

    Raises:
        MissingExtra: Lightning is not installed.
        ConfigError: there is nothing to learn from, or videos lack the labels that they need.
        AvtextError: a loss or a gradient is not finite or a worker died (the last state is intact), the run's folder
            holds another run, or another training uses it.
        KeyboardInterrupt: Ctrl-C; the run finishes its step and keeps its state first.
    """
    check_clips(settings, train, validation)
    with held(settings.out) if begins_run() else nullcontext():
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
        self.fabric = open_fabric(settings)
        if settings.threads:
            torch.set_num_threads(settings.threads)
        torch.manual_seed(settings.seed)
        self.model = _build(settings)
        self.fixed = [] if settings.learn is None else fix_all_but(self.model, settings.learn, settings.distill)
        self.teacher = open_teacher(settings)
        self.model.to(self.fabric.device)  # first: an optimizer's moments are loaded to where its parameters are
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimizer = make_optimizer(self.model, settings)
        self.progress: dict[str, Any] = {"step": 0, "best": -1.0, "stale": 0}
        self.progress |= identity_of(settings, train, validation)
        self._resume()
        self.stepper, self.optimizer = self.fabric.setup(Stepper(self.model, settings.distill), self.optimizer)
        self.log: RunLog

    def _resume(self) -> None:
        progress = restore_state(self.settings.out, self.model, self.average, self.optimizer)
        if progress is not None:
            check_same_run(self.settings, progress, self.progress)
            self.progress |= progress

    def go(self) -> EventDetector:
        s, fabric = self.settings, self.fabric
        self.dataset = StepBatches(
            self.train, self.model.scheme, self.model.settings.grid_rate, s.batch_size, s.seed,
            fabric.global_rank, fabric.world_size,
        )  # fmt: skip
        self.cost = CostMeter(s.batch_size * fabric.world_size, len(self.train))
        steps = range(self.progress["step"], s.steps)
        with RunLog(s.out if fabric.is_global_zero else None, steps.start) as self.log:
            stream = batches(self.dataset, steps, s.workers, pinned=fabric.device.type == "cuda")
            with closing(stream), deferred_interrupts(self._stopping) as pressed:
                self._run(steps, stream, lambda: self._in_any(pressed()))
            self._decide()
        if (cost := self.cost.cost()) is not None:
            logger.info("%s", cost)
            self._tell("cost", self.progress["step"], cost._asdict())
        return load_detector(s.out / ("best" if self.validation is not None else "last"))

    def _decide(self) -> None:
        """What is chosen on the validation clips for the best weights: thresholds, calibration and confidence.

        A training that teaches no events leaves the first two as those of init.
        """
        if self.validation is not None and self.fabric.is_global_zero:
            best, source = self.settings.out / "best", self.validation
            model = load_detector(best).to(self.fabric.device)
            if not self.settings.keeps_events:
                model = with_decision(model, (source[i] for i in range(len(source))))
            model = with_confidence(model, (source[i] for i in range(len(source))))
            save_detector(best, model, self.card, half=self.settings.half)
        self.fabric.barrier()

    def _in_any(self, pressed: bool) -> bool:
        """Whether Ctrl-C was pressed in any process of the run: each may hear of it at another step."""
        if self.fabric.world_size == 1:
            return pressed
        return bool(self.fabric.all_reduce(torch.tensor(float(pressed), device=self.fabric.device)) > 0)

    def _stopping(self) -> None:
        self._tell("stopping", self.progress["step"], {})

    def _run(self, steps: range, stream: Iterator[Batch], interrupted: Callable[[], bool]) -> None:
        if self._stale():  # stopped before, and started again
            self._tell_stale()
            return
        mark = time.perf_counter()
        for step, batch in zip(steps, stream, strict=True):
            waited = time.perf_counter() - mark
            figures = self._step(step, batch)
            seconds = time.perf_counter() - mark
            self.cost.add(seconds, waited)
            self._after(step + 1, figures | {"seconds": seconds, "wait_share": waited / seconds})
            if self._stale():
                self._save()
                self._tell_stale()
                return
            if interrupted():
                self._save()
                raise KeyboardInterrupt
            mark = time.perf_counter()

    def _stale(self) -> bool:
        """Whether it has got no better for as long as anyone waits."""
        patience = self.settings.patience
        return patience is not None and self.progress["stale"] >= patience

    def _tell_stale(self) -> None:
        evaluations, step = self.progress["stale"], self.progress["step"]
        logger.info("no better F1 in %d evaluations: stopped at step %d", evaluations, step)
        self._tell("stale", step, {"evaluations": evaluations})

    def _step(self, step: int, batch: Batch) -> dict[str, float]:
        s = self.settings
        generator = torch.Generator().manual_seed(seed_of(s.seed, step, self.fabric.global_rank))
        torch.manual_seed(seed_of(s.seed, step, self.fabric.global_rank, 1))
        lost = draw_lost(modalities_in(batch, self.model.modalities), s.modality_dropout, generator)
        batch = batch.to(self.fabric.device)
        rate = learning_rate(step, s)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.stepper.train()
        for part in self.fixed:
            part.eval()
        targets = self.teacher.targets(batch, self.dataset.indices(step)) if self.teacher else None
        self.optimizer.zero_grad(set_to_none=True)
        losses, attacked = self._backward(step, batch, None if lost is None else lost.to(self.fabric.device), targets)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), s.clip_norm)
        self._check_finite("gradient", norm, step, batch)
        self.optimizer.step()
        self._average(step)
        terms = {"loss" if name == "total" else name: value.item() for name, value in losses._asdict().items()}
        terms |= {} if attacked is None else {"attacked": attacked.item()}
        return terms | {"gradient_norm": float(norm), "learning_rate": rate}

    def _backward(
        self, step: int, batch: Batch, lost: Tensor | None, targets: Targets | None
    ) -> tuple[Losses, Tensor | None]:
        """Gradients of a step: of the batch's loss and, where that is asked for, of its loss under attack."""
        hard = self.settings.adversarial
        if hard is None:
            return self._descend(step, batch, lost, targets), None
        batch, leaves = with_gradients(batch, hard.budgets)
        losses = self._descend(step, batch, lost, targets, 1.0 - hard.weight)
        generator = torch.Generator().manual_seed(seed_of(self.settings.seed, step, self.fabric.global_rank, 2))
        batch = fgsm_from_random_start(batch, leaves, hard.budgets, generator)
        return losses, self._descend(step, batch, lost, targets, hard.weight).total

    def _descend(
        self, step: int, batch: Batch, lost: Tensor | None, targets: Targets | None, weight: float = 1.0
    ) -> Losses:
        """Add the gradients of one pass to those that are there."""
        losses = self.stepper(View(batch, lost, targets))
        self._check_finite("loss", losses.total, step, batch)
        self.fabric.backward(losses.total * weight)
        return losses

    def _check_finite(self, what: str, value: Tensor, step: int, batch: Batch) -> None:
        """Refuse what would spoil the weights."""
        if not torch.isfinite(value):
            raise AvtextError(
                f"the {what} of step {step} is not finite (clips {', '.join(batch.names)}): lower learning_rate or "
                f"look at these clips; the last state in {self.settings.out} is intact",
                stage="train",
            )

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
        """Score the averaged weights; keep them in ``out/best`` where none before were better."""
        found = (0.0, 0.0)
        if self.fabric.is_global_zero and self.validation is not None:
            source = self.validation
            scores = find(self.average, (source[i] for i in range(len(source)))).scores()
            found = (scores.micro.f1, scores.macro.f1)
        micro, macro = (0.0 if math.isnan(f1) else f1 for f1 in self.fabric.broadcast(found))
        before = self.progress["best"]
        self.progress["stale"] = 0 if micro > before else self.progress["stale"] + 1
        if micro >= before:  # of equals the newest: where only the clocks learn, events stay what they are
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


def _build(settings: TrainSettings) -> EventDetector:
    """The model as it begins; what was decided for weights that change from here on is forgotten."""
    model = EventDetector(settings.model)
    if settings.init is not None:
        start_from(model, settings.init, settings.prune, settings.widen)
    if not settings.keeps_events:
        model.settings = model.settings.model_copy(update={"decision": DecisionSettings()})
    return model
