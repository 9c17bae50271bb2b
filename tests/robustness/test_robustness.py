"""The short form of every robustness script; the full forms are run by hand."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.robustness.trial import missed

SCRIPTS = ("zoo",)


@pytest.mark.parametrize("script", SCRIPTS)
def test_short_form(script: str, tmp_path: Path, data_dir: Path) -> None:
    figures = importlib.import_module(f"tests.robustness.{script}").run(False, tmp_path)
    assert figures
    assert missed(figures, full=False) == []
