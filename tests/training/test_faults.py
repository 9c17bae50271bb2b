"""A fault in training is one typed error, the last state stays, and the next run ends as if nothing had been."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from functools import cache
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest
import torch

from avtext.clip import Clip, Stream
from avtext.errors import AvtextError, StorageError
from avtext.model import EventDetector
from avtext.training import TrainSettings, fit
from avtext.training.optimizer import make_optimizer
from tests.limits import file_size_limit
from tests.processes import holder_of
from tests.training.test_loop import MODEL, SOURCE, equal, run, weights

SMALL = {**MODEL, "encoders": {name: MODEL["encoders"][name] for name in ("audio", "picture")}}  # type: ignore[index]
HOW = {"model": SMALL, "steps": 4, "checkpoint_every": 1}
kept = cache(SOURCE.__getitem__)


class Faulty:
    """Scenes; where ``trap`` is a file, clip ``index`` has no sound but NaN, or kills who makes it."""

    def __init__(self, trap: Path, index: int, deadly: bool) -> None:
        self.trap, self.index, self.deadly = trap, index, deadly

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Clip:
        good = kept(index)
        if index != self.index or not self.trap.exists():
            return good
        if self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        assert good.audio is not None
        bad = Stream(np.full_like(good.audio.values, np.nan), good.audio.rate)
        return Clip(good.duration, audio=bad, events=good.events, name="poisoned")


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    place = tmp_path / "trap"
    place.touch()
    return place


def index_of_step(step: int) -> int:
    """The first clip of a step of :class:`Faulty` under the settings of this module."""
    from avtext.training.plan import StepBatches

    return StepBatches(Faulty(Path(), 0, False), None, 25.0, 2, seed=1).indices(step)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("adversarial", [None, {"weight": 0.5}], ids=["plain", "adversarial"])
def test_a_batch_of_nan(tmp_path: Path, trap: Path, adversarial: object) -> None:
    source, how = Faulty(trap, index_of_step(2), deadly=False), {**HOW, "adversarial": adversarial}
    told = []
    with pytest.raises(AvtextError, match=r"step 2 is not finite.*poisoned.*intact"):
        fit(run(tmp_path / "a", **how), source, hook=lambda what, step, *_: told.append((what, step)))
    assert told == [("train", 1), ("train", 2)]
    trap.unlink()
    again = fit(run(tmp_path / "a", **how), source)
    assert equal(weights(fit(run(tmp_path / "b", **how), source)), weights(again))


def test_a_gradient_of_inf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a loss that is finite, as under a root of zero; clipping makes NaN of it, and the state is of the same step."""
    source = [kept(i) for i in range(8)]
    told: list[int] = []

    def steep(model: EventDetector, settings: TrainSettings) -> torch.optim.Optimizer:
        model.emit.bias.register_hook(lambda gradient: gradient * (torch.inf if len(told) == 2 else 1))
        return make_optimizer(model, settings)

    with monkeypatch.context() as patch:
        patch.setattr("avtext.training.loop.make_optimizer", steep)
        with pytest.raises(AvtextError, match=r"gradient of step 2 is not finite \(clips .*intact"):
            fit(run(tmp_path / "a", **HOW), source, hook=lambda what, step, *_: told.append(step))
    again = fit(run(tmp_path / "a", **HOW), source)
    assert equal(weights(fit(run(tmp_path / "b", **HOW), source)), weights(again))


def test_a_worker_that_dies(tmp_path: Path, trap: Path) -> None:
    source = Faulty(trap, index_of_step(2), deadly=True)
    with pytest.raises(AvtextError, match=r"a worker process that makes batches died.*start again") as caught:
        fit(run(tmp_path / "a", **HOW, workers=1), source)
    assert "\n" not in caught.value.message
    assert not active_children()
    trap.unlink()
    again = fit(run(tmp_path / "a", **HOW), source)
    assert equal(weights(fit(run(tmp_path / "b", **HOW), source)), weights(again))


def test_a_disk_that_fills_up_on_the_way(tmp_path: Path) -> None:
    disk = ExitStack()

    def fill(what: str, step: int, *_: object) -> None:
        if step == 2:
            disk.enter_context(file_size_limit(20_000))

    source = [kept(i) for i in range(8)]
    with disk, pytest.raises(StorageError, match="cannot be written"):
        fit(run(tmp_path / "a", **HOW), source, hook=fill)
    steps = []
    again = fit(run(tmp_path / "a", **HOW), source, hook=lambda what, step, *_: steps.append(step))
    assert steps[0] == 3
    assert equal(weights(fit(run(tmp_path / "b", **HOW), source)), weights(again))


def test_a_folder_that_another_training_uses_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avtext.training.loop._Run", lambda *_: pytest.fail("it began"))
    with holder_of(tmp_path / "a"), pytest.raises(StorageError, match=r"a: is in use by another run.*another folder"):
        fit(run(tmp_path / "a", **HOW), [kept(0)])
