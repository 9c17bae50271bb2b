"""ONNX Runtime sessions on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from avtext.errors import MissingExtra, ModelError


def open_session(path: Path, threads: int | None = None) -> Any:
    """An ONNX Runtime session on the CPU.

    Raises:
        MissingExtra: ONNX Runtime is not installed.
        ModelError: the file is missing, or has what this version of ONNX Runtime cannot run.
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtra.of("onnxruntime", "onnx") from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors share no class but this
        reason = str(error).splitlines()[0][:200]
        raise ModelError(f"{path}: ONNX Runtime {onnxruntime.__version__} refuses it ({reason})") from None
