import re

import pytest
import torch

from avtext.benchmark import layers_crf
from avtext.benchmark.layers_crf import Chains, CRFSizes

TINY = CRFSizes(batch=3, long=40, short=10, tags=4, rounds=1, peer_rounds=1)


def test_ours_and_the_peer_measure_the_same():
    chains = Chains(TINY, 12)
    for mask in (None, chains.ragged):
        if mask is not None:
            assert not mask.all()
            assert mask[:, 0].all()
        torch.testing.assert_close(chains.loss(chains.ours, mask), chains.loss(chains.theirs, mask), atol=1e-5, rtol=0)


def test_loss_and_viterbi_say_how_well_they_agree():
    chains = Chains(TINY, 30)
    loss = layers_crf._loss(chains, chains, 1)
    assert loss.name.startswith("row06")
    assert loss.limit == 50
    assert float(loss.detail.split("differ by at most ")[1]) < 1e-4
    path = layers_crf._viterbi(chains, 1)
    assert path.name.startswith("row08")
    assert path.limit == 40
    assert "100.00% of the tags are equal" in path.detail


def test_growth_is_long_over_short():
    sizes = CRFSizes(batch=32, tags=20)
    found = layers_crf._growth(Chains(sizes, 1500), Chains(sizes, 50), 3)
    assert found.name.startswith("row07")
    assert found.sense == "at_most"
    assert found.value > 0
    short, long = map(float, re.findall(r"CPU (\S+) s", found.detail))  # does not depend on what others do
    assert 2 < long / short < 100  # thirty times the steps, and what every call costs


def test_ragged_masks_are_told_by_their_share():
    long, short = Chains(TINY, 40), Chains(TINY, 10)
    loss, path = layers_crf._ragged(long, short, 1)
    assert (loss.name[:6], path.name[:6]) == ("row09a", "row09b")
    assert f"{long.ragged.float().mean():.0%} is real" in loss.detail
    assert f"{short.ragged.float().mean():.0%} is real" in path.detail


def test_torch_struct_finds_the_same_partition():
    pytest.importorskip("torch_struct", reason="the peers come with the extra bench")
    chains = Chains(TINY, 10)
    theirs = layers_crf._structured_partition(chains.theirs, chains.emissions)
    torch.testing.assert_close(theirs, chains.ours.log_partition(chains.emissions), atol=1e-4, rtol=0)
