import gc
import time
from pathlib import Path

import pytest
import torch

from avtext.benchmark import timing
from avtext.benchmark.timing import (
    Bystanders,
    Timing,
    alternate,
    first_call,
    one_torch_thread,
    peak_extra_memory,
    require,
    take_turns,
    timed,
)
from avtext.errors import MissingExtra


def test_turns_alternate_after_one_of_each_that_does_not_count():
    order = []
    turns = take_turns(lambda: order.append("A"), lambda: order.append("B"), rounds=3)
    assert "".join(order) == "AB" + "AB" * 3
    assert turns.rounds == 3


def test_a_single_turn_has_no_calls_that_do_not_count():
    order = []
    turns = take_turns(lambda: order.append("A"), lambda: order.append("B"), rounds=1)
    assert order == ["A", "B"]
    assert turns.rounds == 1


def test_medians_are_taken_of_each_side_alone():
    ours = iter([Timing(1.0, 10.0), Timing(9.0, 30.0), Timing(2.0, 20.0)])
    theirs = iter([Timing(4.0, 1.0), Timing(6.0, 2.0), Timing(50.0, 3.0)])
    turns = alternate(lambda: next(ours), lambda: next(theirs), 3)
    assert turns.ours == (2.0, 20.0)
    assert turns.theirs == (6.0, 2.0)
    assert turns.speedup == 3.0
    assert "peer 6 s (CPU 2 s)" in turns.describe("peer")


def test_what_exists_before_is_collected_again_afterwards_even_after_an_error():
    def fail():
        assert gc.get_freeze_count() > 0
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        alternate(fail, fail, 1)
    assert gc.get_freeze_count() == 0


def test_clock_and_cpu_time_differ_where_a_call_only_waits():
    taken = timed(lambda: time.sleep(0.05))
    assert taken.wall >= 0.05
    assert taken.cpu < taken.wall


def test_threads_are_set_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    with one_torch_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def test_own_work_is_not_that_of_others(monkeypatch):
    monkeypatch.setattr(timing, "_busy_seconds", timing.own_seconds)  # a machine on which nothing else runs
    bystanders, begun = Bystanders(), timing.own_seconds()
    while timing.own_seconds() < begun + 0.2:
        pass
    assert bystanders.describe().startswith("others 0.0")


def test_missing_peer_is_named_with_its_extra():
    require("torch", "torch")
    with pytest.raises(MissingExtra, match=r"no-such-peer .*avtext\[bench\]"):
        require("no_such_peer", "no-such-peer")


def test_first_call_counts_from_the_start_of_the_process(tmp_path):
    taken = first_call(
        f"import os, time; time.sleep(0.2); open({str(tmp_path / 'x')!r}, 'w').write(os.environ['NUMBA_CACHE_DIR'])"
    )
    assert taken.wall >= 0.2
    assert taken.cpu < taken.wall
    folder = (tmp_path / "x").read_text()
    assert folder
    assert not Path(folder).exists()


def test_peak_memory_is_that_of_the_call_alone():
    setup = """
kept = bytearray(80 << 20)
def call(count):
    return len(bytearray(b"x") * count)
small, large = 1, 50 << 20
"""
    peak = peak_extra_memory(setup)
    if peak is None:
        pytest.skip("this system does not tell what a process holds")
    assert 49 < peak < 60
