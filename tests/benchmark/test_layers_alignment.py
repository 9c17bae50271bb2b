import json

import pytest
import torch

from avtext.benchmark import layers_alignment as suite
from avtext.benchmark.aligned_scenes import TOGETHER, AlignmentSizes, EncodedScene, encode_scene, recipe_with
from avtext.benchmark.layers_alignment import Judged
from avtext.benchmark.layers_long import is_found
from avtext.clip import Event
from avtext.config import ModelSettings
from avtext.data.scenes import make_scene
from avtext.model import EventDetector
from avtext.timeline import ClockMap

TINY = AlignmentSizes(scenes=2, drift_files=1, drift_seconds=20, hours=1, hour_parts=2, break_files=1, break_seconds=40)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    encoders = {
        "audio": {"name": "logmel", "options": {"size": 8, "channels": [2, 4, 8]}},
        "picture": {"name": "picture", "options": {"size": 8}},
        "text": {"name": "hashed_text", "options": {"size": 8, "num_buckets": 64, "embedding": 8}},
    }
    return EventDetector(ModelSettings(labels=("bell", "impact"), width=16, encoders=encoders, head_layers=0)).eval()


def test_every_row_of_alignment_is_there_with_a_tiny_model(model, data_dir):
    found = {figure.name: figure for figure in suite.measure(model, data_dir, TINY)}
    rows = sorted(name.split("_")[0] for name in found if name.startswith("row"))
    assert rows == ["row10a", "row10b", "row11a", "row11b", "row12", "row13", "row14"]
    assert 0 <= found["row10a_offset_error_median"].value <= found["row10b_offset_error_90th"].value < 40
    assert found["row12_break_found"].value in (0.0, 1.0)
    assert -1 <= found["row13_f1_in_sync_gain"].value <= 1
    assert found["f1_under_offset_off"].limit is None
    assert found["offset_right_without_cue"].value in (0.0, 0.5, 1.0)
    json.dumps([figure.to_dict() for figure in found.values()])


def test_scenes_with_offset_are_what_the_row_asks_for(model, data_dir):
    scenes = suite.scenes_with_offset(model, data_dir, 3)
    assert len(scenes) == 3
    for scene in scenes:
        assert 0 < abs(scene.clocks["audio"].offset) <= 2.0
        assert scene.clocks["audio"].drift_ppm == 0
        assert sum(event.label in TOGETHER for event in scene.events) >= 2
        assert scene.duration == 20.0
        assert not scene.batch.streams


def test_long_recipes_are_what_the_rows_ask_for(data_dir):
    drift = recipe_with(data_dir, duration=(20.0, 20.0), drift_chance=1.0, drift_ppm=(1000.0, 1000.0))
    assert drift.split == "test"
    assert make_scene(drift, 0).clocks["audio"].drift_ppm == pytest.approx(1000)
    broken = recipe_with(data_dir, duration=(40.0, 40.0), break_chance=1.0, break_seconds=(10.0, 10.0))
    ((at, jump),) = make_scene(broken, 0).clocks["audio"].breaks
    assert 10 <= at <= 30
    assert jump == pytest.approx(10.0)


def judged(model, clip, off, on, true):
    scene: EncodedScene = encode_scene(model, clip)
    return Judged(scene, {}, list(off), list(on), list(true))


def test_f1_is_that_of_the_events_asked_for(model, data_dir):
    clip = make_scene(recipe_with(data_dir), 0)
    late = [Event(e.start + 1.7, e.end + 1.7, e.label) for e in clip.events]
    wrong = [Event(e.start, e.end, "something else") for e in clip.events]
    one = judged(model, clip, wrong, late[:0], clip.events)
    assert suite._f1([one], "true") == 1.0
    assert suite._f1([one], "off") == 0.0
    assert suite._f1([one], "on") == 0.0
    assert suite._f1([judged(model, clip, [], late, [])], "on") < 0.5


def test_true_clocks_are_used_for_the_true_shift(model, data_dir):
    (scene,) = suite.scenes_with_offset(model, data_dir, 1)
    one = suite.judge(model, scene)
    assert set(one.found) >= {"audio", "video"}
    assert one.found["video"].clock.is_identity
    assert suite._errors([one], "audio")[0] >= 0
    still = scene.__class__(scene.batch, scene.encoded, scene.events, {"audio": ClockMap.shift()}, scene.duration)
    assert suite.judge(model, still).true == suite.judge(model, still).off


def test_a_break_must_be_near_in_time_and_in_size():
    assert is_found([(30.0, 2.0), (60.9, 10.9)], (60.0, 10.0))
    assert not is_found([(61.1, 10.0)], (60.0, 10.0))
    assert not is_found([(60.0, 8.9)], (60.0, 10.0))
    assert not is_found([(60.0, -10.0)], (60.0, 10.0))
