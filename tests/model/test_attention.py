from __future__ import annotations

import numpy as np
import pytest
import torch

from avtext.clip import MODALITIES
from avtext.data.scenes import SceneRecipe, make_scene
from avtext.layers.fusion import SIGHT
from avtext.model.attention import attention_maps
from tests.model.test_detector import make


@pytest.mark.parametrize("kind", SIGHT)
def test_the_weights_of_a_step_sum_to_one_over_what_it_sees(kind: str) -> None:
    torch.manual_seed(0)
    model = make(0, fusion={"kind": kind})
    scene = make_scene(SceneRecipe(duration=(4.0, 4.0), no_cues_chance=0.0, missing_chance=0.0), 3)
    maps = attention_maps(model, scene)
    names = ("all",) if kind == "early" else MODALITIES
    assert sorted({one.looking for one in maps}) == sorted(names)
    if kind == "cross":
        assert all(one.looking != one.seen for one in maps)
    for name in names:
        total = sum(one.weights.sum(1) for one in maps if one.looking == name)
        assert np.all((np.abs(total - 1) < 1e-5) | (total == 0))
        assert np.abs(total - 1).min() < 1e-5
    assert {one.rate for one in maps} == {model.settings.grid_rate}
    assert not model.fusion.layers[-1]._forward_pre_hooks  # as it was before
    assert attention_maps(make(0, fusion={"num_layers": 0}), scene) == []
