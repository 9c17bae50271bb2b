"""Modalities aligned with one another's help."""

from __future__ import annotations

import numpy as np
import pytest

from avtext.alignment import align, align_jointly
from avtext.errors import InvalidInput


def test_text_locks_on_to_the_audio_where_the_picture_says_nothing(scene):
    one = scene(0, 40.0)
    audio, text = one.seen(one.times() + 0.8), one.seen(one.times() - 1.1)
    blank = np.random.default_rng(0).normal(size=audio.shape).astype(np.float32)
    assert align(blank, text).abstained
    found = align_jointly({"audio": audio, "video": blank, "text": text})
    assert list(found) == ["audio", "video", "text"]
    moved = float(found["text"].clock.to_video(20.0) - found["audio"].clock.to_video(20.0))
    assert moved == pytest.approx(-1.9, abs=0.06)


def test_nothing_is_moved_to_cues_whose_own_place_is_not_known(scene):
    one = scene(0, 40.0)
    text = one.seen(one.times() - 1.1)
    audio = one.seen(one.times())
    for seed in range(8):  # of which some are a little more like the text than like the audio
        blank = np.random.default_rng(seed).normal(size=audio.shape).astype(np.float32)
        found = align_jointly({"audio": audio, "video": blank, "text": text})
        assert found["audio"].clock.is_identity
        assert found["text"].clock.offset == pytest.approx(-1.1, abs=0.06)


def test_two_weak_witnesses_are_surer_than_one(scene):
    gains = []
    for seed in range(8):
        one = scene(seed, 20.0, noise=2.5)
        video, audio, text = one.seen(one.times()), one.seen(one.times() + 0.5), one.seen(one.times() - 1.0)
        alone, found = align(video, text), align_jointly({"audio": audio, "video": video, "text": text})
        gains.append(found["text"].confidence - alone.confidence)
    assert min(gains) >= -0.01
    assert max(gains) > 0.1


def test_each_alone_with_the_video_is_as_align_gives_it(scene):
    one = scene(1, 30.0)
    video, audio = one.seen(one.times()), one.seen(one.times() + 1.5)
    found = align_jointly({"video": video, "audio": audio})
    assert found["video"].clock.is_identity
    assert found["video"].confidence == 1.0
    assert found["audio"].clock.offset == pytest.approx(align(video, audio).clock.offset, abs=1e-3)


def test_without_a_video_the_longest_is_the_reference(scene):
    one = scene(2, 60.0)
    text, audio = one.seen(one.times()[:1200]), one.seen(one.times() + 0.6)
    found = align_jointly({"text": text, "audio": audio})
    assert found["audio"].clock.is_identity
    assert found["text"].clock.offset == pytest.approx(-0.6, abs=0.06)
    assert [*align_jointly({"text": text})] == ["text"]


def test_masks_reach_each_alignment(scene):
    one = scene(3, 30.0)
    video, audio = one.seen(one.times()), one.seen(one.times() + 1.5)
    padded = np.concatenate([audio, np.full((90, audio.shape[1]), np.nan, np.float32)])
    found = align_jointly({"video": video, "audio": padded}, {"audio": np.arange(840) < 750, "video": None})
    assert found["audio"].clock.offset == pytest.approx(1.5, abs=0.06)
    absent = align_jointly({"video": video, "audio": padded}, {"audio": np.zeros(840, bool)})
    assert absent["audio"].abstained


def test_bad_arguments():
    ones = np.ones((20, 3))
    with pytest.raises(InvalidInput, match="at least one modality"):
        align_jointly({})
    with pytest.raises(InvalidInput, match="text"):
        align_jointly({"video": ones}, {"text": np.ones(20, bool)})
    with pytest.raises(InvalidInput, match="audio: a real step"):
        align_jointly({"video": ones, "audio": ones * np.nan})


def test_cues_are_moved_only_when_that_is_nearly_certain(scene):
    """A stream that is moved as sound stays where it is as cues, with the confidence that it has."""
    one = scene(2, 12.0)
    video, stream = one.seen(one.times()), one.seen(one.times() + 0.6)
    heard, told = (
        align_jointly({"video": video, "audio": stream})["audio"],
        align_jointly({"video": video, "text": stream})["text"],
    )
    assert 0.5 < heard.confidence < 0.9
    assert heard.clock.offset == pytest.approx(0.6, abs=0.06)
    assert told.abstained
    assert told.clock.is_identity
    assert told.confidence == heard.confidence
