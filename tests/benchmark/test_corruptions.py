from __future__ import annotations

import numpy as np
import pytest

from avtext.benchmark.corruptions import CORRUPTIONS, PACKET, corrupted
from avtext.clip import AUDIO_RATE
from avtext.data.scenes import Scene, SceneRecipe, clip_of, make_scene_frames
from avtext.kernels.picture import NAMES


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene_frames(SceneRecipe(duration=(4.0, 4.0), heard=(4, 4), seen=(4, 4)), 3)


def distance(scene: Scene, name: str, strength: float) -> float:
    worse = corrupted(scene, name, strength)
    sound = np.abs(worse.waveform - scene.waveform).mean()
    picture = np.abs(worse.frames.astype(float) - scene.frames).mean() / 255
    return float(sound + picture)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_damage_grows_with_its_strength_and_keeps_the_rest(scene: Scene, name: str) -> None:
    grows = [distance(scene, name, strength) for strength in CORRUPTIONS[name].strengths]
    assert 0 < grows[0] < grows[1] < grows[2]
    worse = corrupted(scene, name, CORRUPTIONS[name].strengths[-1])
    assert (worse.events, worse.cues, worse.duration) == (scene.events, scene.cues, scene.duration)
    assert worse.frames.dtype == np.uint8
    assert worse.waveform.dtype == np.float32
    assert np.abs(worse.waveform).max() <= 1.0
    again = corrupted(scene, name, CORRUPTIONS[name].strengths[-1])
    assert np.array_equal(worse.waveform, again.waveform)
    assert np.array_equal(worse.frames, again.frames)


def test_statistics_are_those_of_the_damaged_frames(scene: Scene) -> None:
    clean, noisy = clip_of(scene).picture, clip_of(corrupted(scene, "noise", 10.0)).picture
    assert clean is not None
    assert noisy is not None
    column = NAMES.index("luma_change")
    assert noisy.values[:, column].mean() > 2 * clean.values[:, column].mean()


def test_a_blurred_picture_keeps_its_brightness_and_an_even_one_stays(scene: Scene) -> None:
    blurred = corrupted(scene, "blur", 2.0)
    assert blurred.frames.mean() == pytest.approx(scene.frames.mean(), abs=1.0)
    assert blurred.frames.std(axis=(1, 2)).mean() < scene.frames.std(axis=(1, 2)).mean()


def test_a_dropped_frame_is_the_last_that_came(scene: Scene) -> None:
    dropped = corrupted(scene, "frame_drops", 0.3).frames
    assert np.array_equal(dropped[0], scene.frames[0])
    for k in range(1, len(dropped)):
        assert np.array_equal(dropped[k], scene.frames[k]) or np.array_equal(dropped[k], dropped[k - 1])


def test_that_share_of_the_samples_is_clipped(scene: Scene) -> None:
    clipped = np.abs(corrupted(scene, "clipping", 0.2).waveform) >= 1.0 - 1e-6
    assert clipped.mean() == pytest.approx(0.2, abs=0.01)


def test_a_lost_packet_takes_sound_and_picture_together(scene: Scene) -> None:
    worse = corrupted(scene, "lost_packets", 0.3)
    wave = worse.waveform.reshape(-1, round(PACKET * AUDIO_RATE))
    lost = (wave == 0).all(1)
    assert 0 < lost.mean() < 1
    first = int(np.argmax(lost))
    frames = worse.frames[round(first * PACKET * 25) : round((first + 1) * PACKET * 25)]
    assert (frames == frames[:1]).all()
