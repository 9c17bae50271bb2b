from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from avtext.errors import ConfigError
from avtext.media import probe
from avtext.media.folder import media_files

_CONTAINERS = {"m2ts": "mpegts", "f4v": "f4v", "mka": "matroska"} | {
    name: name for name in ("vob", "aiff", "caf", "au", "w64", "mp2", "ac3", "3g2", "asf")
}
_CODECS = dict.fromkeys(("aiff", "caf", "au"), "pcm_s16be") | {
    "w64": "pcm_s16le",
    "vob": "mp2",
    "mp2": "mp2",
    "ac3": "ac3",
}


def test_media_files_in_and_below_a_folder(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.MP4", "deep/a.wav", "notes.txt", "a.srt", "._b.MP4", "deep/._a.wav"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.mp4").mkdir()
    assert media_files(tmp_path) == [tmp_path / "b.MP4", tmp_path / "deep" / "a.wav"]


@pytest.mark.parametrize(("ending", "container"), _CONTAINERS.items())
def test_what_is_read_when_named_is_found_in_a_folder(tmp_path: Path, ending: str, container: str) -> None:
    path = tmp_path / f"a.{ending}"
    with av.open(str(path), "w", format=container) as target:
        stream = target.add_stream(_CODECS.get(container, "aac"), rate=48_000)
        sound = np.zeros((1, 48_000), np.int16)
        frame = av.AudioFrame.from_ndarray(sound, "s16", "mono")
        frame.sample_rate = 48_000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            target.mux(packet)
    assert media_files(tmp_path) == [path]
    assert probe(path).has_audio


def test_a_folder_without_any(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no media file in this folder"):
        media_files(tmp_path)


def test_what_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone: no such folder: name one with media files in it"):
        media_files(tmp_path / "gone")
