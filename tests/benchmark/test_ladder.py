"""A rung outside its limit says by how much it misses; clips that cannot be read are left out."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from avtext.benchmark import ladder, timing
from avtext.benchmark.figures import read_figures
from avtext.benchmark.ladder_rows import Events, Row, differences, faults, figures, limited
from avtext.benchmark.timing import Timing, Turns
from avtext.clip import Clip, Cue, Event
from avtext.compression.ladder import LadderSettings, LimitSettings, Rung
from avtext.config import load
from avtext.errors import Code, ConfigError, MediaError
from avtext.training import DataSettings
from avtext.training.evaluation import Found
from tests.tiny import save_talkative, talkative, write_video, write_wav


def row(
    folder: Path, name: str, size: int, seconds: float, f1: float, kept: float = math.nan, parameters: int = 1000
) -> Row:
    """A row of a rung whose one file has ``size`` bytes; ``f1`` in steps of 1/200."""
    place = folder / name
    place.mkdir()
    (place / "model.safetensors").write_bytes(bytes(size))
    turns = Turns(Timing(seconds, seconds), Timing(1.0, 1.0), 1, "")
    rung = Rung(name, "torch", place, parameters)
    return Row(rung, rung, turns, turns, 4.0, None, found(f1), 50.0, math.nan, kept)


def found(f1: float) -> Found:
    """Ten events in each of twenty files, of which a share ``f1`` is found and as many are wrong as are missed."""
    reference = {f"{k}.mp4": [Event(i, i + 0.5, "bell") for i in range(10)] for k in range(20)}
    right = iter([True] * round(200 * f1) + [False] * round(200 * (1 - f1)))
    return Found(
        reference,
        {
            name: [e if next(right) else Event(e.start + 20, e.end + 20, "bell") for e in reference[name]]
            for name in reference
        },
    )


def test_a_rung_outside_its_limit_says_by_how_much(tmp_path: Path) -> None:
    limits = LimitSettings(pruned_speedup=1.2, int8_speedup=2.0, int8_bytes=0.27)
    rows = {"float32": row(tmp_path, "float32", 1000, 1.0, 0.80, 0.90)}
    assert faults(rows, limits) == []
    rows["pruned"] = row(tmp_path, "pruned", 700, 0.9, 0.78, 0.90)
    assert faults(rows, limits) == [
        "row02a_pruned_f1_loss: 2 points, allowed at most 1",
        "row02b_pruned_speedup: 1.11 x CPU time, allowed at least 1.2",
    ]
    rows["pruned"] = row(tmp_path, "better", 700, 0.8, 0.795, 0.90)
    rows["onnx"] = row(tmp_path, "onnx", 700, 0.5, 0.795, 0.90)
    rows["int8"] = row(tmp_path, "int8", 180, 0.4, 0.79, 0.86)
    assert rows["float32"].rung.bytes == 1000
    assert faults(rows, limits) == ["row03e_int8_kept_loss: 4 points, allowed at most 3"]
    named = {figure.name: figure for figure in figures(rows, limits)}
    assert named["row03a_int8_bytes"].value == pytest.approx(180 / 700)
    assert named["row03d_int8_speedup"].value == pytest.approx(2.5)
    assert named["int8_real_time_factor"].value == pytest.approx(0.1)
    assert named["int8_peak_memory"].value is None
    assert named["int8_calibration_error"].value is None


def test_a_student_is_held_against_its_teacher_and_against_itself_untaught(tmp_path: Path) -> None:
    rows = {
        "float32": row(tmp_path, "float32", 1000, 1.0, 0.80, parameters=2000),
        "untaught": row(tmp_path, "untaught", 100, 0.2, 0.70, parameters=200),
        "student": row(tmp_path, "student", 100, 0.2, 0.76, parameters=200),
    }
    limits = LimitSettings(student_parameters=0.05, student_gain=2.0)
    named = {figure.name: figure for figure in figures(rows, limits)}
    assert named["row01a_student_size"].value == pytest.approx(0.1)
    assert named["row01b_student_f1"].value == pytest.approx(0.95)
    assert named["row01c_student_gain"].value == pytest.approx(6.0)
    assert [figure.met for figure in list(named.values())[:3]] == [False, False, True]
    assert "95 % of resampled files: " in named["row01c_student_gain"].detail
    rows["pruned"] = row(tmp_path, "pruned", 70, 0.15, 0.755)
    assert faults(rows, LimitSettings(student_parameters=0.2, student_f1=0.9)) == []  # pruned against the student


def all_rungs(folder: Path) -> dict[str, Row]:
    """Each finds as much as the others, and costs as much: no cost could meet a limit, no loss could miss one."""
    names = ("float32", "untaught", "student", "pruned", "onnx", "int8")
    rows = {name: replace(row(folder, name, 1000, 1.0, 0.80, 0.90), peak=700.0) for name in names}
    slow = Turns(Timing(60.0, 60.0), Timing(60.0, 60.0), 1, "")
    return rows | {"onnx": replace(rows["onnx"], ready=slow)}


def test_what_a_rung_costs_is_told_and_judged_only_where_a_limit_is_set(tmp_path: Path) -> None:
    rows = all_rungs(tmp_path)
    assert faults(rows, LimitSettings()) == []
    named = {figure.name: figure for figure in figures(rows, LimitSettings())}
    costs = ("row01a_student_size", "row03a_int8_bytes", "row03d_int8_speedup", "row04d_runtime_ready")
    assert [(named[name].value, named[name].met) for name in costs] == [(1, None), (1, None), (1, None), (60, None)]
    assert [fault.split(":")[0] for fault in faults(rows, LimitSettings(runtime_peak=0.5))] == ["row04e_runtime_peak"]
    rows["int8"] = row(tmp_path, "worse", 1000, 1.0, 0.78, 0.86)
    assert [fault.split(":")[0] for fault in faults(rows, LimitSettings())] == [
        "row03c_int8_f1_loss",
        "row03e_int8_kept_loss",
    ]


def test_the_shipped_config_judges_as_the_published_figures_say(tmp_path: Path, root: Path) -> None:
    limits = load(LadderSettings, root / "configs" / "compress.yaml").limits
    published = read_figures(root / "docs" / "results" / "ladder.json")["figures"]
    judged = {figure["name"]: (figure["limit"], figure["sense"]) for figure in published if figure["limit"] is not None}
    now = {figure.name: (figure.limit, figure.sense) for figure in limited(all_rungs(tmp_path), limits)}
    assert now == judged


def test_events_are_the_same_or_it_is_said_how_they_differ() -> None:
    a, b = Event(1.0, 2.0, "bell", 0.5), Event(3.0, 4.0, "dog", 0.5)
    assert differences({"x": [a, b]}, {"x": [b, a]}, 25.0) == (0, 0.0, 0.0)
    assert differences({"x": [a]}, {"x": [a, b], "y": [a]}, 25.0) == (2, 0.0, 0.0)
    moved = Event(1.0, 2.08, "bell", 0.4)
    others, steps, scores = differences({"x": [moved]}, {"x": [a]}, 25.0)
    assert (others, steps, scores) == (0, pytest.approx(2.0), pytest.approx(0.1))


def test_borders_without_torch_are_compared_in_steps_of_the_models_own_grid(tmp_path: Path) -> None:
    """One step of 80 ms is what is allowed; as two of 40 ms it would miss the limit."""
    rows = {name: row(tmp_path, name, 700, 0.5, 0.8) for name in ("float32", "onnx")}
    later: Events = {
        name: [replace(event, end=event.end + 0.08) for event in events]
        for name, events in rows["float32"].found.estimate.items()
    }
    rows["onnx"] = replace(rows["onnx"], found=Found(rows["onnx"].found.reference, later))
    rows = {name: replace(one, rung=replace(one.rung, grid_rate=12.5)) for name, one in rows.items()}
    named = {figure.name: figure for figure in figures(rows, LimitSettings())}
    assert named["row04b_runtime_borders"].value == pytest.approx(1.0)
    assert named["row04b_runtime_borders"].met


def test_measuring_leaves_the_next_training_its_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "ROUNDS", 1)
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:02,000\na bell rings\n")
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        climbing = ladder.measure(
            talkative(), [write_video(tmp_path / "a.mkv", 2.0)], tmp_path / "out", LadderSettings(), print
        )
        assert next(climbing).rung.name == "float32"
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


class _Finder:
    """Finds one event in what is no ``bad`` file, and remembers what it was asked."""

    network = SimpleNamespace(encoders={"audio": None})

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, file: Path) -> SimpleNamespace:
        self.asked.append(file.name)
        if "bad" in file.name:
            raise MediaError(f"{file}: no sound", code=Code.NO_STREAMS)
        return SimpleNamespace(events=(Event(0.0, 1.0, "bell"),), modalities=("audio",))

    def cues_of(self, file: Path) -> tuple[Cue, ...]:
        return (Cue(0.0, 1.0, file.name), Cue(30.0, 31.0, "after the clip that is timed"))


@pytest.mark.parametrize("evaluated", [False, True])
def test_clips_that_cannot_be_read_are_left_out(
    tmp_path: Path, evaluated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ladder, "MediaReader", lambda *_: nullcontext([Clip(1.0)]))
    monkeypatch.setattr(ladder, "open_clips", lambda *_: [])
    finder, said = _Finder(), list[str]()
    rung, model = SimpleNamespace(open=lambda: finder), SimpleNamespace(settings=None, modalities=("audio",))
    settings = LadderSettings(evaluate=DataSettings(manifest=tmp_path / "m.jsonl") if evaluated else None)
    files = [tmp_path / f"{name}.mp4" for name in ("bad", "a", "b", "bad2")]
    trial = ladder._trial(model, files, settings, rung, said.append)  # type: ignore[arg-type]
    assert (trial.file, [cue.text for cue in trial.timed.cues]) == (files[1], ["a.mp4"])
    assert list(trial.sources.values()) == ([] if evaluated else files[1:3])
    assert len(finder.asked) == (2 if evaluated else 4)
    assert said[0].startswith(f"measuring without {len(finder.asked) // 2} of 4 files: {files[0]}: no sound")
    with pytest.raises(ConfigError, match=r"calibration: no file could be read: .*bad\.mp4: no sound"):
        ladder._trial(model, files[:1], settings, rung, said.append)  # type: ignore[arg-type]


@pytest.mark.parametrize("evaluated", [False, True])
def test_clips_without_a_modality_of_the_model_are_told_before_the_first_rung_is_measured(
    tmp_path: Path, evaluated: bool
) -> None:
    """They were when INT8 was to be made, after everything else."""
    write_wav(tmp_path / "a.wav", 2.0)
    settings = LadderSettings(evaluate=DataSettings(manifest=tmp_path / "m.jsonl") if evaluated else None)
    said = list[str]()
    with pytest.raises(ConfigError, match="calibration: nothing in these files reaches 'video': add clips with every"):
        next(ladder.measure(talkative(), [tmp_path / "a.wav"], tmp_path / "out", settings, said.append))
    assert said == []


def test_clips_in_which_nothing_is_found_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "MediaReader", lambda *_: nullcontext([Clip(1.0)]))
    finder, said = _Finder(), list[str]()
    monkeypatch.setattr(_Finder, "__call__", lambda *_: SimpleNamespace(events=(), modalities=("audio",)))
    rung, model = SimpleNamespace(open=lambda: finder), SimpleNamespace(modalities=("audio",))
    ladder._trial(model, [tmp_path / "a.mp4"], LadderSettings(), rung, said.append)  # type: ignore[arg-type]
    assert said == ["the model finds nothing in these files: what a rung loses cannot be told from them"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak")
def test_memory_is_measured_however_long_a_file_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "LONGEST", 0.01)
    model = save_talkative(tmp_path / "model")
    peak = ladder._peak(Rung("float32", "torch", model, 1000), write_wav(tmp_path / "a.wav", 1.0))
    assert peak is not None
    assert peak > 10
