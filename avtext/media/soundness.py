"""What a file's own bytes say about whether it is whole, where FFmpeg is silent about it.

FFmpeg adapts the length of a cut-off WAV or AVI to what is there, plays a transport stream or an Ogg to whatever its
last byte is, and leaves out a track of an MP4 whose header it cannot make out. These checks read headers and the last
bytes only.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

_PACKETS = (188, 192, 204)  # bytes of a packet of a transport stream, bare, with a time stamp, with a checksum
_TAIL = 1 << 17  # bytes; an Ogg page is at most half as long
_RIFF_LOSS = 0.01  # of the bytes; less is a sloppy writer
_STREAMED = 0xFFFFFFF0  # and more: the length that writers to a pipe leave behind; others leave 0
_STRAY = 0.1  # of the bytes
_MAX_BOXES = 10_000
_HEAD = 1 << 16  # bytes that hold an AVI's headers, or an MP3's first frame behind its titles
_PLAIN = (1, 3)  # WAV's kinds of samples that are not compressed: integers and floats
_SEGMENT = bytes.fromhex("18538067")
_IDENTITIES = "1a45dfa3 18538067 114d9b74 1549a966 1654ae6b 1f43b675 1c53bb6b 1941a469 1043a770 1254c367 ec bf"
_ELEMENTS = {
    bytes.fromhex(identity) for identity in _IDENTITIES.split()
}  # a Matroska file's head, and its segment's parts
_INFO = bytes.fromhex("1549a966")
_TRACKS, _ENTRY = bytes.fromhex("1654ae6b"), b"\xae"
_NAME = 64  # bytes of a codec's name at most
_FILLING = (b"\xec", b"\xbf")  # empty room, and a checksum
_NUMBER, _KIND, _CODEC = b"\xd7", b"\x83", b"\x86"  # of a track
_LETTERS = {b"V": 1, b"A": 2}  # that a codec's name begins with, and the kind of track that it belongs to
_GUESSED = ("aac", "ac3", "eac3", "amr", "amrnb", "amrwb", "dv", "rm", "ivf")
_KNOWN = {
    b"moov": b"mvhd trak udta meta iods mvex pssh free skip uuid prfl wide ctab",
    b"trak": b"tkhd edts mdia udta tref meta load free skip uuid tapt clip matt prfl imap txas",
    b"mdia": b"mdhd hdlr minf elng udta meta free skip uuid",
    b"minf": b"vmhd smhd hmhd nmhd sthd gmhd dinf stbl hdlr free skip uuid",
}
_NEEDED = {b"trak": b"tkhd mdia", b"mdia": b"mdhd hdlr minf", b"minf": b"stbl"}


def complaints(path: str, kind: str, has_both: bool) -> Iterator[str]:
    """Why a file is not whole, one sentence each.

    Args:
        path: the file.
        kind: the name of its format.
        has_both: whether sound and picture were found; if so, no track of an MP4 is missed.
    """
    size = os.stat(path).st_size  # noqa: PTH116  (a path may hold bytes that are not UTF-8)
    with open(path, "rb") as handle:  # noqa: PTH123
        head = handle.read(_HEAD)
        if kind in ("wav", "avi"):
            yield from _riff(handle, head, size)
            if kind == "avi" and not _streams_agree(head):
                yield "the headers are damaged: a stream may be missing"
            if not _rates_agree(head):
                yield "the headers are damaged: how fast the sound is played is told in two ways that disagree"
        elif kind == "matroska":
            yield from _matroska(handle, size, has_both)
        elif kind == "mpegts":
            yield from _transport(head, size)
        elif kind == "ogg":
            yield from _ogg(handle, size)
        elif kind.startswith("mov") and not has_both:
            yield from _index(handle, size)


def length_known(path: str, kind: str) -> bool:
    """Whether a format says how long a file is; an MP3 does in a frame that some writers put first."""
    if kind == "mp3":
        with open(path, "rb") as handle:  # noqa: PTH123
            head = handle.read(_HEAD)
        return b"Xing" in head or b"Info" in head or b"VBRI" in head
    return kind not in _GUESSED


def _riff(handle: BinaryIO, head: bytes, size: int) -> Iterator[str]:
    """The first chunk says how long the file is; the chunks in it follow each other up to its end."""
    declared = struct.unpack("<I", head[4:8].ljust(4, b"\0"))[0] + 8
    if head[:4] == b"RIFF" and 8 < declared < _STREAMED and size < declared * (1.0 - _RIFF_LOSS):
        yield f"the file was cut off: {size} of {declared} bytes are there"
    at = 12
    for _ in range(_MAX_BOXES):
        handle.seek(at)
        header = handle.read(8)
        if len(header) < 8:
            return
        kind, length = struct.unpack("<4sI", header)
        if not all(0x20 <= byte < 0x7F for byte in kind):
            break
        at += 12 if kind == b"RIFF" else 8 + length + length % 2
    if size - at > _STRAY * size:
        yield f"the headers are damaged: {size - at} of {size} bytes belong to nothing"


def _streams_agree(head: bytes) -> bool:
    """Whether an AVI has as many headers of known streams as it says."""
    at = head.find(b"avih")
    if at < 0 or len(head) < at + 36:
        return False
    declared = struct.unpack("<I", head[at + 32 : at + 36])[0]
    kinds = [head[i + 8 : i + 12] for i in range(len(head)) if head.startswith(b"strh", i)]
    return declared == sum(kind in (b"vids", b"auds", b"txts", b"mids", b"iavs") for kind in kinds)


def _rates_agree(head: bytes) -> bool:
    """Whether plain samples of a WAV or an AVI have as many bytes in a second as their rate and their size say."""
    at = head.find(b"fmt ") if head[8:12] == b"WAVE" else head.find(b"strf", max(0, head.find(b"auds")))
    if at < 0 or len(head) < at + 24:
        return True
    kind, channels, rate, per_second, block, bits = struct.unpack("<HHIIHH", head[at + 8 : at + 24])
    if kind not in _PLAIN or not per_second:
        return True
    return per_second == rate * block and block == channels * ((bits + 7) // 8)


def _matroska(handle: BinaryIO, size: int, has_both: bool) -> Iterator[str]:
    """The elements of a segment follow each other; one that nobody knows is passed over with all that is in it."""
    at, described = 0, False
    for _ in range(_MAX_BOXES):
        handle.seek(at)
        header = handle.read(12)
        kind, length, start = _element(header)
        if len(header) < 2 or length < 0:  # the end, or a length that was not known when it was written
            return
        if kind not in _ELEMENTS:
            share = min(length, size - at)
            if share > _RIFF_LOSS * size:
                yield f"the headers are damaged: {share} of {size} bytes belong to nothing"
            elif not described:
                yield "the headers are damaged: what tells the file's length is not where it should be"
            return
        described |= kind == _INFO
        if kind == _TRACKS and not has_both and not _tracks_are_sound(handle, at + start, at + start + length):
            yield "the index is damaged: a track may be missing"
        at += start if kind == _SEGMENT else start + length


def _tracks_are_sound(handle: BinaryIO, at: int, end: int) -> bool:
    """Whether every track has a number, a kind and a codec of that kind, which a reader leaves it out without."""
    for kind, start, stop in _elements(handle, at, end):
        if kind in _FILLING:
            continue
        parts = {inner: (first, last) for inner, first, last in _elements(handle, start, stop)}
        if kind != _ENTRY or not parts.keys() >= {_NUMBER, _KIND, _CODEC}:
            return False
        codec, number = (_content(handle, *parts[part]) for part in (_CODEC, _KIND))
        if _LETTERS.get(codec[:1], int.from_bytes(number, "big")) != int.from_bytes(number, "big"):
            return False
    return True


def _content(handle: BinaryIO, start: int, stop: int) -> bytes:
    handle.seek(start)
    return handle.read(min(stop - start, _NAME))


def _elements(handle: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """``(identity, start of the content, end)`` of the EBML elements in a span of a file."""
    while at < end:
        handle.seek(at)
        header = handle.read(12)
        kind, length, start = _element(header)
        if len(header) < 2 or length < 0:
            return
        yield kind, at + start, at + start + length
        at += start + length


def _element(header: bytes) -> tuple[bytes, int, int]:
    """Identity, length (-1 where it is not said) and number of bytes of the two of an EBML element."""
    wide = 9 - (header[0].bit_length() if header else 0)
    if wide > 4 or len(header) <= wide:
        return header[:1], 0, max(1, len(header))
    first = header[wide]
    more = 9 - first.bit_length()
    if not first or len(header) < wide + more:
        return header[:wide], 0, wide + 1
    value = int.from_bytes(header[wide : wide + more], "big") & ((1 << 7 * more) - 1)
    return header[:wide], -1 if value == (1 << 7 * more) - 1 else value, wide + more


def _transport(head: bytes, size: int) -> Iterator[str]:
    """Packets have one length, so a file that ends whole has a multiple of it from the first one on.

    A recording may begin in the middle of a packet; where each has a time stamp, that of the first lies before it.
    """
    for length in _PACKETS:
        first = head.find(b"\x47")
        if first >= 0 and all(head[i] == 0x47 for i in range(first, min(len(head), 2048), length)):
            if (size - first) % length not in (0, _PACKETS[0]):
                yield "the file ends in the middle of a packet: it was cut off, nobody knows by how much"
            return


def _ogg(handle: BinaryIO, size: int) -> Iterator[str]:
    """The last page carries a mark."""
    handle.seek(max(0, size - _TAIL))
    tail = handle.read()
    page = tail.rfind(b"OggS")
    whole = page >= 0 and len(tail) >= page + 27
    if whole:
        segments = tail[page + 26]
        table = tail[page + 27 : page + 27 + segments]
        whole = len(table) == segments and len(tail) >= page + 27 + segments + sum(table)
    if not whole or not tail[page + 5] & 4:
        yield "the file ends without its last page: it was cut off, nobody knows by how much"


def _index(handle: BinaryIO, size: int) -> Iterator[str]:
    """Boxes of the index that nobody knows, or that do not fit into each other, may hide a track."""
    for kind, start, stop in boxes(handle, 0, size):
        if kind == b"moov" and not _is_sound(handle, kind, start, stop):
            yield "the index is damaged: a track may be missing"


def _is_sound(handle: BinaryIO, kind: bytes, start: int, stop: int) -> bool:
    end, handler, there = start, b"", set()
    for inner, inner_start, inner_stop in boxes(handle, start, stop):
        there.add(inner)
        if inner not in _KNOWN[kind].split() or inner_stop > stop:
            return False
        if inner == b"hdlr" and kind == b"mdia":
            handle.seek(inner_start + 8)
            handler = handle.read(4)
        if inner == b"minf" and not _agrees(handle, handler, inner_start, inner_stop):
            return False
        if inner in _KNOWN and not _is_sound(handle, inner, inner_start, inner_stop):
            return False
        end = inner_stop
    return stop - end < 8 and there.issuperset(_NEEDED.get(kind, b"").split())


def _agrees(handle: BinaryIO, handler: bytes, start: int, stop: int) -> bool:
    """Whether a track with the header of sound or picture is said to be sound or picture."""
    kinds = {kind for kind, _, _ in boxes(handle, start, stop)}
    return (b"vmhd" not in kinds or handler == b"vide") and (b"smhd" not in kinds or handler == b"soun")


def boxes(handle: BinaryIO, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """``(type, start of the content, end)`` of the MP4 boxes in a span of a file."""
    for _ in range(_MAX_BOXES):
        if stop - start < 8:
            return
        handle.seek(start)
        header = handle.read(16)
        if len(header) < 8:
            return
        size, kind = struct.unpack(">I4s", header[:8])
        long = size == 1 and len(header) == 16
        if long:
            size = struct.unpack(">Q", header[8:])[0]
        size = size or stop - start  # 0: to the end
        if size < 8:
            return
        yield kind, start + (16 if long else 8), start + size
        start += size
