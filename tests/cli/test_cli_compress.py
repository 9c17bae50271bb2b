"""``avtext compress``: every rung of a tiny model of sound is made, measured and used; what is wrong is one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import yaml

from avtext.benchmark import ladder
from avtext.compression.ladder import Rung
from avtext.model import load_detector, save_detector
from tests.cli.conftest import Run
from tests.model.test_detector import ENCODERS
from tests.tiny import talkative, write_wav

LENIENT = {"student_f1": 0, "f1_loss": 100, "kept_loss": 100}  # of what a rung may lose; what it costs has no limit
SCENES = {"duration": [4, 4], "heard": [4, 8], "labels": ["bell", "siren"], "missing_chance": 0.0}


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that hears, in ``model``, and a folder ``clips`` with one sound."""
    folder = tmp_path_factory.mktemp("start")
    model = talkative(encoders={"audio": ENCODERS["audio"]}, labels=["bell", "siren", "beep"])
    save_detector(folder / "model", model, "# tiny\n")
    (folder / "clips").mkdir()
    write_wav(folder / "clips" / "a.wav", 4.0)
    return folder


def test_the_command_walks_the_ladder(avtext: Run, here: Path, start: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "ROUNDS", 1)
    monkeypatch.setattr(ladder, "STARTS", 1)  # a start with torch takes seconds
    measured, peaks = ladder._peak, dict[str, float | None]()

    def peak_of_its_kind(rung: Rung, file: Path) -> float | None:
        """As measured once with torch and once without: a process for each rung is another three starts."""
        if rung.kind not in peaks:
            peaks[rung.kind] = measured(rung, file)
        return peaks[rung.kind]

    monkeypatch.setattr(ladder, "_peak", peak_of_its_kind)
    config = {
        "evaluate": {"scenes": SCENES, "count": 2},
        "finetune": {
            "train": {"scenes": SCENES, "first": 100}, "batch_size": 2, "steps": 2, "workers": 0, "threads": 1,
            "accelerator": "cpu",
        },
        "student": str(start / "model"),
        "limits": LENIENT,
    }  # fmt: skip
    (here / "c.yaml").write_text(yaml.safe_dump(config))
    words = ("--calibrate", start / "clips", "-o", "small", "-c", "c.yaml", "--json", "ladder.json")
    said = avtext("compress", start / "model", *words)
    assert said.code == 0, said.err
    assert torch.get_num_threads() == 1  # and not two, as rungs were timed on
    assert said.out.count(" s after its start (") == 1  # of the graphs
    rungs = ["float32", "student", "pruned", "onnx", "int8"]
    assert [line.split(":")[0] for line in said.out.splitlines() if " parameters, " in line] == rungs
    document = json.loads((here / "ladder.json").read_text())
    found = {figure["name"]: figure for figure in document["figures"]}
    assert document["suite"] == "ladder"
    assert found["pruned_parameters"]["value"] < found["float32_parameters"]["value"]
    assert found["onnx_event_f1"]["value"] == pytest.approx(found["pruned_event_f1"]["value"])
    assert found["row03a_int8_bytes"]["value"] < 2.0  # of a model this small, most is the graph itself
    missed = [figure["name"] for figure in document["figures"] if figure["met"] is False]
    assert missed == ["row01b_student_f1"]  # a model that was never trained finds nothing that could be kept
    assert load_detector(here / "small" / "pruned").settings.width == 8
    detected = avtext("detect", start / "clips" / "a.wav", "-m", "small/int8", "-o", "results")
    assert detected.code == 0, detected.err
    assert (here / "results" / "a.events.json").is_file()
    aligned = avtext("align", start / "clips" / "a.wav", "-m", "small/int8")
    assert (aligned.code, aligned.out) == (0, "nothing to align: one stream only\n")
    about = avtext("info", "small/int8").out
    assert "small/int8: overlapping labels: bell, siren, beep\nONNX, int8, of audio\nbytes:\n" in about
    assert "total: " in about
    again = avtext("detect", start / "clips" / "a.wav", "-m", "small/int8", "-o", "results", "--device", "cuda")
    assert (again.code, again.err) == (2, "avtext: --device: cuda: a model in ONNX runs on the CPU: use auto or cpu\n")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["model", "--calibrate", "none", "-o", "out"], "--calibrate: none: no such file or folder"),
        (["model", "--calibrate", "empty", "-o", "out"], "empty: no media file in this folder"),
        (["model", "--calibrate", "clips", "-o", "clips"], "out: clips: is not empty: name a new folder"),
        (["nowhere/x/y", "--calibrate", "clips", "-o", "out"], "nowhere/x/y: no such model folder"),
        (["model", "prun=0.1", "--calibrate", "clips", "-o", "out"], "prun: unknown key; did you mean 'prune'?"),
        (
            ["model", "prune=1.5", "--calibrate", "clips", "-o", "out"],
            "prune: Input should be less than or equal to 0.9",
        ),
        (["model", "--calibrate", "clips", "-o", "out", "-c", "none.yaml"], "none.yaml: no such config file"),
        (
            ["model", "--calibrate", "clips", "-o", "out", "--json", "clips"],
            "--json: clips: is a folder: name a file in",
        ),
        (
            ["model", "--calibrate", "clips", "-o", "out", "--json", "clips/a.wav/f.json"],
            "--json: clips/a.wav: cannot be",
        ),
    ],
)
def test_what_is_wrong_is_one_line(
    avtext: Run,
    start: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    hint: str,
) -> None:
    monkeypatch.chdir(start)
    (start / "empty").mkdir(exist_ok=True)
    said = avtext("compress", *words)
    assert said.code == 2
    assert hint in said.err
    assert said.err.count("\n") == 1
