"""Figures as they are written: of this working tree's commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from avtext.benchmark import figures
from avtext.benchmark.figures import publish_figures, read_figures


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
