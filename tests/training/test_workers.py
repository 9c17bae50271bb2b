"""Worker processes make items in order, die of nothing that is not told, and never outlive who asked them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from itertools import count, islice
from multiprocessing import active_children
from pathlib import Path

import pytest
import torch
from torch import Tensor

from avtext.errors import AvtextError, ConfigError
from avtext.training.workers import made_ahead
from tests.processes import wait_for_end


class Squares:
    """Item ``step`` is its square, in a tensor; some are bad."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def __getitem__(self, step: int) -> Tensor:
        if self.folder is not None:
            (self.folder / f"{os.getpid()}").touch()
            (self.folder / f"item {step}").touch()
        if step == 13:
            raise ConfigError("13: no item; choose another")
        if step == 17:
            os.kill(os.getpid(), signal.SIGKILL)
        return torch.tensor([step**2])


@pytest.mark.parametrize("workers", [1, 2])
def test_items_come_in_order_and_three_for_each_worker_are_made_before_they_are_asked_for(
    tmp_path: Path, workers: int
) -> None:
    with closing(made_ahead(Squares(tmp_path), count(100), workers)) as made:
        assert [int(item) for item in islice(made, 20)] == [step**2 for step in range(100, 120)]
        assert len(active_children()) == workers
        ahead = [tmp_path / f"item {step}" for step in range(120, 120 + 3 * workers)]
        deadline = time.monotonic() + 60
        while not all(path.exists() for path in ahead):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert not active_children()
    assert len(list(tmp_path.glob("item *"))) == 20 + len(ahead)


def test_an_items_own_error_comes_in_its_place() -> None:
    made = made_ahead(Squares(), range(11, 16), 1)
    assert [int(next(made)), int(next(made))] == [121, 144]
    with pytest.raises(ConfigError, match="13: no item; choose another"):
        next(made)
    assert not active_children()


def test_a_death_is_one_typed_error_where_an_item_is_asked_for() -> None:
    made = made_ahead(Squares(), range(16, 30), 2)
    with pytest.raises(AvtextError, match=r"a worker process that makes batches died.*start again") as caught:
        list(made)
    assert caught.value.stage == "train"
    assert not active_children()


def test_workers_hear_no_interrupt_from_their_first_moment_on() -> None:
    with closing(made_ahead(Squares(), count(), 1)) as made:
        pressing = threading.Thread(target=interrupt_children)
        pressing.start()
        assert [int(item) for item in islice(made, 3)] == [0, 1, 4]
        pressing.join()


def interrupt_children() -> None:
    """Press Ctrl-C for each process as soon as it is there, and for two seconds on."""
    deadline = time.monotonic() + 10
    while not active_children():
        assert time.monotonic() < deadline
    for _ in range(20):
        for process in active_children():
            os.kill(process.pid or 0, signal.SIGINT)
        time.sleep(0.1)


def test_workers_outlive_a_sigterm_to_their_parents_group_and_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from avtext.training.workers import made_ahead
from tests.processes import wait_for_end
from tests.training.test_workers import Squares

if __name__ == "__main__":
    os.setpgrp()
    signal.signal(signal.SIGTERM, lambda *_: None)
    made = made_ahead(Squares(Path({str(tmp_path)!r})), range(100, 200), 2)
    next(made)
    os.killpg(0, signal.SIGTERM)  # as GNU timeout and systemd send it
    for _ in range(10):  # more than were made ahead
        next(made)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    (script := tmp_path / "parent.py").write_text(code, encoding="utf-8")
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, script], env=os.environ | {"PYTHONPATH": root}, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL
    workers = [int(path.name) for path in tmp_path.iterdir() if path.name.isdigit()]
    assert workers
    for worker in workers:
        wait_for_end(worker)
