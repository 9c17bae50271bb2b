from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from avtext.benchmark.figures import Figure
from avtext.benchmark.suites import SUITES, report, run_suite
from avtext.errors import ConfigError, MissingExtra
from avtext.model import save_detector
from tests.tiny import make


@pytest.mark.parametrize("name", SUITES)
def test_every_suite_can_be_run(name: str) -> None:
    assert callable(importlib.import_module(SUITES[name].module).run)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="suite 'modl' is not known; known: model, memory"):
        run_suite("modl", tmp_path)
    with pytest.raises(ConfigError, match="no such folder of recordings: name it with --data, or set AVTEXT_DATA"):
        run_suite("model", tmp_path / "none")
    with pytest.raises(ConfigError, match="suite memory measures the default model alone; it is for model, robustness"):
        run_suite("memory", tmp_path, tmp_path)


def test_another_model_must_know_what_is_asked(tmp_path: Path) -> None:
    save_detector(tmp_path / "other", make(), "# tiny\n")
    with pytest.raises(ConfigError, match="other: it has no label 'speech', which the scenes of this suite have"):
        run_suite("model", tmp_path, tmp_path / "other")


def test_a_peer_that_is_not_there_is_told_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("avtext.benchmark.accuracy.measure", lambda *_: pytest.fail("minutes went by"))
    with pytest.raises(MissingExtra, match=r"scenedetect-headless is not installed: pip install \"avtext\[bench\]"):
        run_suite("model", tmp_path)


def test_a_report_says_how_limits_were_measured() -> None:
    said = report([Figure("a", 1.0, "s", 2.0, "at_most", "by a clock"), Figure("b", 3.0, "", detail="for information")])
    assert "| a | 1 s | ≤ 2 | met |" in said
    assert said.endswith("a: by a clock\n")
