"""Decoding processes, started before they are needed: the next file need not wait until Python and FFmpeg are loaded.

A process that has read one file will probably read more. From its second on, a spare child waits for the next; it has
seen no file yet, and every file still gets a process of its own.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import resource
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

# The child finds packages where its parent does, whatever the installation, and skips `site` to start faster.
_BOOTSTRAP = "import sys; sys.path[:] = sys.argv[1:]; from avtext.media.child import main; main()"
_FLAGS = ("-I", "-S")
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # nothing here is worth more threads, and threads reserve address space
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONIOENCODING": "utf-8",
}
_PIPE_BYTES = 1 << 20
_OWN = str(Path(__file__).absolute().parents[2])  # the folder that this package was found in
_KEPT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")


class Child(NamedTuple):
    """A started process, where its complaints go, and how it was started."""

    process: subprocess.Popen[bytes]
    log: BinaryIO
    command: tuple[str, ...]
    environment: dict[str, str]

    def end(self) -> None:
        """Kill it and give back what it held; more than once does no harm."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.log):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()


class _Waiting:
    """The spare child of this process, if any."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.child: Child | None = None
        self.is_first = True


_waiting = _Waiting()


def take() -> Child:
    """A child that waits for its request: the spare one, where there is one and it was started as it would be now.

    Raises:
        OSError: it cannot be started.
    """
    with _waiting.lock:
        spare, _waiting.child = _waiting.child, None
    if spare is not None:
        if (spare.command, spare.environment) == _how() and spare.process.poll() is None:
            return spare
        spare.end()
    return _start()


def prepare() -> None:
    """Start a spare child, unless this is asked for the first time: who reads one file only needs none."""
    with _waiting.lock:
        first, _waiting.is_first = _waiting.is_first, False
        if not first and _waiting.child is None:
            with suppress(OSError):  # the next file says so, if it is still true then
                _waiting.child = _start()


def discard() -> None:
    """End the spare child."""
    with _waiting.lock:
        spare, _waiting.child, _waiting.is_first = _waiting.child, None, True
    if spare is not None:
        spare.end()


def _forget() -> None:
    """After a fork the spare child is the parent's; as long as its pipe is open here it would outlive that."""
    global _waiting
    spare, _waiting = _waiting.child, _Waiting()
    for stream in () if spare is None else (spare.process.stdin, spare.process.stdout, spare.log):
        if stream is not None:
            stream.close()


atexit.register(discard)
os.register_at_fork(after_in_child=_forget)


def _start() -> Child:
    command, environment = _how()
    log = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the child)
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=environment,
        cwd=os.sep,
        bufsize=0,
    )
    if process.stdout is not None:
        with suppress(OSError):  # a larger pipe is faster; users have a limited amount of them
            fcntl.fcntl(process.stdout.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return Child(process, log, command, environment)


def _how() -> tuple[tuple[str, ...], dict[str, str]]:
    """Command and environment; where files are limited in size, so would be its byte code, and cut off unnoticed."""
    limited = resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY
    flags = [*_FLAGS, "-B"] if limited else _FLAGS
    kept = {key: os.environ[key] for key in _KEPT if key in os.environ}
    return (sys.executable, *flags, "-c", _BOOTSTRAP, *places()), {**kept, **_ENVIRONMENT}


def places() -> list[str]:
    """Where a child finds packages: where this process does, but by relative entries only this package itself.

    What such an entry leads to changes with the working folder, which may be full of strangers' files.
    """
    path = [entry for entry in sys.path if os.path.isabs(entry)]  # noqa: PTH117
    return path if _OWN in path else [_OWN, *path]
