from __future__ import annotations

import logging
import multiprocessing
import resource
from pathlib import Path

import pytest

from avtext.training import fit
from avtext.training.cost import CostMeter, EpochCost, peak_mib
from tests.training.test_loop import SOURCE, run


def test_the_first_step_counts_only_where_it_is_the_only_one() -> None:
    meter = CostMeter(clips_per_step=2, clips=10)
    assert meter.cost() is None
    meter.add(10.0, 9.0)
    assert meter.cost()[:2] == (0.2, 50.0)
    meter.add(1.0, 0.25)
    meter.add(3.0, 0.75)
    cost = meter.cost()
    assert (cost.clips_per_second, cost.epoch_seconds, cost.wait_share) == (1.0, 10.0, 0.25)


def test_memory_is_what_the_process_held() -> None:
    """In a process of its own, whose peak is what it holds, not what a long worker once held."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        while_held, afterwards = pool.apply(grown)
    assert while_held == pytest.approx(100, abs=25)
    assert afterwards == while_held


def grown() -> tuple[float, float]:
    """How far the peak rises until the process holds 100 MiB beyond it, and afterwards."""
    before = peak_mib()
    blocks = []
    while held() < before + 100:  # not at once: the system may take back what is idle meanwhile
        blocks.append(b"\1" * (8 << 20))
    while_held = peak_mib() - before
    del blocks
    return while_held, peak_mib() - before


def held() -> float:
    """MiB in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def test_a_run_ends_with_what_an_epoch_costs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = {}
    with caplog.at_level(logging.INFO):
        fit(run(tmp_path, steps=3), SOURCE, hook=lambda what, step, steps, figures: told.setdefault(what, figures))
    cost = EpochCost(**told["cost"])
    assert cost.epoch_seconds == pytest.approx(len(SOURCE) / cost.clips_per_second)
    assert 0.0 < cost.wait_share < 1.0  # without workers, scenes are made while the step waits
    assert cost.peak_mib > 50
    assert str(cost) in caplog.text
    assert "% of it waiting for data" in str(cost)
