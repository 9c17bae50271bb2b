"""Numbered clips: a source has a length and gives clip ``i`` as a pure function of ``i``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from avtext.clip import Clip
from avtext.data.scenes import make_scene
from avtext.data.scenes.recipe import SceneRecipe


class ClipSource(Protocol):
    """What training and testing draw clips from; picklable, so that worker processes can have it."""

    def __len__(self) -> int:
        """Number of clips."""
        ...

    def __getitem__(self, index: int) -> Clip:
        """Clip ``index``, the same each time."""
        ...


@dataclass(frozen=True)
class SceneSource:
    """Scenes ``first`` to ``first + count - 1`` of a recipe, made when asked for."""

    recipe: SceneRecipe
    first: int
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Clip:
        if not 0 <= index < self.count:
            raise IndexError(f"clip {index} of {self.count}")  # what ends a for loop over the source
        return make_scene(self.recipe, self.first + index)
