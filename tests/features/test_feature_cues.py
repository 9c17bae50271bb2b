from __future__ import annotations

import numpy as np
import pytest

from avtext.clip import Cue
from avtext.features.cues import lay_cues
from avtext.timeline import centres


@pytest.mark.parametrize("rate", [1.0, 12.5, 25.0])
@pytest.mark.parametrize("origin", [0.0, 3.2])
def test_a_step_has_the_mean_of_the_cues_over_it(rate: float, origin: float) -> None:
    rng = np.random.default_rng(3)
    edges = origin + np.sort(rng.uniform(-2.0, 22.0, (6, 2)), 1)
    cues = [Cue(*map(float, np.maximum(edge, 0.0)), "word") for edge in edges]
    vectors = rng.normal(size=(6, 4)).astype(np.float32)
    values, mask = lay_cues(cues, vectors, rate, round(20 * rate), origin)
    for k, time in enumerate(centres(round(20 * rate), rate, origin)):
        over = [vector for cue, vector in zip(cues, vectors, strict=True) if cue.start <= time < cue.end]
        assert mask[k] == bool(over)
        np.testing.assert_allclose(values[k], np.mean(over, axis=0) if over else 0.0, atol=1e-6)


def test_a_cue_between_two_centres_has_the_step_it_falls_in() -> None:
    values, mask = lay_cues([Cue(0.05, 0.051, "a")], np.array([[1.0, 2.0]]), 25.0, 3)
    assert mask.tolist() == [False, True, False]
    assert values[1].tolist() == [1.0, 2.0]


def test_nothing_lies_on_a_grid_without_cues_or_steps() -> None:
    values, mask = lay_cues([], np.zeros((0, 2)), 25.0, 3)
    assert (values.shape, mask.any()) == ((3, 2), False)
    assert lay_cues([Cue(0.0, 1.0, "a")], np.ones((1, 2)), 25.0, 0)[0].shape == (0, 2)
