"""Textures without seams, and a camera whose view follows its path."""

import numpy as np

from avtext.data.scenes.backgrounds import TEXTURE, Camera, camera, look, palette_of, texture
from avtext.data.scenes.chance import generator


def _rgb(packed):
    return packed.view(np.uint8).reshape(TEXTURE, TEXTURE, 4)[..., :3].astype(int)


def test_textures_differ_and_have_no_seam():
    seen = set()
    for seed in range(10):
        packed = texture(generator(seed, "t"))
        seen.add(packed.tobytes())
        picture = _rgb(packed)
        inner = np.abs(np.diff(picture, axis=0)).mean((1, 2))
        seam = np.abs(picture[0] - picture[-1]).mean()
        assert seam <= inner.max() + 3.0
    assert len(seen) == 10


def test_palettes_stay_in_range():
    for seed in range(20):
        colours = palette_of(generator(seed, "p"), 5)
        assert colours.min() >= 0
        assert colours.max() <= 255


def test_a_still_camera_shows_one_picture_and_a_pan_shifts_it():
    packed = texture(generator(1, "t"))
    still = np.zeros((3, 32, 32, 3), np.uint8)
    look(packed, Camera(*(np.full(3, value) for value in (0.5, 0.5, 0.5))), still)
    assert (still == still[0]).all()
    panned = np.zeros((2, 32, 32, 3), np.uint8)
    step = 0.5 / 32  # one pixel of the view
    look(packed, Camera(np.array([0.5, 0.5 + step]), np.full(2, 0.5), np.full(2, 0.5)), panned)
    np.testing.assert_array_equal(panned[1][:, :-1], panned[0][:, 1:])


def test_many_frames_equal_each_alone():
    packed = texture(generator(2, "t"))
    view = camera(generator(2, "c"), 70, moving=True)
    together = np.zeros((70, 16, 24, 3), np.uint8)
    look(packed, view, together)
    for n in (0, 31, 32, 63, 69):
        alone = np.zeros((1, 16, 24, 3), np.uint8)
        look(packed, Camera(*(path[n : n + 1] for path in view)), alone)
        np.testing.assert_array_equal(together[n], alone[0])


def test_a_moving_camera_moves_in_every_frame():
    for seed in range(10):
        view = camera(generator(seed, "c"), 50, moving=True)
        assert (np.abs(np.diff(view.x)) + np.abs(np.diff(view.y)) > 0).all()
    assert len(camera(generator(0, "c"), 1, moving=True).x) == 1
