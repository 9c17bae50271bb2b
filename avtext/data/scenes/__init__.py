"""Scenes: generated clips of sound, picture and cues with exact truth, for training, tests and the demo."""

from avtext.data.scenes.recipe import LABELS, SceneRecipe
from avtext.data.scenes.scene import Scene, clip_of, make_scene, make_scene_frames

__all__ = ["LABELS", "Scene", "SceneRecipe", "clip_of", "make_scene", "make_scene_frames"]
