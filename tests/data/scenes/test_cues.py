"""Cues: phrases for every sound, partly other ones in testing, and loosely timed."""

import pytest

from avtext.data.scenes import make_scene
from avtext.data.scenes.chance import generator
from avtext.data.scenes.cues import CAPTIONS, caption, filler, timed
from avtext.data.scenes.recipe import HEARD


def _plain(text):
    return text.strip("[]()*- ").lower()


def test_every_sound_has_captions_and_no_phrase_stands_for_two():
    assert set(CAPTIONS) == {*HEARD, "impact"} - {"speech"}
    phrases = [phrase for own in CAPTIONS.values() for phrase in own]
    assert len(set(phrases)) == len(phrases)


@pytest.mark.parametrize("label", sorted(CAPTIONS))
def test_training_and_testing_share_the_first_phrase_only(label):
    said = {
        split: {_plain(caption(generator(seed, split), label, split)) for seed in range(60)}
        for split in ("train", "test")
    }
    assert said["train"] & said["test"] == {CAPTIONS[label][0]}
    assert said["train"] | said["test"] == set(CAPTIONS[label])


def test_cues_start_near_what_they_tell_and_stay_inside():
    for seed in range(50):
        cue = timed(generator(seed, "t"), 5.0, 6.0, "x", 20.0)
        assert abs(cue.start - 5.0) <= 0.1501
        assert 0.99 <= cue.end - cue.start <= 3.01
    late = timed(generator(0, "t"), 19.5, 21.0, "x", 20.0)
    assert late is None or late.end <= 20.0
    assert timed(generator(0, "t"), 25.0, 26.0, "x", 20.0) is None
    assert timed(generator(0, "t"), 0.0, 1.0, "x", 20.0).start >= 0.0


def test_fillers_are_not_captions_of_sounds():
    phrases = {phrase for own in CAPTIONS.values() for phrase in own}
    assert not {_plain(filler(generator(seed, "f"))) for seed in range(100)} & phrases


def test_no_cues_where_none_are_wanted(short_recipe):
    none = short_recipe.model_copy(update={"no_cues_chance": 1.0})
    assert all(make_scene(none, seed).cues == () for seed in range(3))
    every = short_recipe.model_copy(
        update={
            "no_cues_chance": 0.0,
            "cue_chance": 1.0,
            "wrong_cue_chance": 0.0,
            "fillers": (0, 0),
            "decoys": (0, 0),
        }
    )
    for seed in range(5):
        clip = make_scene(every, seed)
        told = [e for e in clip.events if e.label in CAPTIONS and e.start < 5.8]
        for event in told:
            assert any(abs(c.start - event.start) < 0.2 and _plain(c.text) in CAPTIONS[event.label] for c in clip.cues)
