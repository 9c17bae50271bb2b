"""Publishing files so that a reader sees the old one or the new one, whole, and never a half.

A file is written under a temporary name in the same folder, flushed to the disk, and renamed over its name.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from avtext.errors import StorageError

PART = ".part"
LOCK = ".lock"


@contextmanager
def publishing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; on a clean exit it becomes ``path``, else it is removed.

    Where ``path`` is a link, what it leads to is replaced.

    Raises:
        StorageError: the folder cannot be written, the disk is full, a limit was hit, or ``path`` is a device or a
            pipe; it is as before.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "a.txt"
        >>> with publishing(target) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> target.read_text()
        'whole'
    """
    path = Path(path)
    try:
        target = _replaceable(path)
        with temporary_beside(target) as temporary:
            mode = temporary.stat().st_mode  # as the umask has it; a writer may replace the file
            yield temporary
            flush(temporary)
            temporary.chmod(mode)
            temporary.replace(target)
            flush(target.parent)
    except Exception as error:
        refused = system_error(error)
        if refused is None:
            raise
        raise StorageError(_explain(path, refused)) from error


def _replaceable(path: Path) -> Path:
    """What a new file at ``path`` takes the place of."""
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    if target.exists() and not (target.is_file() or target.is_dir()):
        raise StorageError(f"{path}: is a device or a pipe, and no file can take its place: name a file")
    return target


@contextmanager
def temporary_beside(path: Path, *, folder: bool = False) -> Iterator[Path]:
    """A new file, or folder, beside ``path``; whatever has its name at the end is removed.

    A file lies in a folder of its own, which is locked as long as its writer lives: a writer may replace the file, and
    the lock with it. What killed writers of ``path`` have left is locked by nobody, and removed first; where a file
    system has no locks it stays.

    Raises:
        OSError: the folder of ``path`` cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.name[:40]}."  # a character may be four bytes, and a name 255
    _remove_leftovers(path.parent, prefix)
    place, lock = _claim(path.parent, prefix)
    try:
        if not folder:
            (place / path.name).touch()
        yield place if folder else place / path.name
    finally:
        _remove(place)
        os.close(lock)


def _claim(parent: Path, prefix: str) -> tuple[Path, int]:
    """A new folder and the open file that holds its lock."""
    while True:
        name = tempfile.mkdtemp(prefix=prefix, suffix=PART, dir=parent)
        with suppress(FileNotFoundError):  # before it was locked, another writer took it for a leftover
            lock = os.open(name, os.O_RDONLY)
            with suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), Path(name).stat()):
                    return Path(name), lock
            os.close(lock)


def _remove_leftovers(parent: Path, prefix: str) -> None:
    pattern = re.compile(r"[a-z0-9_]{8}" + re.escape(PART))
    names = os.listdir(parent)  # noqa: PTH208  (of an archive's results there are many, and each looks at all)
    for left in [parent / x for x in names if x.startswith(prefix) and pattern.fullmatch(x, len(prefix))]:
        with suppress(OSError):  # it is gone, or somebody's
            lock = os.open(left, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(left)
            finally:
                os.close(lock)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def held(folder: str | Path) -> Iterator[None]:
    """Keep ``folder`` for this process alone among those that ask for it; the system lets it go of one that is killed.

    The lock is on a file in it, which stays, but where nothing else came into a folder that is new. It is of the
    process, not of the open file, which workers that outlive a killed run would keep open. Where a file system has no
    locks, nobody is kept away.

    Raises:
        StorageError: another one holds it, or it cannot be written.

    Example:
        >>> import tempfile
        >>> with held(tempfile.mkdtemp()):
        ...     pass
    """
    folder = Path(folder)
    made = [place for place in (folder, *folder.parents) if not os.path.lexists(place)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise StorageError(_explain(folder, error)) from error
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        os.close(lock)
        text = f"{folder}: is in use by another run: wait until it ends, or choose another folder"
        raise StorageError(text) from error
    except OSError:  # a file system without locks
        pass
    try:
        yield
    finally:
        with suppress(OSError):
            if made and [path.name for path in folder.iterdir()] == [LOCK]:
                (folder / LOCK).unlink()
                for place in made:
                    place.rmdir()
        os.close(lock)


def system_error(error: Exception) -> OSError | None:
    """What the system refused, also where a writer in another language told it in words; None for another error.

    Example:
        >>> system_error(ValueError("I/O error: No space left on device (os error 28)")).errno
        28
    """
    if isinstance(error, OSError):
        return error
    told = re.search(r"\(os error (\d+)\)", str(error))
    return OSError(int(told[1]), os.strerror(int(told[1]))) if told else None


def flush(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _explain(path: Path, error: OSError) -> str:
    remedies = {
        errno.ENOSPC: "the disk is full: free some space",
        errno.EFBIG: "a file-size limit was hit: raise it (ulimit -f)",
        errno.EACCES: "the folder cannot be written: choose another",
        errno.EROFS: "the folder is read-only: choose another",
        errno.ENOTDIR: "a part of the path is a file: choose another",
        errno.EEXIST: "a part of the path is a file: choose another",
        errno.EISDIR: "it is a folder: name a file",
        errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    }
    reason = remedies.get(error.errno or 0, error.strerror or str(error))
    return f"{path}: cannot be written, {reason}; what was there before is unchanged"


def publish_bytes(path: str | Path, content: bytes) -> None:
    """Publish ``content`` as the file ``path``; see :func:`publishing`."""
    with publishing(path) as temporary:
        temporary.write_bytes(content)


def publish_text(path: str | Path, content: str) -> None:
    """Publish ``content`` as UTF-8 with ``\\n`` line ends; see :func:`publishing`."""
    publish_bytes(path, content.encode("utf-8"))


def publish_json(path: str | Path, value: Any) -> None:
    """Publish ``value`` as readable JSON; a number that is not finite is refused with a ValueError."""
    publish_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file's content in hexadecimal, read in pieces."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def ends_its_header(path: str | Path) -> bool:
    """Whether nothing but blanks fills up the header of a safetensors file, which its readers do not look at."""
    with Path(path).open("rb") as handle:
        length = int.from_bytes(handle.read(8), "little")
        return handle.read(min(length, 100_000_000)).rstrip(b" ").endswith(b"}")
