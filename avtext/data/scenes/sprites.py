"""Objects on their way over the picture, laid over many frames at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from avtext.data.scenes.objects import POSES
from avtext.kernels.drawing import blend


class Sprite(NamedTuple):
    """An object on show from frame ``first`` of the scene, one value per frame.

    Positions are the centre's in [0, 1] (1 is the right or lower edge), sizes parts of the picture's width
    and height, poses from 0 (rest) to 1 (full action), angles in radians.
    """

    first: int
    look: np.ndarray  # (POSES, RESOLUTION, RESOLUTION, 4) uint8
    x: np.ndarray
    y: np.ndarray
    size: np.ndarray
    pose: np.ndarray
    angle: np.ndarray | None = None
    moment: int = 0  # the scene's frame in which it does what it is there for

    def between(self, first: int, last: int) -> Sprite | None:
        """The part that is on show in frames ``[first, last)``, None where there is none."""
        begin, end = max(first - self.first, 0), min(last - self.first, len(self.x))
        if end <= begin:
            return None
        cut = slice(begin, end)
        return self._replace(
            first=self.first + begin,
            x=self.x[cut],
            y=self.y[cut],
            size=self.size[cut],
            pose=self.pose[cut],
            angle=None if self.angle is None else self.angle[cut],
        )


def lay_over(frames: np.ndarray, sprite: Sprite, origin: int = 0) -> None:
    """Draw a sprite into frames in place.

    Args:
        frames: ``(frames, height, width, 3)`` uint8, contiguous.
        sprite: what to draw.
        origin: the scene's frame number of ``frames[0]``.
    """
    shown = sprite.between(origin, origin + len(frames))
    if shown is None:
        return
    _, height, width, _ = frames.shape
    reach = float(shown.size.max()) / 2 * (1.0 if shown.angle is None else 1.42)
    rows, v = _pixels(shown.y, reach, height, shown.size)
    columns, u = _pixels(shown.x, reach, width, shown.size)
    pose = (np.clip(shown.pose, 0, 1) * (POSES - 1) + 0.5).astype(np.int32)
    angle = np.zeros(len(pose), np.float32) if shown.angle is None else shown.angle
    first = shown.first - origin
    own = frames[first : first + len(pose)]
    blend(own, shown.look, pose, rows, columns, v, u, np.cos(angle), np.sin(angle))


def _pixels(centre: np.ndarray, reach: float, count: int, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixel numbers ``(frames, box)`` around a centre, and where each lies in the sprite from -1 to 1."""
    box = int(np.ceil(2 * reach * count)) + 2
    first = np.floor((centre - reach) * count).astype(np.int32)
    pixels = first[:, None] + np.arange(box, dtype=np.int32)
    place = ((pixels + 0.5) / count - centre[:, None]) / (size[:, None] / 2)
    return pixels, place.astype(np.float32)
