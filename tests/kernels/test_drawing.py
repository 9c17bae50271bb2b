"""The drawing loops against the same arithmetic on whole arrays, bit for bit."""

import numpy as np
import pytest

from avtext.kernels.drawing import add_between, blend, develop, gather, paint


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_lines_between_two_rows(rng):
    rows = rng.standard_normal((4, 20), dtype=np.float32)
    low, part = np.arange(16) // 4, rng.random(16, dtype=np.float32)
    high = (low + 1) % 4
    field = rng.standard_normal((16, 20), dtype=np.float32)
    expected = field + np.float32(0.3) * (rows[low] + (rows[high] - rows[low]) * part[:, None])
    add_between(field, rows, low, high, part, np.float32(0.3))
    np.testing.assert_array_equal(field, expected)


def test_frames_read_from_a_picture(rng):
    picture = rng.integers(0, 256, (9, 11, 4), dtype=np.uint8)
    rows, columns = rng.integers(0, 9, (3, 5), dtype=np.int32), rng.integers(0, 11, (3, 6), dtype=np.int32)
    out = np.zeros((3, 5, 6, 3), np.uint8)
    gather(picture, rows, columns, out)
    np.testing.assert_array_equal(out, picture[rows[:, :, None], columns[:, None, :], :3])


@pytest.mark.parametrize("kind", [np.float32, np.float64])  # objects that stand upright, and that turn
def test_an_object_over_frames_at_its_edges_and_beyond(rng, kind):
    side, box, height, width = 16, 12, 10, 8
    look = rng.integers(0, 256, (2, side, side, 4), dtype=np.uint8)
    look[:, 3:9, 5:, 3] = 0
    frames = rng.integers(0, 256, (3, height, width, 3), dtype=np.uint8)
    pose = np.array([0, 1, 1], np.int32)
    rows = np.arange(box, dtype=np.int32) + np.array([[-4], [0], [5]], np.int32)
    columns = np.arange(box, dtype=np.int32) + np.array([[2], [-6], [20]], np.int32)  # the last is not in the picture
    down, across = (rng.uniform(-1.3, 1.3, (3, box)).astype(np.float32) for _ in range(2))
    angle = np.zeros(3, kind) if kind is np.float32 else rng.uniform(-3, 3, 3)
    cos, sin = np.cos(angle), np.sin(angle)

    u, v = across[:, None, :], down[:, :, None]
    c, s = cos[:, None, None], sin[:, None, None]
    row, column = (
        np.clip((place + 1) * (side / 2), 0, side - 1).astype(int) for place in (v * c - u * s, u * c + v * s)
    )
    texel = look[pose[:, None, None], row, column].astype(int)
    expected = frames.copy()
    for n, i, j in np.ndindex(texel.shape[:3]):
        y, x = rows[n, i], columns[n, j]
        if 0 <= y < height and 0 <= x < width:
            alpha = texel[n, i, j, 3]
            expected[n, y, x] = (texel[n, i, j, :3] * alpha + expected[n, y, x].astype(int) * (255 - alpha)) // 255
    blend(frames, look, pose, rows, columns, down, across, cos, sin)
    np.testing.assert_array_equal(frames, expected)


def test_levels_and_grain_stay_within_a_byte(rng):
    frames = rng.integers(0, 256, (4, 6, 5, 3), dtype=np.uint8)
    curves = rng.integers(0, 256, (4, 256), dtype=np.uint8)
    grain = rng.integers(-300, 300, 200).astype(np.int16)
    starts = rng.integers(0, len(grain) - 90, 4)
    noise = np.stack([grain[first : first + 90].reshape(6, 5, 3) for first in starts])
    seen = np.stack([curve[frame] for curve, frame in zip(curves, frames, strict=True)])
    expected = np.clip(seen.astype(int) + noise, 0, 255)
    develop(frames, curves, grain, starts)
    assert {0, 255} < set(expected.ravel())
    np.testing.assert_array_equal(frames, expected)


def test_parts_over_parts(rng):
    cover = np.clip(rng.uniform(-0.5, 1.5, (3, 2, 8, 8)), 0, 1).astype(np.float32)
    cover[:, :, :2] = 0
    fill = rng.uniform(0, 255, (3, 2, 3)).astype(np.float32)
    shading = rng.uniform(0.5, 1.5, (8, 8)).astype(np.float32)
    colour, total = np.zeros((2, 8, 8, 3), np.float32), cover.max(0)
    for mask, own in zip(cover, fill, strict=True):
        colour += mask[..., None] * (own[:, None, None, :] - colour)
    colour = np.where(total[..., None] > 0, colour / np.maximum(total, 0.3)[..., None], 0) * shading[:, :, None]
    expected = np.concatenate([np.clip(colour, 0, 255), total[..., None] * 255], -1).astype(np.uint8)
    out = np.full((2, 8, 8, 4), 7, np.uint8)
    paint(cover, fill, shading, out)
    assert not out[:, :2].any()
    np.testing.assert_array_equal(out, expected)
