"""The pipeline's figures that need a model: the student's, the batches', the teacher's, on tiny ones."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from avtext.benchmark import pipeline_batches, pipeline_encoders, pipeline_gate, pipeline_student, pipeline_teacher
from avtext.benchmark.figures import Figure
from avtext.benchmark.pipeline_child import Spent
from avtext.benchmark.pipeline_clips import make_video
from avtext.benchmark.pipeline_limits import FULL, LIMITS
from avtext.benchmark.pipeline_naive import naive_pipeline
from avtext.benchmark.timing import timed
from avtext.clip import Event
from avtext.config import ModelSettings
from avtext.errors import ConfigError
from avtext.model import EventDetector, save_detector
from avtext.runtime import Runtime
from tests.tiny import save_talkative, write_video

AUDIO = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
    "conv_dim": [16] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
VIDEO = {"model_depth": 18, "stem_dim_outs": [8, 1]}
TINY = FULL._replace(
    short=12, long=24, taught=12, sound=2, much_sound=4, height=72, rounds=1, clips=5, audio=AUDIO, video=VIDEO
)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("video") / "a.mp4", 12, height=72)


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the teacher, which looks at 256 x 256 pixels however small it is: a second takes it seconds."""
    return write_video(tmp_path_factory.mktemp("video") / "brief.mkv", 4.0)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a child would do is done here: ten processes that import torch are half a minute."""

    def spent_here(make: Callable[..., Callable[[], object]], *arguments: Any) -> Spent:
        return Spent(timed(make(*arguments)), 100.0, "load 0")

    for module in (pipeline_student, pipeline_teacher):
        monkeypatch.setattr(module, "spent", spent_here)


def rows(*numbers: str) -> set[str]:
    return {name for name in LIMITS if name.startswith(numbers)}


@pytest.mark.usefixtures("here")
def test_rows_of_the_student(video: Path, graphs: Path, tmp_path: Path) -> None:
    long = make_video(tmp_path / "long.mp4", 24, height=72)
    found = {figure.name: figure for figure in pipeline_student.measure(graphs / "onnx", video, long, TINY)}
    assert {name for name in found if name.startswith("row")} == rows("row03", "row04", "row08", "row11")
    assert {"stage_encode", "stage_align", "stage_fuse", "stage_decode"} <= set(found)
    assert found["row11b_memory_of_ten_times_the_length"].value == 1.0
    assert all(figure.value is not None and figure.value > 0 for figure in found.values())


def test_rows_of_the_batches(video: Path, graphs: Path) -> None:
    found = {figure.name: figure for figure in pipeline_batches.measure(graphs / "onnx", video, TINY)}
    assert set(found) == rows("row07")
    same = found["row07b_dynamic_batches_other_events"]
    assert same.value == 0.0
    assert int(same.detail.split("from the ")[1].split()[0]) > 0  # where nothing is found, nothing can differ
    assert "5 clips of" in found["row07a_dynamic_against_fixed_batches"].detail


def test_mixed_clips_are_beginnings(video: Path, graphs: Path) -> None:
    whole = pipeline_student.whole_clip(Runtime(graphs / "onnx"), video)
    clips = pipeline_batches.mixed_clips(whole, 20)
    assert len({clip.duration for clip in clips}) > 5
    assert all(2.0 <= clip.duration <= 12.0 for clip in clips)
    assert whole.audio is not None
    for clip in clips:
        assert clip.audio is not None
        assert len(clip.audio) == round(clip.duration * 16_000)
        assert (clip.audio.values == whole.audio.values[: len(clip.audio)]).all()


def test_events_that_differ_are_seen(graphs: Path, video: Path) -> None:
    runtime = Runtime(graphs / "onnx")
    result = runtime(video)
    one = replace(result, events=(Event(1.0, 2.0, "bell", 0.5),))
    assert pipeline_batches.same_events(one, replace(result, events=(Event(1.04, 2.0, "bell", 0.5005),)))
    assert not pipeline_batches.same_events(one, replace(result, events=(Event(1.1, 2.0, "bell", 0.5),)))
    assert not pipeline_batches.same_events(one, replace(result, events=()))


@pytest.mark.usefixtures("here")
def test_rows_of_the_teacher(brief: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVTEXT_CACHE", str(tmp_path))
    sizes = TINY._replace(taught=4)
    found = {figure.name: figure for figure in pipeline_teacher.measure(brief, brief, tmp_path, sizes)}
    assert {name for name in found if name.startswith("row")} == rows("row01", "row02", "row09")
    ratio = found["row02_teacher_torch_against_naive"].value
    assert ratio is not None
    assert ratio > 0
    assert found["row09_memory_of_an_hour_of_sound"].value == 1.0


def test_without_openvino_its_rows_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    said = pipeline_teacher._or_why(lambda: pytest.fail("nothing to measure with"))
    assert said == 'not measured: openvino is not installed: pip install "avtext[openvino]"'


def test_the_naive_pipeline_sees_overlapping_windows(brief: Path) -> None:
    warmed = set[str]()
    handle = torch.nn.modules.module.register_module_forward_hook(lambda module, *_: warmed.add(type(module).__name__))
    run = naive_pipeline(str(brief), AUDIO, VIDEO)
    handle.remove()
    assert {"Wav2Vec2Model", "Net"} <= warmed  # as the teacher is before it is timed
    count = run()
    assert count == (4 * 50 - 1) + (4 * 25 // 2 - 32) // 8 + 1  # of 25 frames a second it takes every second one


def test_of_backends_in_int8_the_fastest_counts() -> None:
    values = {"openvino": (6.0, 0.995), "onnxruntime": (None, None), "other": (4.0, 0.999)}
    found = {}
    for backend, (speed, cosine) in values.items():
        found[f"slowfast_{backend}_int8_against_torch"] = Figure("", speed, "x", detail=f"by {backend}")
        found[f"slowfast_{backend}_int8_cosine"] = Figure("", cosine, "")
        found[f"slowfast_{backend}_float32_against_torch"] = Figure("", 9.0, "x")
    fast, alike = pipeline_encoders._best_int8("slowfast", found)
    assert (fast.name, fast.value, fast.met) == ("ladder_row05a_slowfast_int8_against_torch", 6.0, True)
    assert fast.detail == "slowfast_openvino, the fastest that was measured: by openvino"
    assert (alike.name, alike.value, alike.met) == ("ladder_row05c_slowfast_int8_cosine", 0.995, True)
    none = {title: Figure("", None, "x", detail="not measured") for title in found}
    assert [figure.met for figure in pipeline_encoders._best_int8("slowfast", none)] == [False, False]


def test_rows_of_a_trained_teacher(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVTEXT_CACHE", str(tmp_path))
    encoders = {
        "audio": {"name": "wav2vec2", "options": {"config": AUDIO}},
        "video": {"name": "slowfast", "options": {"config": VIDEO, "rate": 8, "frame_size": 64}},
    }
    torch.manual_seed(0)
    model = EventDetector(ModelSettings(labels=("bell", "cut"), width=16, encoders=encoders))
    save_detector(tmp_path / "teacher", model, "# tiny\n")
    sizes = TINY._replace(gate=2)
    found = {f.name: f for f in pipeline_gate.measure(tmp_path / "teacher", data_dir, tmp_path, sizes)}
    loss, alike = found["row13a_teacher_int8_f1_loss"], found["row13b_teacher_int8_cosine"]
    assert "2 scenes of unseen sources" in loss.detail or "not measured" in loss.detail
    if "not measured" not in loss.detail:  # OpenVINO is an extra
        assert loss.value is not None
        assert alike.value is not None
        assert 0.5 < alike.value < 1.0  # another precision; of random weights little is left beside the mean


def test_a_trained_teacher_is_needed(data_dir: Path, tmp_path: Path) -> None:
    found = list(pipeline_gate.measure(None, data_dir, tmp_path, TINY))
    assert {figure.name for figure in found} == rows("row13")
    assert all(figure.met is False and "--model FOLDER" in figure.detail for figure in found)


def test_a_light_model_is_no_teacher(data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no Wav2Vec2 and no SlowFast that learnt with it"):
        list(pipeline_gate.measure(save_talkative(tmp_path / "light"), data_dir, tmp_path, TINY))
