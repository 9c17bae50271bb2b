"""ONNX Runtime sessions on the CPU, which share one arena of memory and give back what a call does not use."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from avtext.errors import InvalidInput, MissingExtra, ModelError

SPARE = 64 << 20  # bytes
_held: int | None = None  # bytes of memory after the last time that some were given back


def open_session(path: Path, threads: int | None = None) -> Any:
    """An ONNX Runtime session on the CPU.

    Its threads sleep when there is nothing to do: waiting in a loop, each session's own would take the cores from the
    other graphs, from the decoder and from numpy.

    Args:
        path: an ONNX file.
        threads: None takes one per core that this process may use, or what the environment variable ``OMP_NUM_THREADS``
            says; never more than ``OMP_THREAD_LIMIT``. ONNX Runtime's own default also ties each to a core, where it
            waits for whatever else runs there.

    Raises:
        InvalidInput: ``threads`` is no whole number from 1 on.
        MissingExtra: ONNX Runtime is not installed.
        ModelError: the file is missing, or has what this version of ONNX Runtime cannot run.
    """
    if threads is not None and not (isinstance(threads, Integral) and threads >= 1):
        raise InvalidInput(f"threads: must be a whole number, 1 or more, or None for all cores, got {threads!r}")
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtra.of("onnxruntime", "onnx") from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    _share_arena()
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.intra_op_num_threads = at_most(default_threads() if threads is None else threads)
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors share no class but this
        reason = str(error).splitlines()[0][:200]
        raise ModelError(
            f"{path}: ONNX Runtime {onnxruntime.__version__} refuses it ({reason}): remove it and make it again"
        ) from None


def default_threads() -> int:
    """What ``OMP_NUM_THREADS`` says, as torch and BLAS take it; else one per core that this process may run on."""
    if asked := _said("OMP_NUM_THREADS"):
        return asked
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def at_most(threads: int) -> int:
    """So many threads, or what ``OMP_THREAD_LIMIT`` says where that is fewer, as OpenMP takes it: a worker process,
    which shares the machine with others, has one whatever was asked for."""
    return min(threads, _said("OMP_THREAD_LIMIT") or threads)


def _said(variable: str) -> int:
    """The number that an environment variable holds; 0 where it holds none."""
    value = os.environ.get(variable, "")
    return int(value) if value.isdecimal() else 0


def run_session(session: Any, feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """All outputs; what the arena grew by is given back, or every length of clip would leave its own blocks behind."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    found: list[np.ndarray] = session.run(None, feed, options)
    return found


def give_back(spare: int = SPARE) -> None:
    """Let the C library return to the system what was freed: glibc raises its threshold with every block it frees.

    To fetch it again costs a third of the time that a window takes, so nothing is returned before the process has grown
    by more than ``spare`` bytes since it last did.
    """
    global _held
    trim = _trim()
    if trim is not None and (_held is None or _resident() - _held > spare):
        trim(0)
        _held = _resident()


def _resident() -> int:
    """Bytes of memory that the process holds; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


@cache
def _trim() -> Callable[[int], int] | None:
    """``malloc_trim`` of the C library; None where it has none (musl, macOS, Windows)."""
    try:
        found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    except (OSError, TypeError):
        return None
    return found


@cache
def _share_arena() -> None:
    """Seven graphs with an arena each hold seven times their largest call."""
    import onnxruntime

    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    place = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    as_requested = onnxruntime.OrtArenaCfg({"arena_extend_strategy": 1})
    with suppress(Exception):  # the program has registered one of its own, which serves as well; errors share no class
        onnxruntime.create_and_register_allocator(place, as_requested)
