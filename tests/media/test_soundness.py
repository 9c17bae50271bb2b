"""Checks of a file's own bytes, on bytes made by hand."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from avtext.media.soundness import boxes, complaints, length_known


def _box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _track(handler: bytes, header: bytes) -> bytes:
    hdlr = _box(b"hdlr", bytes(8) + handler + bytes(12))
    media = _box(b"mdia", _box(b"mdhd") + hdlr + _box(b"minf", _box(header) + _box(b"stbl")))
    return _box(b"trak", _box(b"tkhd") + media)


def _told(tmp_path: Path, content: bytes, kind: str, has_both: bool = False) -> list[str]:
    path = tmp_path / "file"
    path.write_bytes(content)
    return list(complaints(str(path), kind, has_both))


@pytest.mark.parametrize(
    ("declared", "size", "cut"),
    [
        (1000, 1008, False),
        (1000, 1000, False),
        (1000, 900, True),
        (0, 900, False),
        (0xFFFFFFFF, 900, False),
        (100, 900, False),
    ],
)
def test_riff(tmp_path: Path, declared: int, size: int, cut: bool) -> None:
    content = (b"RIFF" + struct.pack("<I", declared) + b"WAVE").ljust(size, b"\0")
    assert bool(_told(tmp_path, content, "wav")) == cut
    assert bool(_told(tmp_path, content, "avi")) == cut
    assert not _told(tmp_path, content, "matroska")


@pytest.mark.parametrize("length", [188, 192, 204])
def test_transport(tmp_path: Path, length: int) -> None:
    packet = (
        (bytes(length - 188) if length == 192 else b"") + b"\x47" + bytes(187) + (bytes(16) if length == 204 else b"")
    )
    assert not _told(tmp_path, packet * 20, "mpegts")
    assert _told(tmp_path, packet * 20 + packet[:50], "mpegts") == [
        "the file ends in the middle of a packet: it was cut off, nobody knows by how much"
    ]


def test_ogg(tmp_path: Path) -> None:
    def page(flags: int) -> bytes:
        return b"OggS\0" + bytes([flags]) + bytes(20) + bytes([2, 10, 20]) + bytes(30)

    assert not _told(tmp_path, page(2) + page(0) + page(4), "ogg")
    assert _told(tmp_path, page(2) + page(0), "ogg")
    assert _told(tmp_path, (page(2) + page(4))[:-5], "ogg")
    assert _told(tmp_path, page(2) + page(4)[:20], "ogg")
    assert _told(tmp_path, b"no page at all", "ogg")


def test_the_index_of_an_mp4(tmp_path: Path) -> None:
    sound, picture = _track(b"soun", b"smhd"), _track(b"vide", b"vmhd")
    good = _box(b"ftyp") + _box(b"moov", _box(b"mvhd") + picture + sound) + _box(b"mdat", bytes(100))
    assert not _told(tmp_path, good, "mov")
    for before, after in ((b"soun", b"sour"), (b"trak", b"trbk"), (b"mdia", b"mdib"), (b"smhd", b"xmhd")):
        at = good.rindex(before)
        bad = good[:at] + after + good[at + 4 :]
        assert _told(tmp_path, bad, "mov") == ["the index is damaged: a track may be missing"], before
        assert not _told(tmp_path, bad, "mov", has_both=True)
    at = good.rindex(b"trak") - 4
    assert _told(tmp_path, good[:at] + struct.pack(">I", 2000) + good[at + 4 :], "mov")
    assert not _told(tmp_path, _box(b"moov", _box(b"mvhd") + _box(b"trak", _box(b"udta") + bytes(4))), "mov")


def test_boxes() -> None:
    long = struct.pack(">I4sQ", 1, b"mdat", 20) + bytes(4)
    content = _box(b"ftyp", b"isom") + long + struct.pack(">I4s", 0, b"free") + bytes(3)
    found = list(boxes(io.BytesIO(content), 0, len(content)))
    assert found == [(b"ftyp", 8, 12), (b"mdat", 28, 32), (b"free", 40, 43)]
    assert list(boxes(io.BytesIO(b"\0\0\0\x04abcd"), 0, 8)) == []
    assert list(boxes(io.BytesIO(b""), 0, 0)) == []


def test_lengths_that_are_known(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"ID3" + bytes(1000) + b"Xing")
    assert length_known(str(path), "mp3")
    path.write_bytes(bytes(1000))
    assert not length_known(str(path), "mp3")
    assert not length_known(str(path), "aac")
    assert length_known(str(path), "mov")
