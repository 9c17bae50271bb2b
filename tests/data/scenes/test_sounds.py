"""Every synthesised sound starts at once, varies with its random numbers and has a sensible length."""

import numpy as np
import pytest

from avtext.clip import AUDIO_RATE
from avtext.data.scenes.chance import generator
from avtext.data.scenes.recipe import SYNTHESISED
from avtext.data.scenes.sounds import SYNTHESISERS

LENGTHS = {
    "bell": (0.4, 4.0), "siren": (1.4, 4.6), "beep": (0.05, 4.0), "knock": (0.25, 2.0), "engine": (1.4, 4.6),
    "whoosh": (0.2, 1.4), "thud": (0.2, 0.55), "music": (1.5, 10.1),
}  # fmt: skip


def test_every_label_has_a_synthesiser():
    assert set(SYNTHESISERS) == {*SYNTHESISED, "thud", "music"}


@pytest.mark.parametrize("kind", sorted(SYNTHESISERS))
def test_sounds_are_finite_loud_from_the_start_and_varied(kind):
    waves = [SYNTHESISERS[kind](generator(seed, "s")) for seed in range(8)]
    for wave in waves:
        assert wave.dtype == np.float32
        assert np.isfinite(wave).all()
        assert LENGTHS[kind][0] <= len(wave) / AUDIO_RATE <= LENGTHS[kind][1]
        early = np.sqrt(np.mean(wave[: int(0.35 * AUDIO_RATE)] ** 2))
        assert early > 0.02 * np.abs(wave).max()
        assert abs(wave[-1]) < 0.05 * np.abs(wave).max()  # no click at the end
    assert len({wave.tobytes() for wave in waves}) == 8


def test_the_same_numbers_make_the_same_sound():
    for kind, make in SYNTHESISERS.items():
        np.testing.assert_array_equal(make(generator(3, kind)), make(generator(3, kind)))
