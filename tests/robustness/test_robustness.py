"""The short form of every robustness script, as a user runs it; the full forms are run by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from avtext.benchmark.figures import read_figures

# `cost` compares times: it is run by hand alone.
SCRIPTS = ("kills", "zoo", "traps", "sharing", "full_disks", "hostile_text", "batch", "mutants", "long_runs")


@pytest.mark.parametrize("script", SCRIPTS)
def test_short_form(script: str, tmp_path: Path, root: Path, data_dir: Path) -> None:
    words = [sys.executable, "-m", f"tests.robustness.{script}", "--json", str(tmp_path / "figures.json")]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}  # other tests run beside this one
    done = subprocess.run(words, cwd=root, env=alone, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(figure["met"] in (True, None) for figure in _judged(tmp_path / "figures.json"))


def _judged(path: Path) -> list[dict]:
    """All figures but times, and those that count the tries, of which the short form has fewer than the full one."""
    figures = [
        figure
        for figure in read_figures(path)["figures"]
        if not figure["name"].endswith("_tried") and figure["unit"] not in ("s", "s of CPU")
    ]
    assert figures
    return figures
