"""Where a run computes: what it goes on with lies there, too, and processes that share it end with the same weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from avtext.checkpoint import load_tensors
from avtext.model import EventDetector
from avtext.training import fit
from avtext.training.loop import _Run
from tests.training.test_faults import SMALL
from tests.training.test_loop import SOURCE, Killed, equal, run


class Elsewhere:
    """A fabric that moves a model to another device when it is set up, as that of a GPU does."""

    device = torch.device("meta")

    def setup(self, stepper: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[nn.Module, torch.optim.Optimizer]:
        return stepper.to(self.device), optimizer


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")  # that device keeps no values
def test_the_moments_a_run_goes_on_with_lie_where_its_model_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = run(tmp_path, model=SMALL, steps=1)
    fit(settings, SOURCE)
    monkeypatch.setattr("avtext.training.loop.open_fabric", lambda _: Elsewhere())
    begun = _Run(settings, SOURCE, None, "", None)
    assert begun.progress["step"] == 1
    moments = [entry[name] for entry in begun.optimizer.state.values() for name in ("exp_avg", "exp_avg_sq")]
    assert {value.device for value in (*moments, *begun.model.parameters())} == {Elsewhere.device}


@pytest.mark.gpu
def test_a_killed_run_goes_on_on_a_gpu(tmp_path: Path) -> None:
    """Losses, for a GPU sums in no fixed order."""
    how = {"model": SMALL, "accelerator": "cuda", "precision": "32-true", "learning_rate": 0.01}
    losses: list[float] = []

    def keep(what: str, step: int, steps: int, figures: dict[str, float]) -> None:
        losses.extend([figures["loss"]] if what == "train" else [])

    def kill(what: str, step: int, steps: int, figures: dict[str, float]) -> None:
        if step == 3:
            raise Killed

    fit(run(tmp_path / "a", **how), SOURCE, hook=keep)
    with pytest.raises(Killed):
        fit(run(tmp_path / "b", **how), SOURCE, hook=kill)
    fit(run(tmp_path / "b", **how), SOURCE, hook=keep)
    assert losses[6:] == pytest.approx(losses[2:6], rel=1e-3)


def test_processes_stop_together_with_the_same_weights_and_batches_that_teach_nothing_stop_none(
    tmp_path: Path, root: Path
) -> None:
    command = [sys.executable, "-m", "tests.training.parallel", str(tmp_path)]
    alone = {**os.environ, "GLOO_SOCKET_IFNAME": "lo"}
    found = subprocess.run(command, cwd=root, env=alone, capture_output=True, text=True, timeout=600)
    assert found.returncode == 0, found.stderr
    one, two = (load_tensors(tmp_path / f"{rank}.safetensors")[0] for rank in range(2))
    assert equal(one, two)
    assert json.loads(load_tensors(tmp_path / "run" / "last.safetensors")[1]["progress"])["step"] == 2
    settings = run(tmp_path, model=SMALL)
    torch.manual_seed(settings.seed)
    before = EventDetector(settings.model).state_dict()
    assert {name.split(".")[0] for name in one if not torch.equal(one[name], before[name])} == {"embedders"}
