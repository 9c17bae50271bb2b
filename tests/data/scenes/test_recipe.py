"""Recipes refuse what cannot be made, in one line, and say which labels can occur."""

import pytest

from avtext.config import parse
from avtext.data.scenes import LABELS, SceneRecipe
from avtext.data.scenes.recipe import HEARD, JOINT, RECORDED, SEEN
from avtext.errors import ConfigError


def test_labels_are_heard_then_seen_then_joint_and_none_twice():
    assert (*HEARD, *SEEN, *JOINT) == LABELS
    assert len(set(LABELS)) == len(LABELS) == 24


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"splitt": "train"}, r"a\.yaml: splitt: unknown key; did you mean 'split'"),
        ({"split": "valid"}, "split: .*'train' or 'test', got 'valid'"),
        ({"heard": [3, 1]}, r"heard: a range is \(lowest, highest\)"),
        ({"heard": [-1, 1]}, "heard"),
        ({"labels": ["dog"]}, "labels: 'dog' is not one of speech"),
        ({"labels": ["cut", "cut"]}, "labels: a label is named twice"),
        ({"duration": [1, 2]}, "duration: seconds must lie between 4 and 600"),
        ({"snr_db": "loud"}, "snr_db: .*got 'loud'"),
        ({"snr_db": [-5, float("inf")]}, "snr_db"),
        ({"snr_db": [-500, 5]}, "snr_db: decibels"),
        ({"offset": [-9, 9], "break_chance": 1, "offset_chance": 0.5}, "offset and break_seconds together"),
        ({"break_seconds": [0, 1]}, "break_seconds must be positive"),
        ({"drift_ppm": [0, 90000]}, "drift_ppm at most"),
        ({"cue_chance": 1.5}, "cue_chance"),
        ({"missing_chance": float("nan")}, "missing_chance"),
    ],
)
def test_an_odd_recipe_is_refused_in_one_line(values, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse(SceneRecipe, values, "a.yaml")
    assert "\n" not in str(caught.value)


def test_labels_without_a_source_are_not_available(tmp_path):
    assert set(SceneRecipe().available) == set(LABELS) - set(RECORDED) - {"speech", "signing"}
    assert set(SceneRecipe(sounds_dir=tmp_path).available) >= set(RECORDED)
    assert "speech" in SceneRecipe(speech_dir=tmp_path).available
    assert "speech" in SceneRecipe(voices=0.5).available
    assert SceneRecipe(labels=("signing", "cut")).available == ("cut",)
    assert SceneRecipe(signing_dir=tmp_path, labels=("signing", "cut")).available == ("signing", "cut")
