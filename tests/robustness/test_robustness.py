"""The short form of every robustness script; the full forms are run by hand."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from avtext.benchmark.figures import read_figures
from tests.robustness.trial import missed

# As a user runs them: they kill copies of their own process, fill disks below what runs on, or measure a process that
# did nothing else. `cost` compares times: it is run by hand alone.
ALONE = ("kills", "traps", "full_disks", "mutants", "long_runs")
# In this process, which has imported already what takes such a script seconds.
HERE = ("zoo", "sharing", "hostile_text", "batch")


@pytest.mark.parametrize("script", ALONE)
def test_short_form(script: str, tmp_path: Path, root: Path, data_dir: Path) -> None:
    words = [sys.executable, "-m", f"tests.robustness.{script}", "--json", str(tmp_path / "figures.json")]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}  # other tests run beside this one
    done = subprocess.run(words, cwd=root, env=alone, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_figures(tmp_path / "figures.json")["figures"]


@pytest.mark.parametrize("script", HERE)
def test_short_form_in_this_process(script: str, tmp_path: Path, data_dir: Path) -> None:
    logger = logging.getLogger("avtext.media")
    level = logger.level
    try:
        figures = import_module(f"tests.robustness.{script}").run(False, tmp_path)
    finally:
        logger.setLevel(level)  # which a script raises for itself
    assert figures
    assert missed(figures, full=False) == []
