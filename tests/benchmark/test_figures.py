"""Figures as they are written: of this working tree's commit, and without numbers that JSON lacks."""

from __future__ import annotations

import math
import subprocess
from pathlib import Path
from typing import Literal

import pytest

from avtext.benchmark import figures
from avtext.benchmark.figures import Figure, publish_figures, read_figures
from avtext.benchmark.suites import report


def test_the_commit_is_that_of_the_package_and_not_of_the_folder_that_one_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(command: list[str], cwd: Path | None = None, **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, f"{(cwd or Path.cwd()).name}\n")

    monkeypatch.delenv("AVTEXT_COMMIT", raising=False)
    monkeypatch.setattr(subprocess, "run", git)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "ours" / ".git").mkdir(parents=True)
    monkeypatch.setattr(figures, "ROOT", tmp_path / "ours")
    publish_figures(tmp_path / "a.json", "suite", [])
    assert read_figures(tmp_path / "a.json")["commit"] == "ours"
    monkeypatch.setattr(figures, "ROOT", tmp_path / "installed")
    publish_figures(tmp_path / "a.json", "suite", [])
    assert read_figures(tmp_path / "a.json")["commit"] == ""


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("sense", ["at_least", "at_most"])
def test_what_is_no_finite_number_is_not_measured_and_loses_no_other_figure(
    tmp_path: Path, value: float, sense: Literal["at_least", "at_most"]
) -> None:
    found = [Figure("a", value, "rho", 0.5, sense), Figure("b", value, "rho"), Figure("c", 1.0, "s")]
    publish_figures(tmp_path / "a.json", "suite", found)
    a, b, c = read_figures(tmp_path / "a.json")["figures"]
    assert (a["value"], a["met"], b["value"], b["met"], c["value"]) == (None, False, None, None, 1.0)
    assert "| a | not measured |" in report(found)
