"""Drawing loops of the scenes, a pixel at a time: every value is that of the plain arithmetic that each states.

Types follow the arguments, as they do in numpy: what is float32 there is float32 here, so that a scene is bit-equal
wherever it is drawn.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def add_between(
    field: np.ndarray, rows: np.ndarray, low: np.ndarray, high: np.ndarray, part: np.ndarray, factor: np.float32
) -> None:
    """Add to every line a mixture of two rows, times a factor: ``low + (high - low) * part``.

    Args:
        field: ``(height, width)`` float32, changed in place.
        rows: ``(count, width)`` float32.
        low, high: ``(height,)`` numbers of rows.
        part: ``(height,)`` float32 in [0, 1).
        factor: of all.
    """
    for y in range(len(field)):
        for x in range(field.shape[1]):
            first = rows[low[y], x]
            field[y, x] += factor * (first + (rows[high[y], x] - first) * part[y])


@njit(cache=True, nogil=True)
def gather(picture: np.ndarray, rows: np.ndarray, columns: np.ndarray, out: np.ndarray) -> None:
    """Read every frame from its own rows and columns of one picture.

    Args:
        picture: ``(height', width', 4)`` uint8; the last of the four is left out.
        rows: ``(frames, height)`` int32.
        columns: ``(frames, width)`` int32.
        out: ``(frames, height, width, 3)`` uint8, written.
    """
    for n in range(len(rows)):
        for y in range(rows.shape[1]):
            line = picture[rows[n, y]]
            for x in range(columns.shape[1]):
                for c in range(3):
                    out[n, y, x, c] = line[columns[n, x], c]


@njit(cache=True, nogil=True)
def blend(
    frames: np.ndarray,
    look: np.ndarray,
    pose: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    down: np.ndarray,
    across: np.ndarray,
    cos: np.ndarray,
    sin: np.ndarray,
) -> None:
    """Lay a turning object over frames: ``(colour * alpha + frame * (255 - alpha)) // 255``.

    Args:
        frames: ``(frames, height, width, 3)`` uint8, changed in place.
        look: ``(poses, side, side, 4)`` uint8 with alpha last; its clear border stands for all that is outside.
        pose: ``(frames,)`` int32.
        rows, columns: ``(frames, box)`` int32 pixels, some of them outside the picture.
        down, across: ``(frames, box)`` where each lies in the object, from -1 to 1.
        cos, sin: ``(frames,)`` of the angle; their type is that of the arithmetic.
    """
    height, width = frames.shape[1], frames.shape[2]
    number = cos.dtype.type
    one, half, last = number(1), number(look.shape[1] / 2), number(look.shape[1] - 1)
    for n in range(len(pose)):
        for i in range(rows.shape[1]):
            y = rows[n, i]
            if not 0 <= y < height:
                continue
            for j in range(columns.shape[1]):
                x = columns[n, j]
                if not 0 <= x < width:
                    continue
                v = (down[n, i] * cos[n] - across[n, j] * sin[n] + one) * half
                u = (across[n, j] * cos[n] + down[n, i] * sin[n] + one) * half
                texel = look[pose[n], int(min(max(v, number(0)), last)), int(min(max(u, number(0)), last))]
                alpha = int(texel[3])
                if alpha:
                    for c in range(3):
                        frames[n, y, x, c] = (int(texel[c]) * alpha + int(frames[n, y, x, c]) * (255 - alpha)) // 255


@njit(cache=True, nogil=True)
def develop(frames: np.ndarray, curves: np.ndarray, grain: np.ndarray, starts: np.ndarray) -> None:
    """Map the levels of every frame and add its grain, within 0 and 255.

    Args:
        frames: ``(frames, height, width, 3)`` uint8, changed in place.
        curves: ``(frames, 256)`` uint8.
        grain: int16.
        starts: ``(frames,)`` where each frame's grain begins; a frame has as many grains as values.
    """
    flat = frames.reshape(len(frames), -1)
    for n in range(len(flat)):
        for i in range(flat.shape[1]):
            flat[n, i] = min(max(int(curves[n, flat[n, i]]) + int(grain[starts[n] + i]), 0), 255)


@njit(cache=True, nogil=True)
def paint(cover: np.ndarray, fill: np.ndarray, shading: np.ndarray, out: np.ndarray) -> None:
    """An object of parts laid over each other, shaded.

    Args:
        cover: ``(parts, poses, side, side)`` float32 in [0, 1].
        fill: ``(parts, poses, 3)`` colours in [0, 255].
        shading: ``(side, side)`` float32.
        out: ``(poses, side, side, 4)`` uint8 with alpha last, written.
    """
    zero, least, full = np.float32(0), np.float32(0.3), np.float32(255)
    colour = np.zeros(3, np.float32)
    for n in range(cover.shape[1]):
        for y in range(cover.shape[2]):
            for x in range(cover.shape[3]):
                colour[:] = zero
                total = zero
                for part in range(len(cover)):
                    mask = cover[part, n, y, x]
                    total = max(total, mask)
                    for c in range(3):
                        colour[c] += mask * (fill[part, n, c] - colour[c])
                for c in range(3):
                    value = colour[c] / max(total, least) * shading[y, x] if total > zero else zero
                    out[n, y, x, c] = np.uint8(min(max(value, zero), full))
                out[n, y, x, 3] = np.uint8(total * full)
