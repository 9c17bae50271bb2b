"""Short clips cut from long ones at random places: more steps of training for the same time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from avtext.clip import Clip
from avtext.data.scenes.chance import between, generator
from avtext.data.windows import window_of
from avtext.errors import InvalidInput


@dataclass(frozen=True)
class Crops:
    """Windows of clips: a :class:`avtext.data.sources.ClipSource`.

    All streams, cues and events of a clip are cut at the same place, which depends on nothing but the number.

    Args:
        clips: what to cut from.
        seconds: of a window; a shorter clip stays whole.
        each: windows per clip, drawn apart from each other.
        grid: seconds; windows begin at multiples of it, so that steps of all streams stay whole.

    Raises:
        InvalidInput: a grid that is not above 0.
    """

    clips: Sequence[Clip]
    seconds: float
    each: int = 1
    grid: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.grid < math.inf:
            raise InvalidInput(f"Crops: grid must be above 0 and finite seconds, got {self.grid}")

    def __len__(self) -> int:
        return len(self.clips) * self.each

    def __getitem__(self, index: int) -> Clip:
        if not 0 <= index < len(self):
            raise IndexError(f"clip {index} of {len(self)}")
        clip = self.clips[index // self.each]
        room = clip.duration - self.seconds
        if room <= 0:
            return clip
        places = math.floor(room / self.grid + 1e-9) + 1  # the last one ends where the clip does, or within a grid step
        start = clip.start + int(between(generator(index, "crop"), 0, places)) * self.grid
        return window_of(clip, start, start + self.seconds)
