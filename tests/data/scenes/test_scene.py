"""Scenes: the same in any process, with a truth that fits the picture and the sound."""

import hashlib
import itertools
import subprocess
import sys

import numpy as np
import pytest

from avtext.clip import AUDIO_RATE
from avtext.data.scenes import LABELS, SceneRecipe, clip_of, make_scene, make_scene_frames
from avtext.data.scenes.recipe import SEEN
from avtext.errors import ConfigError, InvalidInput
from avtext.kernels.picture import frame_statistics

DIGEST = """
import hashlib, sys
from avtext.data.scenes import SceneRecipe, make_scene
recipe = SceneRecipe.model_validate_json(sys.argv[1])
digest = hashlib.sha256()
for seed in (1, 2):
    clip = make_scene(recipe, seed)
    for stream in (clip.audio, clip.video, clip.picture):
        digest.update(stream.values.tobytes())
    digest.update(repr((clip.cues, clip.events, clip.duration)).encode())
print(digest.hexdigest())
"""


def _digest(recipe: SceneRecipe, seeds: tuple[int, ...]) -> str:
    digest = hashlib.sha256()
    for seed in seeds:
        clip = make_scene(recipe, seed)
        for stream in (clip.audio, clip.video, clip.picture):
            digest.update(stream.values.tobytes())
        digest.update(repr((clip.cues, clip.events, clip.duration)).encode())
    return digest.hexdigest()


def _frames_of(scene, label):
    """First and one past the last frame of each event of a label."""
    return [(round(e.start * 25), round(e.end * 25)) for e in scene.events if e.label == label]


def test_another_process_makes_the_same_bits(real_recipe):
    make_scene(real_recipe, 7)  # what was made before must not matter
    run = subprocess.run(
        [sys.executable, "-c", DIGEST, real_recipe.model_dump_json()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == _digest(real_recipe, (1, 2))
    assert run.stdout.strip() != _digest(real_recipe, (2, 1))


def test_scenes_of_training_and_testing_differ(short_recipe):
    test = short_recipe.model_copy(update={"split": "test"})
    assert make_scene(short_recipe, 1).events != make_scene(test, 1).events
    assert make_scene(test, 1).name == "scene-test-1"


def test_truth_is_inside_sorted_and_never_overlaps_itself(real_recipe):
    recipe = real_recipe.model_copy(update={"duration": (5.0, 30.0), "seen": (4, 8), "heard": (4, 8)})
    for seed in range(12):
        clip = make_scene(recipe, seed)
        assert list(clip.events) == sorted(clip.events)
        for event in clip.events:
            assert 0 <= event.start < event.end <= clip.duration
        for label in LABELS:
            own = [event for event in clip.events if event.label == label]
            gap = 0.19 if label == "cut" else 0.29  # black may be so short that its two borders are near each other
            assert all(b.start - a.end > gap for a, b in itertools.pairwise(own)), (seed, label)


def test_streams_fit_the_duration(real_recipe):
    for seed, duration in enumerate((4.6, 7.3, 11.0)):
        clip = make_scene(real_recipe.model_copy(update={"duration": (duration, duration), "offset": (0, 0)}), seed)
        assert len(clip.audio) == round(clip.duration * AUDIO_RATE)
        assert clip.audio.values.dtype == np.float32
        assert np.abs(clip.audio.values).max() <= 1.0
        assert clip.video.values.shape == (int(np.ceil(clip.duration * 8 - 1e-6)), 64, 64, 3)
        assert clip.video.values.dtype == np.uint8
        assert clip.picture.values.shape[0] == round(clip.duration * 25)
        assert clip.picture.real.all()
        assert all(0 <= cue.start < cue.end <= clip.duration for cue in clip.cues)


def test_video_frame_is_the_one_on_show_at_its_centre(short_recipe):
    scene = make_scene_frames(short_recipe, 3)
    clip = clip_of(scene)
    for step, frame in enumerate(clip.video.values):
        on_show = int((step + 0.5) / 8 * 25)
        np.testing.assert_array_equal(frame, scene.frames[on_show])


def test_every_label_occurs(real_recipe):
    recipe = real_recipe.model_copy(update={"seen": (6, 9), "heard": (9, 12), "impacts": (2, 3)})
    seen: set[str] = set()
    for seed in range(30):
        seen |= {event.label for event in make_scene_frames(recipe, seed, 16, 16).events}
        if len(seen) == len(LABELS):
            break
    assert seen == set(LABELS)


def test_only_labels_asked_for_occur(short_recipe):
    recipe = short_recipe.model_copy(update={"labels": ("fade", "bell")})
    seen = {event.label for seed in range(10) for event in make_scene(recipe, seed).events}
    assert seen == {"fade", "bell"}


def test_a_scene_in_which_nothing_happens(short_recipe):
    recipe = short_recipe.model_copy(update={"labels": (), "decoys": (0, 0), "fillers": (0, 0)})
    clip = make_scene(recipe, 0)
    assert clip.events == ()
    assert clip.cues == ()
    assert clip.modalities == ("audio", "video")


def test_cuts_change_the_picture_more_than_anything_near(short_recipe):
    recipe = short_recipe.model_copy(update={"labels": ("cut",), "seen": (5, 8)})
    ranks = []
    for seed in range(15):
        scene = make_scene_frames(recipe, seed)
        change = np.abs(np.diff(scene.frames.astype(np.int16), axis=0)).mean((1, 2, 3))
        for first, _ in _frames_of(scene, "cut"):
            near = change[max(0, first - 6) : first + 5]
            ranks.append(change[first - 1] == near.max())
    assert len(ranks) > 20
    assert np.mean(ranks) > 0.9  # a flickering film can change as much


def test_freezes_stand_still_and_something_moves_before(short_recipe):
    recipe = short_recipe.model_copy(update={"labels": ("freeze",), "codec_chance": 0.0})
    count = 0
    for seed in range(12):
        scene = make_scene_frames(recipe, seed)
        for first, last in _frames_of(scene, "freeze"):
            count += 1
            assert (scene.frames[first:last] == scene.frames[first - 1]).all()
            before = np.abs(np.diff(scene.frames[first - 13 : first].astype(np.int16), axis=0)).mean()
            assert before > 0.05
    assert count > 10


def test_codec_traces_are_far_smaller_than_motion(short_recipe):
    recipe = short_recipe.model_copy(update={"labels": ("freeze",), "codec_chance": 1.0})
    scene = make_scene_frames(recipe, 0)
    first, last = _frames_of(scene, "freeze")[0]
    change = np.abs(np.diff(scene.frames[first:last].astype(np.int16), axis=0))
    assert change.max() <= 2
    assert 0 < change.mean() < 0.5


def test_black_is_dark_and_flashes_are_bright(short_recipe):
    recipe = short_recipe.model_copy(update={"labels": ("black", "flash")})
    counts = {"black": 0, "flash": 0}
    for seed in range(12):
        scene = make_scene_frames(recipe, seed)
        luma = frame_statistics(scene.frames)[:, 0]
        for first, last in _frames_of(scene, "black"):
            counts["black"] += 1
            assert luma[first:last].max() < 0.12
        for first, last in _frames_of(scene, "flash"):
            counts["flash"] += 1
            assert 1 <= last - first <= 3
            assert luma[first] > luma[first - 1] + 0.02
    assert min(counts.values()) > 5


def test_fades_change_the_picture_gradually(short_recipe):
    recipe = short_recipe.model_copy(update={"labels": ("fade", "black")})
    whole, steepest = [], []
    for seed in range(12):
        scene = make_scene_frames(recipe, seed)
        for first, last in _frames_of(scene, "fade"):
            part = scene.frames[first - 1 : last + 1].astype(np.float32)
            steps = np.abs(np.diff(part, axis=0)).mean((1, 2, 3))
            whole.append(steps.sum())
            steepest.append(steps.max())
    assert len(whole) > 10
    assert np.median(whole) > 4 * np.median(steepest)


def test_the_sound_comes_late_by_what_the_clock_says(short_recipe):
    found = 0
    for seed in range(5):
        plain = make_scene(short_recipe, seed)
        shifted = make_scene(short_recipe.model_copy(update={"offset_chance": 1.0}), seed)
        assert plain.clocks["audio"].is_identity
        lag = -shifted.clocks["audio"].offset
        spectra = [np.fft.rfft(clip.audio.values, 2 * len(clip.audio)) for clip in (shifted, plain)]
        likeness = np.fft.irfft(spectra[0] * np.conj(spectra[1]))
        best = int(likeness.argmax())
        best = best if best < len(plain.audio) else best - 2 * len(plain.audio)
        assert best == round(lag * AUDIO_RATE)
        np.testing.assert_array_equal(plain.video.values, shifted.video.values)
        found += abs(lag) > 0.1
    assert found >= 3


def test_events_cut_off_by_the_offset_are_not_in_the_truth(short_recipe):
    recipe = short_recipe.model_copy(update={"offset_chance": 1.0, "offset": (1.5, 1.5), "labels": ("bell", "beep")})
    for seed in range(8):
        plain = make_scene(short_recipe.model_copy(update={"labels": ("bell", "beep")}), seed)
        shifted = make_scene(recipe, seed)
        assert set(shifted.events) <= set(plain.events)
        for event in plain.events:
            heard = min(max(6.0 - 1.5 - event.start, 0), event.duration) / event.duration
            if abs(heard - 0.5) > 0.05:
                assert (event in shifted.events) == (heard > 0.5)


def test_missing_and_dropped_streams(short_recipe):
    missing = short_recipe.model_copy(update={"missing_chance": 1.0})
    kinds = {(c.audio is None, c.video is None, c.picture is None) for c in (make_scene(missing, s) for s in range(12))}
    assert kinds == {(True, False, False), (False, True, True), (False, False, False)}
    clip = make_scene(short_recipe.model_copy(update={"dropout_chance": 1.0}), 2)
    for stream in (clip.audio, clip.video, clip.picture):
        assert 0.1 < stream.real.mean() < 0.95
        assert not stream.values[~stream.real].any()


def test_the_same_scene_at_another_size(short_recipe):
    small, large = make_scene_frames(short_recipe, 4), make_scene_frames(short_recipe, 4, 128, 192)
    assert small.events == large.events
    np.testing.assert_array_equal(small.waveform, large.waveform)
    shrunk = large.frames.reshape(150, 64, 2, 64, 3, 3).mean((2, 4))
    difference = np.abs(shrunk - small.frames).mean((1, 2, 3))
    assert np.median(difference) < 20
    unlike = np.abs(shrunk - make_scene_frames(short_recipe, 5).frames).mean()
    assert difference.mean() < unlike / 2


@pytest.mark.parametrize("seed", [-1, 1.5, "a", True])
def test_an_odd_seed_is_refused(short_recipe, seed):
    with pytest.raises(InvalidInput, match="seed: must be an integer from 0 up"):
        make_scene(short_recipe, seed)


def test_a_clip_is_refused_frames_of_which_there_are_no_statistics(short_recipe):
    with pytest.raises(InvalidInput, match="must be multiples of 8 in height and width, got 17 x 32"):
        clip_of(make_scene_frames(short_recipe, 1, 17, 32))


def test_a_size_too_small_is_refused(short_recipe):
    with pytest.raises(InvalidInput, match="16 pixels or more, got 8 and 64"):
        make_scene_frames(short_recipe, 0, 8, 64)


@pytest.mark.parametrize("field", ["sounds_dir", "speech_dir", "signing_dir"])
def test_a_folder_without_recordings_is_refused_in_one_line(tmp_path, field):
    label = {"sounds_dir": "rain", "speech_dir": "speech", "signing_dir": "signing"}[field]
    for folder in (tmp_path / "absent", tmp_path):
        recipe = SceneRecipe(heard=(4, 4), seen=(4, 4), labels=(label,), **{field: folder})
        with pytest.raises(ConfigError, match=f"{field}: .*(is not a folder|has no file)") as caught:
            make_scene(recipe, 0)
        assert "\n" not in str(caught.value)


def test_seen_labels_need_no_sound(short_recipe):
    recipe = short_recipe.model_copy(update={"labels": SEEN, "decoys": (0, 0), "music_chance": 0.0})
    clip = make_scene(recipe, 1)
    assert {event.label for event in clip.events} <= set(SEEN)
    assert clip.audio.values.std() > 0  # the background is still there


@pytest.mark.parametrize("late", [2.0, -2.0])
def test_cues_go_on_beyond_the_scene(late, short_recipe):
    """A stream whose first or last seconds had no cues would tell its offset."""
    update = {"offset_chance": 1.0, "offset": (late, late), "cue_chance": 1.0, "fillers": (3, 3), "no_cues_chance": 0.0}
    recipe = short_recipe.model_copy(update=update)
    gap = inside = 0
    for seed in range(20):
        clip = make_scene(recipe, seed)
        times = np.array([(cue.start + cue.end) / 2 for cue in clip.cues])
        times = times if late > 0 else clip.duration - times
        gap, inside = gap + int((times < 2.0).sum()), inside + int(((times >= 2.0) & (times < 4.0)).sum())
    assert gap > inside / 3
