"""``avtext doctor``: the installation, and manifests from the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def manifest(here: Path, made: Path) -> Path:
    """A manifest of one sound video, whose event lies in it."""
    line = {"path": str(made / "a.mp4"), "events": [{"start": 1.0, "end": 2.0, "label": "bell"}]}
    (here / "train.jsonl").write_text(json.dumps(line) + "\n")
    return here / "train.jsonl"


def test_this_installation_is_sound(avtext: Run) -> None:
    said = avtext("doctor")
    assert said.code == 0
    assert said.out.endswith("no faults\n")
    for words in ("ok     torch 2", "extra train: lightning", "GPU: ", "default model: 24 labels", "hub cache "):
        assert words in said.out


def test_a_fault_of_the_installation_has_its_remedy(avtext: Run, monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    monkeypatch.setattr("avtext.cli.environment.NEEDED", ("no-such-package",))
    monkeypatch.setattr("avtext.pipeline.pipeline.DEFAULT_MODEL", here / "gone")
    said = avtext("doctor")
    assert said.code == 1
    assert "FAULT  no-such-package is missing: pip install" in said.out
    assert "gone: no such model folder" in said.out
    assert ": install the package again" in said.out
    assert said.out.endswith("2 faults\n")


def test_a_manifest_without_faults_and_its_picture(avtext: Run, manifest: Path) -> None:
    said = avtext("doctor", manifest, "--plot", "o.png")
    assert said.code == 0
    assert "bell: 1 event, 1.0 s, in 1 video" in said.out
    assert "note: fewer than 10 events" in said.out
    assert Path("o.png").read_bytes().startswith(b"\x89PNG")


def test_a_manifest_with_a_leak(avtext: Run, manifest: Path) -> None:
    Path("test.jsonl").write_text(manifest.read_text())
    said = avtext("doctor", "train.jsonl", "test.jsonl")
    assert said.code == 1
    assert "test.jsonl:1: a.mp4 has a leak: the same content as train.jsonl:1: remove one of them" in said.out


def test_a_config_names_the_manifest_and_the_labels(avtext: Run, manifest: Path, root: Path) -> None:
    smoke = (root / "configs" / "smoke.yaml").read_text()
    own = smoke.split("train:")[0].replace("bell, ", "") + "train: {manifest: train.jsonl}\n"
    Path("c.yaml").write_text(own)
    said = avtext("doctor", "-c", "c.yaml")
    assert said.code == 1
    assert "FAULT  train.jsonl:1: label 'bell' is not one of: siren, beep" in said.out


def test_a_missing_extra_is_told_before_videos_are_read(
    avtext: Run, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    said = avtext("doctor", manifest, "--plot", "o.png")
    assert (said.code, said.out) == (2, "")
    assert said.err == 'avtext: matplotlib is not installed: pip install "avtext[plot]"\n'


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["none.jsonl"], "none.jsonl: no such manifest"),
        (["--plot", "o.png"], "--plot: draws manifests: name one"),
        (["train.jsonl", "--plot", "o.txt"], "o.txt: a picture is written as .png, .svg, .pdf"),
        (["gone.jsonl", "--plot", "o.txt"], "o.txt: a picture is written as .png, .svg, .pdf"),  # before it looks
        (["gone.jsonl", "--plot", "/dev/null/o.png"], "--plot: /dev/null: cannot be written"),
        (["-c", "smoke.yaml"], "smoke.yaml: names no manifest: it trains on scenes"),
    ],
)
def test_a_wrong_call_is_one_line(avtext: Run, manifest: Path, root: Path, words: list[str], hint: str) -> None:
    Path("smoke.yaml").write_text((root / "configs" / "smoke.yaml").read_text())
    said = avtext("doctor", *words)
    assert said.code == 2
    assert hint in said.err
    assert said.err.count("\n") == 1
