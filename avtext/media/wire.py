"""The messages between the decoding child process and its parent: a line of JSON, then raw arrays.

::

    {"kind": "clip", ..., "arrays": [["audio", "float32", [960000]], ...]}\\n
    <bytes of the first array><bytes of the second> ...

The child reads hostile files, so the parent believes nothing: kinds of arrays and sizes are checked.
"""

from __future__ import annotations

import json
import math
import os
import select
import time
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

DTYPES = ("float32", "uint8", "bool")
MAX_LINE = 1 << 22  # bytes in a line of JSON
MAX_ARRAY = 1 << 31  # bytes in one array
_LONGEST = 2_000_000.0  # seconds that the system waits at most; longer is for ever


class WireError(Exception):
    """The other side closed the pipe, sent what is not a message, or was silent for too long."""


class WireTimeoutError(WireError):
    """Nothing came within the time allowed."""


def send(stream: BinaryIO, message: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> None:
    """Write one message with its arrays.

    Example:
        >>> import io
        >>> stream = io.BytesIO()
        >>> send(stream, {"kind": "hello"}, {"mask": np.ones(2, bool)})
        >>> stream.getvalue()
        b'{"kind": "hello", "arrays": [["mask", "bool", [2]]]}\\n\\x01\\x01'
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in (arrays or {}).items()}
    shapes = [[name, str(array.dtype), list(array.shape)] for name, array in arrays.items()]
    stream.write(json.dumps({**message, "arrays": shapes}).encode("ascii") + b"\n")
    for array in arrays.values():
        stream.write(array.data.cast("B") if array.size else b"")
    stream.flush()


class WireReader:
    """Reads messages from a pipe, with a limit on how long it waits.

    Args:
        fileno: the pipe's reading end.
        stall_seconds: longest wait for a next byte; may be changed.
    """

    def __init__(self, fileno: int, stall_seconds: float) -> None:
        self._fileno = fileno
        self.stall_seconds = stall_seconds
        self._pending = b""
        self._poll = select.poll()
        self._poll.register(fileno, select.POLLIN)
        self.waited = 0.0  # seconds spent waiting so far, which is what the decoder cost
        self.wall_seconds = math.inf  # the most that ``waited`` may reach

    def receive(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The next message and its arrays.

        Raises:
            WireTimeoutError: silence for ``stall_seconds``, or ``wall_seconds`` used up.
            WireError: the pipe ended, or what came is not a message.
        """
        while b"\n" not in self._pending:
            if len(self._pending) > MAX_LINE:
                raise WireError("a line without end")
            self._wait()
            piece = os.read(self._fileno, 1 << 16)
            if not piece:
                raise WireError("the pipe ended")
            self._pending += piece
        line, _, self._pending = self._pending.partition(b"\n")
        try:
            message = json.loads(line)
            arrays = {name: self._array(dtype, shape) for name, dtype, shape in message.pop("arrays")}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise WireError(f"not a message: {error}") from error
        return message, arrays

    def _array(self, dtype: str, shape: list[int]) -> np.ndarray:
        if dtype not in DTYPES or not all(isinstance(side, int) and side >= 0 for side in shape):
            raise WireError(f"not an array: {dtype} of shape {shape}")
        if math.prod(shape) * np.dtype(dtype).itemsize > MAX_ARRAY:
            raise WireError(f"an array that is too large: {shape}")
        array = np.empty(shape, dtype)
        if array.size:
            self._fill(array.data.cast("B"))
        return array

    def _fill(self, target: memoryview) -> None:
        ready = min(len(self._pending), len(target))
        target[:ready], self._pending = self._pending[:ready], self._pending[ready:]
        while ready < len(target):
            self._wait()
            count = os.readv(self._fileno, [target[ready : ready + (1 << 20)]])
            if not count:
                raise WireError("the pipe ended in an array")
            ready += count

    def _wait(self) -> None:
        allowed = min(self.stall_seconds, self.wall_seconds - self.waited)
        begun = time.monotonic()
        readable = allowed > 0 and self._poll.poll(allowed * 1000.0 if allowed < _LONGEST else None)
        self.waited += time.monotonic() - begun
        if not readable:
            raise WireTimeoutError(f"no answer from the decoder in {self.waited:.0f} s")
