"""Drawn objects, and laying them over frames, against drawing one pixel at a time."""

import numpy as np
import pytest

from avtext.data.scenes.chance import generator
from avtext.data.scenes.objects import KIND_OF_SOUND, KINDS, POSES, RESOLUTION, VARIANTS, _masks, draw_object
from avtext.data.scenes.recipe import HEARD
from avtext.data.scenes.sprites import Sprite, lay_over

PALETTE = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200]], np.float32)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_visible_with_a_clear_border_in_every_pose(kind):
    for split in ("train", "test"):
        look = draw_object(generator(0, kind), kind, split, PALETTE)
        assert look.shape == (POSES, RESOLUTION, RESOLUTION, 4)
        alpha = look[..., 3]
        assert not alpha[:, [0, -1], :].any()
        assert not alpha[:, :, [0, -1]].any()
        assert (alpha > 128).mean((1, 2)).min() > 0.02


@pytest.mark.parametrize("kind", sorted(set(KIND_OF_SOUND.values()) | {"ball"}))
def test_poses_differ(kind):
    look = draw_object(generator(0, kind), kind, "train", PALETTE).astype(int)
    assert np.abs(look[0] - look[POSES // 2]).mean() > 0.3


def test_every_heard_label_has_a_kind():
    assert set(KIND_OF_SOUND) == set(HEARD)
    assert set(KIND_OF_SOUND.values()) <= set(KINDS)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_training_and_testing_share_no_variant(kind):
    shapes = [_masks(kind, variant)[0].tobytes() for variant in range(VARIANTS)]
    assert not set(shapes[0::2]) & set(shapes[1::2])
    if kind != "bar":  # a bar is a bar; its stripe moves
        assert len(set(shapes)) == VARIANTS
        train, test = (
            {draw_object(generator(seed, kind), kind, split, PALETTE)[..., 3].tobytes() for seed in range(8)}
            for split in ("train", "test")
        )
        assert not train & test


def _slowly(frames, sprite, origin):
    """Each pixel by itself, from the definition."""
    out = frames.copy()
    count, height, width, _ = frames.shape
    for n in range(count):
        k = n + origin - sprite.first
        if not 0 <= k < len(sprite.x):
            continue
        for row in range(height):
            for column in range(width):
                u = np.float32(((column + 0.5) / width - sprite.x[k]) / (sprite.size[k] / 2))
                v = np.float32(((row + 0.5) / height - sprite.y[k]) / (sprite.size[k] / 2))
                if not (-1 < u < 1 and -1 < v < 1):
                    continue
                pose = int(sprite.pose[k] * (POSES - 1) + 0.5)
                texel = sprite.look[pose, int((v + 1) * RESOLUTION / 2), int((u + 1) * RESOLUTION / 2)].astype(int)
                out[n, row, column] = (texel[:3] * texel[3] + out[n, row, column] * (255 - texel[3])) // 255
    return out


def test_laying_over_equals_the_slow_way():
    rng = np.random.default_rng(1)
    look = rng.integers(0, 256, (POSES, RESOLUTION, RESOLUTION, 4), dtype=np.uint8)
    look[:, [0, -1], :, 3] = 0
    look[:, :, [0, -1], 3] = 0
    frames = rng.integers(0, 256, (6, 24, 20, 3), dtype=np.uint8)
    x = np.array([0.5, 0.05, 0.98, 1.7, 0.4])  # inside, over both edges, outside
    sprite = Sprite(3, look, x, x[::-1].copy(), np.linspace(0.3, 0.8, 5), np.linspace(0, 1, 5))
    expected = _slowly(frames, sprite, origin=2)
    lay_over(frames, sprite, origin=2)
    np.testing.assert_array_equal(frames, expected)


def test_a_turned_square_is_the_same_square():
    look = np.zeros((POSES, RESOLUTION, RESOLUTION, 4), np.uint8)
    look[:, 8:56, 8:56] = 255
    one = np.ones(1)
    flat, turned = np.zeros((2, 1, 64, 64, 3), np.uint8)
    plain = Sprite(0, look, one * 0.5, one * 0.5, one * 0.6, one * 0)
    lay_over(flat, plain)
    lay_over(turned, plain._replace(angle=one * np.pi / 2))
    assert (flat != turned).mean() < 0.03
    corner = np.zeros((1, 64, 64, 3), np.uint8)
    lay_over(corner, plain._replace(angle=one * np.pi / 4))
    assert corner.any(-1)[0].sum() == pytest.approx((0.6 * 64 * 48 / 64) ** 2, rel=0.05)
    assert (corner != flat).any()


def test_sprites_out_of_time_change_nothing():
    look = np.full((POSES, RESOLUTION, RESOLUTION, 4), 255, np.uint8)
    one = np.ones(2)
    for first in (-5, 10):
        frames = np.zeros((3, 16, 16, 3), np.uint8)
        lay_over(frames, Sprite(first, look, one * 0.5, one * 0.5, one, one))
        assert not frames.any()
    assert Sprite(4, look, one, one, one, one).between(0, 4) is None
