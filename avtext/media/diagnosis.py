"""Why a file could not be opened, told from what FFmpeg said and from the file's first bytes."""

from __future__ import annotations

import os

import av

from avtext.errors import Code, MediaError
from avtext.media.soundness import boxes

_MAGIC = (
    b"\x1aE\xdf\xa3",
    b"RIFF",
    b"RF64",
    b"OggS",
    b"FLV\x01",
    b"fLaC",
    b"ID3",
    b"FORM",
    b"caff",
    b"\x00\x00\x01\xba",
)
_BOXES = (b"ftyp", b"moov", b"mdat", b"styp", b"sidx", b"wide", b"free", b"skip", b"moof")
_LOG_BYTES = 1 << 16  # of the log that are looked at
_PACKET = 188  # bytes between two sync bytes of a transport stream


def open_error(path: str, name: str, error: Exception) -> MediaError:
    """The typed error for a file that FFmpeg refused with ``error``; ``name`` is what messages call it."""
    reason = str(getattr(error, "strerror", None) or error)
    refuse_memory(name, error)
    if isinstance(error, av.error.ArgumentError):
        message = f"{name}: this kind of container is not read; convert it to mp4, mkv, wav or another common one"
        return MediaError(message, code=Code.UNSUPPORTED, stage="open")
    with open(path, "rb") as handle:  # noqa: PTH123  (a path may hold bytes that are not UTF-8)
        head = handle.read(4096)
        kinds = {kind for kind, _, _ in boxes(handle, 0, handle.seek(0, 2))} if head[4:8] in _BOXES else set()
    if kinds and b"moov" not in kinds:
        message = f"{name}: its index is missing, as in a file that was cut off or a segment without its start"
        return MediaError(message, code=Code.TRUNCATED, stage="open")
    if known_head(head):
        message = f"{name}: its headers are damaged ({reason}); copy or record it again"
        return MediaError(message, code=Code.CORRUPT, stage="open")
    message = f"{name}: no media file ({reason}); video and audio files such as mp4, mkv, wav or mp3 are read"
    return MediaError(message, code=Code.NOT_MEDIA, stage="open")


def num_log_lines() -> int:
    """How often FFmpeg complained so far, not counting that a stream which nobody wants has no decoder.

    The child's log is a file, from which it can read back.
    """
    try:
        lines = os.pread(2, _LOG_BYTES, 0).splitlines()
    except OSError:  # not a child: the log is a terminal or a pipe
        return 0
    return sum(bool(line.strip()) and b"whitelist" not in line for line in lines)


def refuse_memory(name: str, error: Exception) -> None:
    """Running out of memory is no damage of the file that could be skipped.

    Raises:
        MediaError: TOO_LARGE, if that is what ``error`` is.
    """
    if isinstance(error, MemoryError) or "Cannot allocate memory" in str(error):
        message = f"{name}: needs more memory than allowed; raise Limits.memory_bytes"
        raise MediaError(message, code=Code.TOO_LARGE, stage="decode") from error


def known_head(head: bytes) -> bool:
    """Whether a file's first bytes are those of a media container.

    Example:
        >>> known_head(b"OggS"), known_head(b"\\x00\\x00\\x00\\x18ftypisom"), known_head(b"hello")
        (True, True, False)
    """
    transport = head[:1] == b"\x47" and head[_PACKET : _PACKET + 1] == b"\x47"
    return head.startswith(_MAGIC) or head[4:8] in _BOXES or transport
