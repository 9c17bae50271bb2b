from __future__ import annotations

import sys
from pathlib import Path

import pytest

from avtext.cli import environment
from avtext.cli.environment import check_environment
from avtext.cli.info import _installation


def test_every_check_of_a_sound_installation_is_fine() -> None:
    assert [check for check in check_environment() if check.remedy] == []


def test_a_folder_that_cannot_be_written_has_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(environment, "hub_cache", lambda: tmp_path / "file" / "cache")
    (check,) = (check for check in check_environment() if check.remedy)
    assert check.found.startswith(f"hub cache {tmp_path / 'file' / 'cache'} cannot be written: Not a directory")
    assert check.remedy == "set HF_HOME to a folder with space"


def test_an_extra_that_is_absent_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "EXTRAS", {"train": "no-such-package"})
    (check,) = (check for check in check_environment() if "extra" in check.found)
    assert check == ('extra train: no (pip install "avtext[train]")', "")


def test_packages_that_are_missing_are_named_and_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = {"torch", "huggingface_hub"}
    monkeypatch.setattr(environment, "version_of", lambda name: "" if name in absent else "1.0")
    for name in absent:
        monkeypatch.setitem(sys.modules, name, None)
    faults = [check.found for check in check_environment() if check.remedy]
    assert faults == ["torch is missing", "huggingface_hub is missing"]
    assert _installation()[1] == "torch: not installed"
