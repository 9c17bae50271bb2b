from __future__ import annotations

from pathlib import Path

import pytest

from avtext.benchmark.memory import cold, make_noise
from avtext.errors import AvtextError


def test_a_cold_run_is_timed_and_its_result_written(tmp_path: Path) -> None:
    video = make_noise(tmp_path / "two.mp4", 2)
    folder = tmp_path / "cold"
    folder.mkdir()
    seconds, memory = cold(video, folder)
    assert seconds.value is not None
    assert memory.value is not None
    assert seconds.value > 0
    assert 100 < memory.value < 2048  # torch alone takes more than the least
    assert (folder / "two.events.json").is_file()
    assert any(folder.rglob("*.nbi"))  # the kernels were compiled here, not taken from an earlier run


def test_a_run_that_fails_says_what_it_printed(tmp_path: Path) -> None:
    with pytest.raises(AvtextError, match=r"exit code 1.*missing\.mp4"):
        cold(tmp_path / "missing.mp4", tmp_path)
