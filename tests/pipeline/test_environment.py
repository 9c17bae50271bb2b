from __future__ import annotations

from pathlib import Path

import pytest

from avtext.pipeline import environment
from avtext.pipeline.environment import check_environment


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
