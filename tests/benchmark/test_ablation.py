"""The ablation on a few synthesised scenes: what is measured is kept, and only what is missing is measured."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest

from avtext.benchmark import ablation
from avtext.benchmark.ablation import run_rows, stage1_folder, stored
from avtext.benchmark.ablation_settings import ROWS, AblationSettings, settings_of
from avtext.benchmark.ablation_table import NOT_EARNED, figures_of
from avtext.clip import MODALITIES
from avtext.config import load, parse
from avtext.model import EventDetector, save_detector
from tests.model.test_detector import ENCODERS, make

RUN = {
    "batch_size": 2, "steps": 2, "warmup": 1, "average": 0.5, "workers": 0, "threads": 1, "accelerator": "cpu",
    "log_every": 100, "checkpoint_every": 100,
}  # fmt: skip


def tiny(folder: Path) -> AblationSettings:
    """Two rows' worth of everything, from the features of a random model's encoders."""
    save_detector(folder / "encoders", make(), "# tiny\n")
    rates, sizes = {"audio": 25, "video": 8, "picture": 25, "text": 25}, {"picture": 8, "text": 8}
    encoders = {
        name: {"name": "features", "options": {
            "size": sizes.get(name, 16), "rate": rates[name],
            "of": {"name": "stored", "options": {"folder": str(folder / "encoders"), "stream": name}},
        }}
        for name in ENCODERS
    }  # fmt: skip
    labels = ["bell", "siren", "knock", "cut", "black", "impact", "on_screen"]
    model = {
        "labels": labels, "width": 16, "encoders": encoders, "tcn": {"num_layers": 1}, "head_layers": 1,
        "fusion": {"num_layers": 1, "num_heads": 2, "reach": 0.2}, "alignment": {"size": 8},
    }  # fmt: skip
    scenes = {"labels": labels, "duration": [6, 6], "missing_chance": 0, "dropout_chance": 0}
    source = {"scenes": scenes, "count": 2, "cache": str(folder / "cache")}
    test = {**scenes, "split": "test"}
    late = {**test, "offset_chance": 1, "offset": [-1, 1]}
    unlabelled = {"crf": 0, "frame": 0, "alone": 0, "alignment": 1, "matching": 0.1, "masked": 0.1}
    return parse(
        AblationSettings,
        {
            "train": {**source, "count": 3}, "validation": {**source, "first": 50}, "crop": 4, "crops": 1, "pretraining_crop": 5,
            "tests": {
                "in_sync": {**source, "scenes": test}, "offset": {**source, "scenes": late},
                "drift": {**source, "scenes": {**late, "drift_chance": 1}},
            },
            "pretraining": {**RUN, "model": {**model, "loss": unlabelled}}, "training": {**RUN, "model": model},
            "folder": str(folder / "runs"),
        },
        "tiny",
    )  # fmt: skip


def test_rows_are_measured_once_and_kept(tmp_path: Path) -> None:
    settings = tiny(tmp_path)
    found = list(run_rows(settings, ["all", "audio", "all"], [1, 1]))
    assert [(result["row"], new) for result, new in found] == [("all", True), ("audio", True)]
    tests = found[0][0]["tests"]
    assert {
        "in_sync",
        "in_sync_aligned",
        "offset",
        "offset_aligned",
        "drift",
        "given_audio",
        "given_video_text",
    } <= set(tests)
    assert all(0 <= value <= 100 for scores in tests.values() for value in scores.values())
    assert stage1_folder(settings, 1).is_dir()
    again = list(run_rows(settings, ["all", "audio"], [1]))
    assert [new for _, new in again] == [False, False]
    assert [result for result, _ in again] == [result for result, _ in found]
    path = settings.folder / "audio-1.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "digest": "of other settings"}))
    renewed = {result["row"]: (result, new) for result, new in run_rows(settings, ["all", "audio"], [1])}
    assert (renewed["all"][1], renewed["audio"][1]) == (False, True)
    assert renewed["audio"][0]["tests"] == found[1][0]["tests"]  # the seed decides


def test_what_was_measured_on_other_scenes_is_not_taken_for_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny(tmp_path)
    settings.folder.mkdir()
    kept = settings.folder / "all-1.json"
    kept.write_text(json.dumps({"digest": ablation._digest(settings, "all")}))
    begun = stage1_folder(settings, 1)
    assert stored(settings, "all", 1) is not None
    monkeypatch.setattr(ablation, "SCENE_SCHEMA", ablation.SCENE_SCHEMA + 1)
    assert stored(settings, "all", 1) is None
    assert stage1_folder(settings, 1) != begun


def test_every_row_is_a_model_that_can_be_built(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    settings = load(AblationSettings, "configs/scenes_bench.yaml")
    for name, row in ROWS.items():
        run = settings_of(row, 2, settings.training)
        model = EventDetector(run.model)
        assert model.modalities == tuple(m for m in MODALITIES if m in row.modalities), name
        assert run.seed == 2
    changed = {name: settings_of(ROWS[name], 1, settings.training) for name in ROWS}
    assert changed["early"].model.fusion.kind == "early"
    assert changed["no_attention"].model.fusion.num_layers == changed["no_tcn"].model.tcn.num_layers == 0
    assert changed["softmax"].model.decoder == "softmax"
    assert changed["no_modality_dropout"].modality_dropout == 0
    assert changed["all"].model == settings.training.model
    assert not settings.pretraining.model.supervised


def test_no_scene_of_the_benchmark_shares_a_source(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    settings = load(AblationSettings, "configs/scenes_bench.yaml")
    splits = {name: one.scenes.split for name, one in settings.tests.items() if one.scenes}
    assert splits == dict.fromkeys(("in_sync", "offset", "drift"), "test")
    learnt = [one for one in (settings.train, settings.validation) if one.scenes]
    assert [one.scenes.split for one in learnt if one.scenes] == ["train", "train"]
    assert settings.train.first + settings.train.count <= settings.validation.first


def result(row: str, seed: int, **tests: float) -> dict:
    scores = {name: {"f1": f1, "edit": f1 / 2} for name, f1 in tests.items()}
    return {"row": row, "seed": seed, "tests": scores, "train_cpu_seconds": 1.0, "cpu_seconds": 3.0}


def test_gains_are_means_over_the_seeds_that_both_rows_have() -> None:
    results = [
        result("all", 1, in_sync=80.0, in_sync_aligned=80.0, offset=30.0, offset_aligned=70.0),
        result("all", 2, in_sync=70.0, in_sync_aligned=69.0, offset=30.0, offset_aligned=50.0),
        result("softmax", 1, in_sync=75.0), result("softmax", 2, in_sync=67.0), result("softmax", 3, in_sync=0.0),
        result("no_tcn", 1, in_sync=79.5),
    ]  # fmt: skip
    figures = {figure.name: figure for figure in figures_of(results)}
    assert figures["row_all_in_sync_f1"].value == 75.0
    assert figures["row_all_in_sync_f1"].detail == "75.00 ± 7.07, seeds 1, 2"
    assert (figures["gain_crf_event_f1"].value, figures["gain_crf_event_f1"].met) == (4.0, True)
    assert figures["gain_crf_edit"].value == 2.0
    assert (figures["gain_dtw_under_offset"].value, figures["gain_dtw_under_offset"].met) == (30.0, True)
    assert (figures["gain_dtw_in_sync"].value, figures["gain_dtw_in_sync"].met) == (-0.5, False)
    assert NOT_EARNED in figures["gain_tcn"].detail
    assert NOT_EARNED not in figures["gain_crf_event_f1"].detail
    assert "gain_stage1" not in figures  # that row is not there


def test_the_best_pair_and_the_best_single_one_are_found() -> None:
    f1 = {"audio": 40, "video": 50, "text": 10, "audio_video": 70, "audio_text": 45, "video_text": 60, "all": 74}
    figures = {one.name: one for one in figures_of([result(row, 1, in_sync=float(v)) for row, v in f1.items()])}
    gains = [figures[f"gain_{name}"] for name in ("all_over_best_pair", "best_pair_over_best_single")]
    assert [gain.value for gain in gains] == [4.0, 20.0]
    assert "best pair is audio_video" in gains[0].detail
    assert all(gain.met for gain in gains)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--seeds", "1,a"], "--seeds: must be numbers from 0 up, separated by commas, got '1,a'"),
        (["--seeds=-1"], "--seeds: must be numbers from 0 up, separated by commas, got '-1'"),
        (["--rows", "al"], "--rows: 'al' is not known; known: all, audio"),
        (["--config", "none.yaml"], "none.yaml: no such config file"),
        (["--json", "README.md/a.json"], "--json: README.md: cannot be written"),
    ],
)
def test_the_script_says_in_one_line_what_it_cannot_take(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], hint: str
) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "argv", ["ablate.py", *words])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path("scripts/ablate.py", run_name="__main__")
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert said.startswith(hint)
    assert said.count("\n") == 1
