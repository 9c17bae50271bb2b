from __future__ import annotations

from pathlib import Path

import pytest

from avtext.errors import ConfigError
from avtext.media.folder import media_files


def test_media_files_in_and_below_a_folder(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.MP4", "deep/a.wav", "notes.txt", "a.srt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.mp4").mkdir()
    assert media_files(tmp_path) == [tmp_path / "b.MP4", tmp_path / "deep" / "a.wav"]


def test_a_folder_without_any(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no media file in this folder"):
        media_files(tmp_path)
