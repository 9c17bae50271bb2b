"""Labels that take two modalities: they have decoys of each, and change nothing where a recipe does not name them."""

import pytest

from avtext.data.scenes import LABELS, SceneRecipe, make_scene_frames
from avtext.data.scenes.recipe import RELATIONS

RECIPE = SceneRecipe(duration=(20.0, 20.0), heard=(6, 6), no_cues_chance=0.0, wrong_cue_chance=0.3)
BOTH = RECIPE.model_copy(update={"labels": (*LABELS, *RELATIONS)})


@pytest.fixture(scope="module")
def scenes():
    return [make_scene_frames(BOTH, seed, 16, 16) for seed in range(4)]


def spans(scene, label):
    return [(e.start, e.end) for e in scene.events if e.label == label]


def test_they_lie_on_sounds_and_leave_decoys(scenes):
    heard = ("bell", "siren", "beep", "knock", "engine", "whoosh")
    count = dict.fromkeys((*RELATIONS, "heard"), 0)
    for scene in scenes:
        sounds = [e for e in scene.events if e.label in heard]
        starts = {e.start for e in sounds}
        count["heard"] += len(sounds)
        for start, end in spans(scene, "on_screen"):
            assert start in starts
            assert any(e.end >= end - 1e-9 for e in sounds)
        for label in RELATIONS:
            count[label] += len(spans(scene, label))
    assert 0 < count["on_screen"] < count["heard"]
    assert count["captioned"] > 0


def test_a_caption_counts_only_beside_a_cue(scenes):
    for scene in scenes:
        for start, end in spans(scene, "captioned"):
            assert any(cue.start < end + 0.2 and cue.end > start - 0.2 for cue in scene.cues)


def test_recipes_that_do_not_name_them_are_as_before(scenes):
    plain = make_scene_frames(RECIPE, 0, 16, 16)
    assert (plain.frames == scenes[0].frames).all()
    assert (plain.waveform == scenes[0].waveform).all()
    assert plain.cues == scenes[0].cues
    assert plain.events == tuple(e for e in scenes[0].events if e.label not in RELATIONS)
    assert not set(RELATIONS) & set(SceneRecipe().labels)


def test_without_objects_or_cues_there_is_none():
    recipe = BOTH.model_copy(update={"shown_chance": 0.0, "no_cues_chance": 1.0})
    scene = make_scene_frames(recipe, 0, 16, 16)
    assert not {e.label for e in scene.events} & set(RELATIONS)
