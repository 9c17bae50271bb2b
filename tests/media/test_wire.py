"""Messages survive the pipe; what is no message does not."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from avtext.media.wire import WireError, WireReader, WireTimeoutError, send


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue  # closed by the test


def _send_all(fileno: int, messages: list) -> None:
    with os.fdopen(fileno, "wb") as stream:
        for message, arrays in messages:
            send(stream, message, arrays)


def test_messages_and_arrays_come_back(pipe: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (7, 64, 64, 3), dtype=np.uint8)
    sound = rng.normal(size=100_000).astype(np.float32)
    sent = [
        ({"kind": "a", "text": "ä\n\udc80"}, {"frames": frames[:, ::2], "sound": sound, "mask": sound > 0}),
        ({"kind": "b"}, {"none": np.zeros((0, 4, 4, 3), np.uint8)}),
        ({"kind": "c"}, None),
    ]
    writer = threading.Thread(target=_send_all, args=(pipe[1], sent))
    writer.start()
    reader = WireReader(pipe[0], stall_seconds=5.0)
    for message, arrays in sent:
        got, got_arrays = reader.receive()
        assert got == message
        assert list(got_arrays) == list(arrays or {})
        for name, array in (arrays or {}).items():
            assert got_arrays[name].dtype == array.dtype
            assert np.array_equal(got_arrays[name], array)
    writer.join()
    with pytest.raises(WireError, match="ended"):
        reader.receive()


@pytest.mark.parametrize(
    ("line", "match"),
    [
        (b"not json\n", "not a message"),
        (b"[1, 2]\n", "not a message"),
        (b'{"kind": "x"}\n', "not a message"),
        (b'{"arrays": [["a", "object", [1]]]}\n', "not an array"),
        (b'{"arrays": [["a", "uint8", [-1]]]}\n', "not an array"),
        (b'{"arrays": [["a", "uint8", [1.5]]]}\n', "not an array"),
        (b'{"arrays": [["a", "float32", [9999999999]]]}\n', "too large"),
        (b'{"arrays": [["a", "uint8", [5]]]}\nabc', "ended"),
        (b'{"arrays": ', "ended"),
    ],
)
def test_what_is_no_message_is_refused(pipe: tuple[int, int], line: bytes, match: str) -> None:
    os.write(pipe[1], line)
    os.close(pipe[1])
    with pytest.raises(WireError, match=match):
        WireReader(pipe[0], stall_seconds=5.0).receive()


def test_a_line_without_end_is_refused(pipe: tuple[int, int]) -> None:
    def flood() -> None:
        try:
            while True:
                os.write(pipe[1], b"x" * 65536)
        except OSError:
            return

    writer = threading.Thread(target=flood)
    writer.start()
    with pytest.raises(WireError, match="without end"):
        WireReader(pipe[0], stall_seconds=5.0).receive()
    os.close(pipe[0])
    writer.join()


def test_silence_is_a_timeout(pipe: tuple[int, int]) -> None:
    with pytest.raises(WireTimeoutError):
        WireReader(pipe[0], stall_seconds=0.05).receive()


def test_the_wall_clock_counts_all_waiting(pipe: tuple[int, int]) -> None:
    reader = WireReader(pipe[0], stall_seconds=5.0)
    reader.wall_seconds = 0.05
    with pytest.raises(WireTimeoutError):
        reader.receive()
    assert 0.04 < reader.waited < 1.0
