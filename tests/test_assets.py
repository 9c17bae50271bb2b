"""What is shipped: the demo, the default model, and documents that say what was measured."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from avtext.formats import read_events
from avtext.metrics.sound_events import event_based
from avtext.pipeline import DEFAULT_MODEL, Pipeline, Result


@pytest.fixture(scope="module")
def pipe() -> Pipeline:
    return Pipeline.from_pretrained()


@pytest.fixture(scope="module")
def demo(pipe: Pipeline, root: Path) -> Result:
    return pipe(root / "assets" / "demo.mp4")


def test_the_demos_events_match_its_truth(demo: Result, root: Path) -> None:
    (truth,) = read_events(root / "assets" / "demo.truth.json").events.values()
    scores = event_based({"demo": truth}, {"demo": demo.events}, onset_collar=0.5, offset_collar=None)
    print(f"demo: event F1 {scores.micro.f1:.3f} at a 0.5 s collar, {len(truth)} true events, {len(demo)} found")
    assert scores.micro.f1 >= 0.8


def test_the_demo_uses_all_three_modalities_and_its_events_lie_inside(demo: Result) -> None:
    assert demo.modalities == ("audio", "video", "text")
    assert demo.status == "ok"
    assert 20 <= demo.duration <= 30
    assert all(0 <= e.start < e.end <= demo.duration and 0 <= e.score <= 1 for e in demo)
    assert all(e.shares is not None and sum(e.shares) == pytest.approx(1.0) for e in demo)


def test_the_surer_of_two_ways_to_place_subtitles_counts(pipe: Pipeline, demo: Result, root: Path) -> None:
    """By embeddings and by speech: neither is sure of one cue of the demo's, and the lesser doubt is told."""
    cues = demo.cues[-1:]
    alone = pipe(root / "assets" / "demo.mp4", transcript=cues).alignment["text"]
    clocks = pipe.clocks(root / "assets" / "demo.mp4", cues)
    assert alone["abstained"]
    assert clocks["text"]["abstained"]
    assert clocks["text"]["confidence"] >= alone["confidence"]


def test_the_default_model_is_small_and_complete(pipe: Pipeline) -> None:
    assert pipe.model.num_parameters()["total"] <= 4_000_000
    names = {p.name for p in DEFAULT_MODEL.iterdir()}
    assert {"model.safetensors", "config.json", "README.md", "LICENSE", "training.json"} <= names
    assert sum(p.stat().st_size for p in DEFAULT_MODEL.iterdir()) <= 8_000_000
    card = (DEFAULT_MODEL / "README.md").read_text(encoding="utf-8")
    assert all(label in card for label in pipe.labels)


def test_silence_and_stillness_hold_no_events_that_are_heard_or_cut(pipe: Pipeline) -> None:
    import numpy as np

    from avtext.clip import Clip, Stream
    from avtext.kernels.picture import frame_statistics, place_on_grid

    frames = np.full((250, 64, 64, 3), 120, np.uint8)
    values, mask = place_on_grid(frame_statistics(frames), np.arange(250) / 25, 10.0, 0.0, 25.0, 250)
    still = Clip(
        10.0,
        audio=Stream(np.zeros(160_000, np.float32), 16000.0),
        video=Stream(frames[:80], 8.0),
        picture=Stream(values, 25.0, 0.0, mask),
    )
    assert {e.label for e in pipe(still)} <= {"freeze"}


def test_the_readmes_two_commands_stand_alone_in_fenced_blocks(root: Path) -> None:
    blocks = re.findall(r"```\w*\n(.*?)```", (root / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    for command in (
        "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/avtext detect assets/demo.mp4",
        'python3 -m venv .venv && .venv/bin/pip install -e ".[dev]" && .venv/bin/python -m pytest',
    ):
        assert lines.count(command) == 1


@pytest.mark.parametrize("words", ["check_confidence.py none", "make_assets.py mean out none"])
def test_a_script_without_its_model_says_so_in_one_line(
    root: Path, tmp_path: Path, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name, *arguments = words.split()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(root / "scripts" / name), run_name="__main__")
    assert ended.value.code == 2
    assert capsys.readouterr() == ("", "none: no such model folder; training leaves one as 'best' in its 'out'\n")


def test_ci_runs_the_readmes_test_command(root: Path) -> None:
    script = (root / ".ci" / "run").read_text(encoding="utf-8")
    assert (
        'python3 -m venv .venv && .venv/bin/pip install -e ".[dev]" && .venv/bin/python -m pytest'
        in script.splitlines()
    )


def test_tables_in_the_documents_are_what_was_measured(root: Path) -> None:
    check = [sys.executable, str(root / "scripts" / "render_docs.py"), "--check"]
    out = subprocess.run(check, capture_output=True, text=True, check=False, timeout=60)
    assert out.returncode == 0, f"{out.stdout}{out.stderr}: run python scripts/render_docs.py"


def test_a_misspelt_option_renders_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["render_docs.py", "--chekc"])
    with pytest.raises(SystemExit, match="Render measured figures and real output into the documents"):
        runpy.run_path(str(root / "scripts" / "render_docs.py"), run_name="__main__")


def test_committed_figures_have_the_shape_of_the_house(root: Path) -> None:
    files = sorted((root / "docs" / "results").glob("*.json"))
    for path in (p for p in files if not p.name.endswith(".events.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        assert {"suite", "commit", "machine", "date", "figures"} <= set(document)
        for figure in document["figures"]:
            assert set(figure) == {"name", "value", "unit", "limit", "sense", "met", "detail"}
            if figure["limit"] is None:
                assert figure["met"] is None
            elif figure["value"] is not None:
                more = figure["value"] >= figure["limit"]
                less = figure["value"] <= figure["limit"]
                assert figure["met"] == (more if figure["sense"] == "at_least" else less)
