"""``avtext train`` and ``avtext distill``: a detector from scenes or from one's own videos, or from a teacher."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from avtext.cli.options import Debug, Verbose
from avtext.errors import ConfigError, counted


def train(
    config: Annotated[Path, typer.Option("-c", "--config", help="A YAML file such as configs/smoke.yaml.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Settings to change, as key.sub=value.")] = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Train a detector, or resume a stopped run; needs the extra train.

    Example: avtext train -c configs/smoke.yaml out=runs/mine steps=50
    """
    _train("train", config, overrides or [])


def distill(
    config: Annotated[Path, typer.Option("-c", "--config", help="A YAML file such as configs/distill.yaml.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Settings to change, as key.sub=value.")] = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Train a student that learns from a teacher, on labelled clips or on others; needs the extra train.

    Example: avtext distill -c configs/distill.yaml distill.teacher=runs/teacher/best
    """
    _train("distill", config, overrides or [])


def _train(command: str, config: Path, overrides: list[str]) -> None:
    from avtext.cli.inputs import check_folder
    from avtext.cli.progress import Counter, waiting

    with waiting("loading"):
        from avtext.training import accelerator_of, check_lightning, check_models, fit, open_clips, read_settings
        from avtext.training.card import draft_card
        from avtext.training.devices import begins_run

    settings = read_settings(config, overrides)
    if settings.train is None:
        raise ConfigError(f"{config}: train: is missing: give train.scenes or train.manifest")
    if command == "distill" and settings.distill is None:
        raise ConfigError(f"{config}: distill: is missing: give distill.teacher, a model folder")
    check_folder("out", settings.out)
    check_lightning()
    check_models(settings)
    device = accelerator_of(settings)
    with Counter("reading", piped=True) as reading:  # decoding can take a while
        source = open_clips(settings.train, settings.model, reading, device=device)
        held_out = settings.validation
        validation = open_clips(held_out, settings.model, reading, device=device) if held_out else None
    words = shlex.join(["avtext", command, "-c", str(config), *overrides])
    with _Bar() as bar:
        model = fit(settings, source, validation, card=draft_card(settings, words), hook=bar)
    if not begins_run():  # another process of this run says it
        return
    best = settings.out / ("best" if validation is not None else "last")
    total = model.num_parameters()["total"]
    use = f"avtext detect VIDEO -m {shlex.quote(str(best))}"
    sys.stdout.write(f"{best}: {total:,} parameters; use it with: {use}\n")


class _Bar:
    """Draws a bar on a terminal, or a line at each evaluation and every 30 s where output is piped."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[said]}"),
        )
        self._piped = not sys.stderr.isatty()
        self._bar = Progress(*columns, console=Console(stderr=True), disable=self._piped)
        self._task = self._bar.add_task("", total=None, said="")
        self._mark = 0.0
        self._f1 = ""

    def __enter__(self) -> _Bar:
        self._bar.__enter__()
        return self

    def __exit__(self, *what: object) -> None:
        self._bar.__exit__(*what)  # type: ignore[arg-type]

    def __call__(self, what: str, step: int, steps: int, figures: Mapping[str, float]) -> None:
        """A hook for :func:`avtext.training.fit`."""
        import time

        if what == "cost":
            from avtext.training.cost import EpochCost

            self._bar.console.print(str(EpochCost(**figures)), highlight=False, soft_wrap=True)
            return
        if what == "stopping":
            text = "stopping when this step is done; the same command goes on from there; Ctrl-C again stops at once"
            self._bar.console.print(text, highlight=False, soft_wrap=True)
            return
        if what == "stale":
            count = counted(int(figures["evaluations"]), "evaluation")
            text = f"stopped at step {step} of {steps}: no better F1 in {count}, which is the patience of the settings"
            self._bar.console.print(text, highlight=False, soft_wrap=True)
            return
        if what == "evaluate":
            self._f1 = f" F1 {figures['f1']:.3f}"
        loss = f"loss {figures['loss']:.3f}" if "loss" in figures else ""
        self._bar.update(self._task, total=steps, completed=step, said=loss + self._f1)
        if self._piped and (what == "evaluate" or step == steps or time.monotonic() - self._mark > 30):
            self._mark = time.monotonic()
            sys.stderr.write(f"step {step}/{steps} {loss}{self._f1}\n")
