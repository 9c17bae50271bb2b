"""Sharing work among threads: nothing is lost, the order is kept, and the number of threads changes no result."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from avtext.kernels import dtw_blocks, threads
from avtext.kernels.chain import chain_marginals
from avtext.kernels.dtw import dtw, sakoe_chiba
from avtext.kernels.viterbi import viterbi


@pytest.fixture
def use_threads(monkeypatch: pytest.MonkeyPatch):
    def use(count: int) -> None:
        for module in (threads, dtw_blocks):
            monkeypatch.setattr(module, "num_threads", lambda: count)

    return use


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("size", [0, 1, 2, 57])
def test_parts_cover_the_rows_once_and_in_order(use_threads, count: int, size: int):
    use_threads(count)
    cells = np.random.default_rng(size).integers(0, threads.PART, size)
    parts = threads.in_parts(lambda rows: list(range(size))[rows], cells)
    assert [row for part in parts for row in part] == list(range(size))
    assert len(parts) >= cells.sum() // threads.PART / 2


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_tasks_finish_in_order_and_share_no_place(count: int):
    places, done = [threading.Lock() for _ in range(count)], []

    def prepare(place: int, task: int) -> None:
        assert places[place].acquire(blocking=False)

    def finish(place: int, task: int) -> None:
        done.append(task)
        places[place].release()

    threads.in_order(range(100), prepare, finish, count)
    assert done == list(range(100))


@pytest.mark.parametrize("count", [1, 3])
def test_what_one_task_raises_reaches_the_caller_and_later_tasks_do_not_finish(count: int):
    done = []

    def prepare(place: int, task: int) -> None:
        if task == 5:
            raise KeyError(task)

    with pytest.raises(KeyError, match="5"):
        threads.in_order(range(20), prepare, lambda place, task: done.append(task), count)
    assert done == list(range(5))


@pytest.mark.parametrize("radius", [None, 15])
def test_dtw_is_the_same_in_any_number_of_threads(use_threads, radius: int | None):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(900, 6)), rng.normal(size=(700, 6))
    band = None if radius is None else sakoe_chiba(900, 700, radius)
    found = []
    for count in (1, 2, 5):
        use_threads(count)
        found.append(dtw(x, y, band=band))
    assert all(one.cost == found[0].cost and np.array_equal(one.path, found[0].path) for one in found)


def test_chains_are_the_same_in_any_number_of_threads(use_threads):
    rng = np.random.default_rng(1)
    emissions, lengths = rng.normal(size=(40, 500, 20)), rng.integers(0, 501, 40)
    parameters = rng.normal(size=20), rng.normal(size=(20, 20)), rng.normal(size=20)
    found = []
    for count in (1, 2, 5):
        use_threads(count)
        log_z, expected = chain_marginals(emissions, lengths, *parameters)
        found.append((log_z, *expected, *viterbi(emissions, lengths, *parameters)))
    for other in found[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(found[0], other, strict=True))
