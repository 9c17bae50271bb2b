"""Checks of a file's own bytes, on bytes made by hand."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from avtext.media.soundness import boxes, complaints, length_known


def _box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _track(handler: bytes, header: bytes, rest: bytes = b"") -> bytes:
    hdlr = _box(b"hdlr", bytes(8) + handler + bytes(12))
    media = _box(b"mdia", _box(b"mdhd") + hdlr + _box(b"minf", _box(header) + _box(b"stbl")))
    return _box(b"trak", _box(b"tkhd") + media + rest)


def _told(tmp_path: Path, content: bytes, kind: str, has_both: bool = False) -> list[str]:
    path = tmp_path / "file"
    path.write_bytes(content)
    return list(complaints(str(path), kind, has_both))


@pytest.mark.parametrize(
    ("declared", "size", "cut"),
    [(1000, 1008, 0), (1000, 1000, 0), (1000, 900, 1), (0, 900, 0), (0xFFFFFFFF, 900, 0), (100, 900, 0)],
)
def test_riff(tmp_path: Path, declared: int, size: int, cut: int) -> None:
    content = b"RIFF" + struct.pack("<I", declared) + b"WAVEdata" + struct.pack("<I", size - 20)
    told = _told(tmp_path, content.ljust(size, b"\0"), "wav")
    assert told == ["the file was cut off: 900 of 1008 bytes are there"] * cut


def test_riff_chunks_that_leave_bytes_to_nobody(tmp_path: Path) -> None:
    def content(first: int, second: int) -> bytes:
        chunks = b"fmt " + struct.pack("<I", first) + bytes(101) + b"\0data" + struct.pack("<I", second) + bytes(1000)
        return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks

    assert not _told(tmp_path, content(101, 1000), "wav")
    assert not _told(tmp_path, content(102, 5000), "wav")
    assert _told(tmp_path, content(101, 300), "wav") == ["the headers are damaged: 700 of 1130 bytes belong to nothing"]
    assert _told(tmp_path, content(11, 1000), "wav")
    assert not _told(tmp_path, b"RIFF", "wav")
    joined = content(101, 1000) + b"RIFF" + struct.pack("<I", 12) + b"AVIXdata" + bytes(4)
    assert not _told(tmp_path, joined, "wav")


@pytest.mark.parametrize(
    ("declared", "kinds", "sound"),
    [(2, [b"vids", b"auds"], True), (1, [b"vids"], True), (2, [b"vids"], False), (2, [b"vids", b"aucs"], False)],
)
def test_the_streams_of_an_avi(tmp_path: Path, declared: int, kinds: list[bytes], sound: bool) -> None:
    main = b"avih" + struct.pack("<I", 56) + bytes(24) + struct.pack("<I", declared) + bytes(28)
    streams = b"".join(b"strh" + struct.pack("<I", 56) + kind + bytes(52) for kind in kinds)
    content = b"LIST" + struct.pack("<I", len(main + streams) + 4) + b"hdrl" + main + streams
    told = _told(tmp_path, b"RIFF" + struct.pack("<I", len(content) + 4) + b"AVI " + content, "avi")
    assert told == ([] if sound else ["the headers are damaged: a stream may be missing"])


@pytest.mark.parametrize("length", [188, 192, 204])
def test_transport(tmp_path: Path, length: int) -> None:
    packet = (
        (bytes(length - 188) if length == 192 else b"") + b"\x47" + bytes(187) + (bytes(16) if length == 204 else b"")
    )
    assert not _told(tmp_path, packet * 20, "mpegts")
    assert not _told(tmp_path, packet[50:] + packet * 20, "mpegts")  # a recording that began in the middle of one
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
    assert not _told(tmp_path, _box(b"moov", _box(b"mvhd") + _track(b"vide", b"vmhd", bytes(4))), "mov")


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


@pytest.mark.parametrize(
    ("kind", "channels", "rate", "per_second", "block", "bits", "agree"),
    [
        (1, 2, 48_000, 192_000, 4, 16, True),
        (1, 2, 637_824, 192_000, 4, 16, False),  # a damaged rate
        (1, 1, 48_000, 192_000, 4, 16, False),  # damaged channels
        (3, 1, 8_000, 32_000, 4, 32, True),
        (1, 1, 44_100, 132_300, 3, 24, True),
        (1, 1, 8_000, 0, 2, 16, True),  # a writer that leaves it out
        (0x55, 2, 44_100, 16_000, 1, 0, True),  # compressed: nothing is known
    ],
)
def test_the_rates_of_plain_samples(
    tmp_path: Path, kind: int, channels: int, rate: int, per_second: int, block: int, bits: int, agree: bool
) -> None:
    fmt = struct.pack("<HHIIHH", kind, channels, rate, per_second, block, bits)
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", 400) + bytes(400)
    told = _told(tmp_path, b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks, "wav")
    assert [text for text in told if "disagree" in text] == told
    assert bool(told) is not agree


def _ebml(identity: str, content: bytes, length: bytes | None = None) -> bytes:
    size = length if length is not None else (len(content) | 1 << 56).to_bytes(8, "big")
    return bytes.fromhex(identity) + size + content


def test_the_elements_of_a_matroska_file(tmp_path: Path) -> None:
    entry = _ebml("ae", _ebml("d7", b"\1") + _ebml("83", b"\1") + _ebml("86", b"V_VP8") + _ebml("ec", bytes(9)))
    head, tracks = _ebml("1a45dfa3", b"\x42\x86\x81\x01"), _ebml("1654ae6b", _ebml("bf", bytes(4)) + entry + entry)
    clusters = [_ebml("1f43b675", bytes(500)) for _ in range(3)]

    def file(*parts: bytes, length: bytes | None = None) -> bytes:
        return head + _ebml("18538067", b"".join(parts), length)

    assert not _told(tmp_path, file(tracks, *clusters, _ebml("1c53bb6b", bytes(9))), "matroska")
    assert not _told(tmp_path, file(tracks, *clusters, length=b"\x01" + b"\xff" * 7), "matroska")  # written to a pipe
    live = _ebml("1f43b675", b"\xe7\x81\x00" + bytes(500), b"\xff")  # a cluster whose length is not known either
    assert not _told(tmp_path, file(tracks, live, live), "matroska")
    assert not _told(tmp_path, b"", "matroska")
    assert not _told(tmp_path, file(tracks, *clusters)[:1000], "matroska")  # cut off, which others see
    damages = (
        (b"\x86\x01", b"\x87\x01"),  # no codec
        (b"\xae\x01", b"\xaf\x01"),  # no track
        (_ebml("83", b"\1"), _ebml("83", b"\x12")),  # a kind that its codec is not of
    )
    for before, after in damages:
        damaged = file(tracks.replace(before, after, 1), *clusters)
        assert _told(tmp_path, damaged, "matroska") == ["the index is damaged: a track may be missing"]
        assert not _told(tmp_path, damaged, "matroska", has_both=True)
    lost = clusters[0].replace(b"\x1f\x43\xb6\x75", b"\x1f\xb3\xb6\x75")
    (told,) = _told(tmp_path, file(tracks, lost, *clusters), "matroska")
    assert told.startswith("the headers are damaged: 500 of ")
    described = _ebml("1549a966", b"\x44\x89\x84\x44\xfa\x00\x00")
    assert not _told(tmp_path, file(described, tracks, *clusters, b"junk"), "matroska")
    (told,) = _told(tmp_path, file(described.replace(b"\x15", b"\x16"), tracks, *clusters), "matroska")
    assert told.startswith("the headers are damaged: what tells the file's length")


def test_a_track_that_lacks_what_tracks_have(tmp_path: Path) -> None:
    whole = _box(b"moov", _box(b"mvhd") + _track(b"vide", b"vmhd"))
    assert not _told(tmp_path, whole, "mov,mp4")
    for needed in (b"tkhd", b"mdhd", b"hdlr", b"stbl"):
        assert _told(tmp_path, whole.replace(needed, b"free"), "mov,mp4") == [
            "the index is damaged: a track may be missing"
        ], needed
