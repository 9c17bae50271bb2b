import re

import numpy as np
import pytest

from avtext.benchmark import layers_dtw
from avtext.benchmark.layers_dtw import EXACT, DTWSizes, Peer


def plain_dtw(x, y):
    """The recurrence as it is written, in float64."""
    cost = np.linalg.norm(x[:, None].astype(np.float64) - y[None].astype(np.float64), axis=2)
    sums = np.full((len(x) + 1, len(y) + 1), np.inf)
    sums[0, 0] = 0
    for i in range(len(x)):
        for j in range(len(y)):
            sums[i + 1, j + 1] = cost[i, j] + min(sums[i, j], sums[i, j + 1], sums[i + 1, j])
    return sums[-1, -1]


def pair(length, size):
    return layers_dtw._warped_pair(length, size)


def test_pair_is_warped_and_alike():
    x, y = pair(200, 16)
    assert x.shape == y.shape == (200, 16)
    assert x.dtype == np.float32
    assert plain_dtw(x, y) < 0.8 * np.linalg.norm(x - y, axis=1).sum()
    assert 0.5 < x.std() < 2


def test_against_a_peer_that_agrees_says_so():
    found = layers_dtw._against("plain", Peer(plain_dtw, "plain_figure"), *pair(500, 4), rounds=2)
    assert found.name == "plain_figure"
    assert found.limit is None
    assert found.value > 1  # loops in Python
    assert float(found.detail.split("costs differ by ")[1]) < 1e-5
    assert "plain" in found.detail
    assert "load" in found.detail
    assert "CPU" in found.detail


def test_against_a_peer_that_does_not_agree_says_so():
    found = layers_dtw._against("half", Peer(lambda x, y: plain_dtw(x, y) / 2, "f"), *pair(30, 4), rounds=1)
    assert float(found.detail.split("costs differ by ")[1]) == pytest.approx(1.0, rel=1e-3)


def test_band_saves_time():
    found = layers_dtw._band(*pair(3000, 8), rounds=3)
    assert found.name == "row02_dtw_band_against_full"
    assert found.limit == 0.35
    assert found.value > 0
    band, full = map(float, re.findall(r"CPU (\S+) s", found.detail))  # does not depend on what others do
    assert band < 0.8 * full


@pytest.mark.parametrize(
    ("name", "module"), [("dtw-python", "dtw"), ("tslearn", "tslearn"), ("dtaidistance", "dtaidistance")]
)
def test_peers_find_the_same_cost(name, module):
    pytest.importorskip(module, reason="the peers come with the extra bench")
    x, y = pair(50, 4)
    assert EXACT[name].call(x, y) == pytest.approx(plain_dtw(x, y), rel=1e-5)


def test_librosa_finds_the_same_cost(monkeypatch):
    """In the Python that librosa compiles: to compile it takes ten times as long as all of this."""
    from librosa import sequence

    for name, function in list(vars(sequence).items()):
        if hasattr(function, "py_func"):
            monkeypatch.setattr(sequence, name, function.py_func)
    x, y = pair(20, 4)
    assert EXACT["librosa"].call(x, y) == pytest.approx(plain_dtw(x, y), rel=1e-5)


def test_soft_dtw_gradients_agree_with_the_peer():
    pytest.importorskip("pysdtw", reason="the peers come with the extra bench")
    found = layers_dtw._soft(DTWSizes(soft_batch=2, soft_length=30, rounds=1))
    assert float(found.detail.split("gradients differ by ")[1]) < 1e-3
    assert found.value > 0


def test_memory_probe_of_ours_grows_with_the_square_of_the_length():
    setup = layers_dtw._PAIR.format(length=3000, size=4)
    setup += "large = np.stack([x, y]).astype(np.float32)\nsmall = large[:, :32].copy()\n" + layers_dtw._HELD["ours"]
    peak = layers_dtw.peak_extra_memory(setup)
    if peak is None:
        pytest.skip("this system does not tell what a process holds")
    assert 3000 * 3000 / 2**20 * 0.9 < peak < 40  # a byte for each cell, and a few rows
