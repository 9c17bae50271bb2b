from __future__ import annotations

import numpy as np

from avtext.data.scenes.chance import generator
from avtext.data.scenes.picture import Film, expose, film_of

BRIGHT = Film(
    noise=0.0, coarse=False, flicker=0.0, rate=25.0, bars=0.0, contrast=1.0, gamma=1.0, grey=False, exposure=1.0
)


def test_some_films_are_dark_and_most_are_not() -> None:
    exposures = np.array([film_of(generator(seed, "train", "film")).exposure for seed in range(400)])
    assert 0.09 < (exposures < 1).mean() < 0.21
    assert exposures.min() >= 0.15


def test_a_dark_film_keeps_its_content() -> None:
    ramp = np.tile(np.arange(0, 250, 10, dtype=np.uint8)[None, None, :, None], (2, 20, 1, 3))
    bright, dark = ramp.copy(), ramp.copy()
    expose(generator(0, "a"), bright, BRIGHT)
    expose(generator(0, "a"), dark, BRIGHT._replace(exposure=0.2))
    assert np.abs(bright.astype(int) - ramp).max() <= 1
    assert np.abs(dark - 0.2 * ramp).max() <= 1
    assert (np.diff(dark[0, 0, :, 0].astype(int)) >= 1).all()


def test_grey_film_has_no_colour() -> None:
    frames = generator(1, "b").integers(0, 256, size=(2, 8, 8, 3)).astype(np.uint8)
    expose(generator(0, "a"), frames, BRIGHT._replace(grey=True))
    assert (frames == frames[..., :1]).all()
