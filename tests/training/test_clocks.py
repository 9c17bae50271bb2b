"""The confidence of clocks: fitted where there is enough to fit it on, and what a model is given."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from avtext.clip import Clip, Stream
from avtext.config import ConfidenceSettings, ModelSettings
from avtext.model import Encoded, EventDetector
from avtext.timeline import ClockMap
from avtext.training.clocks import Trial, fit_confidence, with_confidence

RATE, SIZE = 25, 8


def trials(count: int, apart: float, seed: int = 0) -> list[Trial]:
    """As many wrong maps as right ones, which stand out by ``apart`` standard deviations more."""
    rng = np.random.default_rng(seed)
    return [
        Trial(float(rng.normal(5 + apart * right)), float(rng.normal(4)), float(rng.normal(apart * right)), right)
        for right in (False, True) * (count // 2)
    ]


def unlikelihood(weights: ConfidenceSettings, found: list[Trial]) -> float:
    odds = [weights.own * t.own + weights.second * t.second + weights.odds * t.odds + weights.bias for t in found]
    return float(np.mean([np.logaddexp(0, -o if t.right else o) for o, t in zip(odds, found, strict=True)]))


def test_fitted_weights_tell_other_trials_better_than_the_defaults() -> None:
    fitted, others = fit_confidence(trials(200, 2.0)), trials(200, 2.0, seed=1)
    assert unlikelihood(fitted, others) < 0.8 * unlikelihood(ConfidenceSettings(), others)


def test_trials_that_a_line_parts_end_in_finite_weights() -> None:
    apart = [Trial(50.0 * right + 1.0, 3.0, 20.0 * right, right) for right in (False, True) * 40]
    fitted = fit_confidence(apart)
    assert max(abs(weight) for weight in fitted.model_dump().values()) < 10
    assert unlikelihood(fitted, apart) < 0.01


def test_weights_far_out_at_the_beginning_are_no_harm() -> None:
    rng = np.random.default_rng(0)  # log-odds that are always far on one side made steps longer and longer
    found = [Trial(float(rng.normal(30)), 3.0, float(rng.normal(15)), bool(rng.integers(2))) for _ in range(200)]
    fitted = fit_confidence(found)
    assert unlikelihood(fitted, found) <= unlikelihood(ConfidenceSettings(), found)
    assert max(abs(weight) for weight in fitted.model_dump().values()) < 10


@pytest.mark.parametrize(
    "found", [[], trials(200, 2.0)[::2], trials(18, 2.0), [t._replace(own=0.0) for t in trials(200, 2.0)]]
)
def test_too_few_of_a_kind_leave_the_defaults(found: list[Trial]) -> None:
    assert fit_confidence(found) == ConfidenceSettings()


class Knowing(EventDetector):
    """Whose embeddings are what its streams hold: a clip's sound and picture share them, with noise."""

    def encode(self, batch):
        masks = [batch.mask, batch.mask]
        found = [batch.streams[name].values[..., :SIZE].float() for name in ("audio", "video")]
        return Encoded(found, masks, found)


def model(**changes: object) -> EventDetector:
    option = {"name": "features", "options": {"size": SIZE, "rate": RATE}}
    settings = {"labels": ["bell"], "width": 8, "encoders": {"audio": option, "video": option}, **changes}
    torch.manual_seed(0)
    return Knowing(ModelSettings.model_validate(settings)).train()


def clips(count: int, noise: float, **changes: object) -> list[Clip]:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        shared = rng.normal(size=(200, SIZE))
        streams = {
            name: Stream((shared + noise * rng.normal(size=shared.shape)).astype(np.float32), float(RATE))
            for name in ("audio", "video")
        }
        found.append(Clip(8.0, **streams, **changes))
    return found


def test_a_model_gets_weights_of_its_own_and_keeps_all_else() -> None:
    plain = model()
    fitted = with_confidence(plain, clips(12, noise=3.0))
    assert fitted.settings.alignment.confidence != ConfidenceSettings()
    assert plain.settings.alignment.confidence == ConfidenceSettings()
    assert fitted.training
    written = fitted.settings.model_dump(mode="json")
    assert ModelSettings.model_validate(written) == fitted.settings
    assert "confidence" not in plain.settings.model_dump(mode="json")["alignment"]  # older versions read it
    again = with_confidence(plain, clips(12, noise=3.0))
    assert again.settings == fitted.settings


def test_clips_on_other_clocks_do_not_count() -> None:
    late = clips(12, noise=3.0, clocks={"audio": ClockMap.shift(1.0)})
    assert with_confidence(model(), late).settings.alignment.confidence == ConfidenceSettings()


def test_a_model_without_alignment_stays_as_it_is() -> None:
    off = model(alignment={"enabled": False})
    assert with_confidence(off, clips(12, noise=3.0)) is off
