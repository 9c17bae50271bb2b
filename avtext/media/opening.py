"""What is refused before anything is decoded: files that are no files, and files that would open others.

Reads a few bytes only. The decoder's own list of formats is the second line of defence.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from avtext.errors import Code, MediaError, StorageError

HEAD_BYTES = 4096
_PICTURES = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"\x00\x00\x01\x00": "ICO",
    b"8BPS": "Photoshop",
}
_PLAYLISTS = (
    b"#extm3u",
    b"ffconcat",
    b"v=0",
    b"<asx",
    b"[playlist]",
    b"<mpd",
    b"<smil",
    b"rtsptext",
    b"file ",
)
_SPOOL_PIECE = 1 << 20


def media_file(path: str | Path, name: str = "") -> str:
    """The resolved absolute path of a file that may be opened as media.

    Args:
        path: of the file.
        name: in messages, where the path says nothing to anybody.

    Raises:
        MediaError: as :func:`existing_file`; or it is empty, a playlist, a picture or a plain text.
    """
    name = name or shown(path)
    resolved = existing_file(path)
    head = _head(name, resolved)
    if not head:
        raise _refused(name, "is empty (0 bytes)")
    check_head(name, head)
    return resolved


def shown(path: str | Path) -> str:
    r"""A path or another text as it appears in messages: on one line, without anything that a terminal would obey.

    Example:
        >>> shown("a\x1b[2Jb\n.mp4")
        'a?[2Jb?.mp4'
    """
    return "".join(c if c.isprintable() else "?" for c in os.fsdecode(path))


def existing_file(path: str | Path) -> str:
    """The resolved absolute path of a regular file.

    Raises:
        MediaError: there is no such file, or it is a folder, a pipe or a device.
    """
    name = shown(path)
    try:
        resolved = os.path.realpath(os.fsdecode(path))
        status = os.stat(resolved)  # noqa: PTH116  (text, since a path may hold bytes that are not UTF-8)
    except FileNotFoundError as error:
        raise _refused(name, "no such file") from error
    except (OSError, ValueError) as error:  # a NUL in the name, a loop of links, no permission
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused(name, f"cannot be opened ({reason})") from error
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
    for is_kind, kind in kinds:
        if is_kind(status.st_mode):
            raise _refused(name, f"is {kind}; a regular file is needed")
    if not stat.S_ISREG(status.st_mode):
        raise _refused(name, "is a device; a regular file is needed")
    return resolved


def _refused(name: str, reason: str, code: Code = Code.NOT_MEDIA) -> MediaError:
    return MediaError(f"{name}: {reason}", code=code, stage="open")


def _head(name: str, resolved: str) -> bytes:
    try:
        with open(resolved, "rb") as handle:  # noqa: PTH123
            return handle.read(HEAD_BYTES)
    except OSError as error:
        raise _refused(name, f"cannot be read ({error.strerror})") from error


def check_head(name: str, head: bytes) -> None:
    """Refuse a file by its first bytes.

    Raises:
        MediaError: UNSAFE for a playlist, UNSUPPORTED for a still picture, NOT_MEDIA for text.

    Example:
        >>> check_head("a.mp4", b"ffconcat version 1.0")
        Traceback (most recent call last):
        avtext.errors.MediaError: a.mp4: is a playlist, which names other files; give those files themselves
    """
    beginning = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:32].lower()
    if beginning.startswith(_PLAYLISTS) or (beginning.startswith(b"<?xml") and b"<mpd" in head.lower()):
        raise _refused(name, "is a playlist, which names other files; give those files themselves", Code.UNSAFE)
    kind = next((kind for magic, kind in _PICTURES.items() if head.startswith(magic)), None)
    if kind == "ICO" and head[4:8].isalpha():  # an MP4 whose first box has 256 bytes
        kind = None
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        kind = "WebP"
    if head[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif"):
        kind = "HEIF"
    if kind is not None:
        raise _refused(name, f"is a still picture ({kind}); video or audio is needed", Code.UNSUPPORTED)
    if _is_text(head):
        raise _refused(name, "is a text file; video or audio is needed (subtitles are given as its transcript)")


def _is_text(head: bytes) -> bool:
    """Whether there is nothing but readable characters; a cut-off last character does not count."""
    if b"\x00" in head:
        return head.startswith((b"\xff\xfe", b"\xfe\xff")) and not head.startswith(b"\xff\xfe\x00")
    try:
        text = head.decode("utf-8", errors="strict" if len(head) < HEAD_BYTES else "ignore")
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\r\n\f\x1b" for character in text)


@contextmanager
def spooled(stream: BinaryIO, max_bytes: int) -> Iterator[str]:
    """Copy what a file object holds, from where it stands, to a private temporary file and give its path.

    Raises:
        MediaError: it cannot be read, does not wait for what is still to come, or gives text instead of bytes, or more
            than ``max_bytes``.
        StorageError: the temporary folder is full.
    """
    with tempfile.TemporaryDirectory(prefix="avtext-") as folder:
        path = Path(folder) / "media"
        try:
            _copy(stream, path, max_bytes)
        except OSError as error:
            text = f"file object: cannot be copied to {folder} ({error.strerror or error}); set TMPDIR to a larger disk"
            raise StorageError(text, stage="open") from error
        yield str(path)


def _copy(stream: BinaryIO, path: Path, max_bytes: int) -> None:
    copied = 0
    with path.open("wb") as target:
        while piece := _piece(stream):
            if not isinstance(piece, bytes | bytearray | memoryview):
                raise _gives(type(piece).__name__)
            copied += len(piece)
            if copied > max_bytes:
                raise _refused("file object", f"holds more than {max_bytes} bytes", Code.TOO_LARGE)
            target.write(piece)


def _piece(stream: BinaryIO) -> bytes:
    try:
        piece = stream.read(_SPOOL_PIECE)
    except UnicodeDecodeError as error:  # it reads bytes as text, which these are not
        raise _gives("str") from error
    except Exception as error:  # those of disks, networks and archives share no class but this
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise _refused("file object", f"cannot be read ({shown(reason)})", Code.CORRUPT) from error
    if piece is None:  # which is not its end
        raise _refused("file object", "does not wait for what is still to come; let it block")
    return piece


def _gives(kind: str) -> MediaError:
    return _refused("file object", f"gives {kind}; open it in binary mode")
