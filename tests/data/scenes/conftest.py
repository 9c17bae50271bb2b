"""Recipes that the tests of scenes share."""

import pytest

from avtext.data.scenes import SceneRecipe


@pytest.fixture(scope="session")
def real_recipe(data_dir):
    """Scenes from all real sources."""
    return SceneRecipe(
        sounds_dir=data_dir / "esc10", speech_dir=data_dir / "fsdd", signing_dir=data_dir / "asl",
        missing_chance=0, dropout_chance=0,
    )  # fmt: skip


@pytest.fixture(scope="session")
def short_recipe():
    """Short scenes of drawn and synthesised things only, every stream whole."""
    return SceneRecipe(
        duration=(6.0, 6.0), offset=(-1.5, 1.5), break_seconds=(0.5, 1.0), missing_chance=0, dropout_chance=0,
        heard=(6, 8), seen=(6, 9), impacts=(2, 5),
    )  # fmt: skip
