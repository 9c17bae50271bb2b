import numpy as np
import pytest
import torch

from avtext.benchmark.aligned_scenes import (
    clock_of,
    encode_scene,
    find_events,
    joined,
    on_clock,
    streams_of,
)
from avtext.config import ModelSettings
from avtext.data.scenes import SceneRecipe, make_scene
from avtext.detection.clocks import align_to_picture
from avtext.metrics.clocks import clock_error
from avtext.model import EventDetector, collate
from avtext.timeline import ClockMap

RATE = 25.0


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    encoders = {
        "audio": {"name": "logmel", "options": {"size": 8, "channels": [2, 4, 8]}},
        "picture": {"name": "picture", "options": {"size": 8}},
    }
    settings = ModelSettings(
        labels=("bell", "impact"), width=16, encoders=encoders, tcn={"num_layers": 1}, head_layers=0
    )
    return EventDetector(settings).eval()


@pytest.fixture(scope="module")
def clip():
    recipe = SceneRecipe(
        duration=(6.0, 6.0), offset_chance=1.0, offset=(1.0, 1.0), missing_chance=0.0, dropout_chance=0.0
    )
    return make_scene(recipe, 3)


def smooth(seed, count, size=16):
    return np.random.default_rng(seed).normal(size=(count, size)).repeat(3, axis=0).astype(np.float32)


def streams(seed, count):
    values = smooth(seed, count)
    mask = np.ones(len(values), bool)
    return {"audio": (values, mask), "video": (values.copy(), mask)}


def test_events_are_those_of_the_model_itself(model, clip):
    scene = encode_scene(model, clip)
    with torch.inference_mode():
        expected = model.decode(model(collate([clip])))[0]  # collate gives the model the true clocks
    assert find_events(model, scene, scene.clocks) == expected
    assert scene.events == clip.events
    assert scene.clocks["audio"].offset == pytest.approx(-1.0)
    assert find_events(model, scene, {}) != expected or not expected


def test_streams_of_a_scene_are_on_the_grid(model, clip):
    found = streams_of(model, encode_scene(model, clip))
    assert list(found) == ["audio", "video"]
    for values, mask in found.values():
        assert values.shape == (150, model.settings.alignment.size)
        assert mask.shape == (150,)
        assert mask.any()


@pytest.mark.parametrize(("offset", "ppm"), [(0.8, 0.0), (-1.4, 800.0), (0.0, -800.0)])
def test_a_stream_put_on_another_clock_is_found_there(model, offset, ppm):
    clock = ClockMap.shift(offset, 1 + ppm * 1e-6)
    moved = on_clock(streams(0, 1000), "audio", clock, RATE)
    found = align_to_picture(moved, model.settings)
    assert clock_error(clock_of(found, "audio"), clock, 3000 / RATE) < 0.04
    assert clock_error(ClockMap.shift(), clock, 3000 / RATE) > 0.04


def test_moved_stream_is_read_at_the_right_steps():
    before = streams(1, 40)
    moved = on_clock(before, "audio", ClockMap.shift(10 / RATE), RATE)["audio"]
    np.testing.assert_allclose(moved[0][:-10], before["audio"][0][10:], atol=1e-4)
    assert moved[1][:-10].all()
    assert not moved[1][-10:].any()
    np.testing.assert_array_equal(before["audio"][0], smooth(1, 40))  # what was given is not changed


def test_joined_streams_follow_each_other():
    whole = joined([streams(0, 5), streams(1, 7)])
    assert whole["video"][0].shape == (36, 16)
    assert whole["audio"][1].shape == (36,)
    np.testing.assert_array_equal(whole["audio"][0][15:], smooth(1, 7))


def test_nothing_to_align_with_is_the_identity(model):
    one = {"audio": streams(0, 30)["audio"]}
    absent = {**one, "video": (smooth(0, 30), np.zeros(90, bool))}
    assert align_to_picture(one, model.settings) == {}
    assert align_to_picture(absent, model.settings) == {}
    assert clock_of({}, "audio").is_identity
