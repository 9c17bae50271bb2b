from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from avtext.benchmark.explain import Removal, figures, rank_correlation, removals
from avtext.clip import MODALITIES
from avtext.data.scenes import SceneRecipe, make_scene
from tests.tiny import talkative


def test_rank_correlation_is_spearmans_with_ties() -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        a, b = rng.integers(0, 5, 40), rng.normal(size=40).round(1)
        assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert np.isnan(rank_correlation([1.0, 1.0], [1.0, 2.0]))


def test_every_event_is_measured_without_each_modality_of_its_scene() -> None:
    scenes = [make_scene(SceneRecipe(duration=(4.0, 4.0), no_cues_chance=0.0, missing_chance=0.0), k) for k in range(2)]
    found = removals(talkative(), scenes)
    assert {one.modality for one in found} == set(MODALITIES)
    for number in {one.event for one in found}:
        rows = [one for one in found if one.event == number]
        assert sum(one.share for one in rows) == pytest.approx(1.0, abs=1e-5)
        assert all(-1 <= one.loss <= 1 for one in rows)
    assert any(abs(one.loss) > 1e-3 for one in found)


def test_shares_that_explain_are_told_from_those_that_do_not() -> None:
    true = [
        Removal(k, "x", m, share, share / 2)
        for k in range(9)
        for m, share in zip(MODALITIES, ((0.8, 0.2, 0.0), (0.1, 0.3, 0.6))[k % 2], strict=True)
    ]
    false = [one._replace(loss=-one.loss + 0.5) for one in true]
    even = [Removal(9, "x", m, 1 / 3, 0.0) for m in MODALITIES]  # an event that loses nothing has no order of losses
    assert (
        "9 events that lose more than 0.1"
        in {f.name: f.detail for f in figures([*true, *even])}["rank_correlation_within_events"]
    )
    good, bad = ({f.name: f.value for f in figures(rows)} for rows in (true, false))
    assert good["share_loss_rank_correlation"] == pytest.approx(1.0)
    assert bad["share_loss_rank_correlation"] == pytest.approx(-1.0)
    assert (good["largest_share_is_largest_loss"], bad["largest_share_is_largest_loss"]) == (100.0, 0.0)
