"""Memory that graphs freed goes back to the system; how many threads a session takes."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from avtext.backends.openvino_graph import Graph
from avtext.backends.sessions import at_most, default_threads, give_back, open_session
from avtext.errors import InvalidInput, ModelError

MIB = 1 << 20
BLOCK = 64_000  # bytes: small enough to come from the heap, whose end alone glibc returns by itself


def _resident() -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="says what it holds on Linux alone")
def test_freed_memory_goes_back_to_the_system() -> None:
    """Blocks below one that is still held stay with the C library until it is asked for them."""
    blocks = [b"x" * BLOCK for _ in range(100 * MIB // BLOCK)]
    last = b"x" * BLOCK
    blocks.clear()
    before = _resident()
    give_back(spare=-1)
    assert last
    assert before - _resident() > 50 * MIB


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="says what it holds on Linux alone")
def test_little_is_kept_for_the_next_window_and_much_is_not() -> None:
    give_back(spare=-1)
    for count, kept in ((20, True), (100, False)):
        blocks = [b"x" * BLOCK for _ in range(count * MIB // BLOCK)]
        last = b"x" * BLOCK
        blocks.clear()
        before = _resident()
        give_back()
        assert last
        assert (before - _resident() < MIB) == kept


def test_as_many_threads_as_the_environment_says_or_as_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2})
    for asked, threads in (("1", 1), ("7", 7), ("", 3), ("0", 3), ("many", 3)):
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
        assert default_threads() == threads


def test_never_more_threads_than_the_environments_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, threads in (("1", 1), ("9", 4), ("", 4), ("0", 4), ("many", 4)):
        monkeypatch.setenv("OMP_THREAD_LIMIT", limit)
        assert at_most(4) == threads


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2"])
def test_threads_that_are_none_are_refused(tmp_path: Path, threads: Any) -> None:
    with pytest.raises(InvalidInput, match="threads: must be a whole number, 1 or more, or None for all cores, got "):
        open_session(tmp_path / "graph.onnx", threads)


def test_a_damaged_graph_is_said_to_be_made_again(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "graph.onnx").touch()
    with pytest.raises(ModelError, match=r"graph\.onnx: ONNX Runtime .* refuses it .*: remove it and make it again"):
        open_session(tmp_path / "graph.onnx")


def test_a_damaged_graph_of_openvino_is_said_to_be_made_again(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    (tmp_path / "network.xml").touch()
    with pytest.raises(ModelError, match=r"network\.xml: OpenVINO refuses it .*: remove it, and it is made again"):
        Graph(tmp_path / "network.xml")(torch.zeros(1, 1))


def test_onnx_runtime_tells_its_maker_nothing(tmp_path: Path, root: Path) -> None:
    """What it would send is kept in the user's cache first, from its import on."""
    silent = ("ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI", "GITHUB_ACTIONS", "TF_BUILD", "XDG_CACHE_HOME")
    env = {name: value for name, value in os.environ.items() if name not in silent}
    env |= {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONPATH": str(root)}
    code = "import avtext.backends.sessions, onnxruntime"
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    assert [path.name for path in tmp_path.rglob("*")] == []
