"""What computes a frozen encoder's network: torch, ONNX Runtime or OpenVINO, in float32 or INT8, behind one call.

Wav2Vec2's windows and SlowFast's clips are cut in Python; what costs is one network, ``hidden`` and ``dense``. A
backend's computation takes that method's place in a copy of the encoder, which is called as the encoder itself.

A backend is an entry of ``BACKENDS``, and a module with ``FILE`` (the name of its graph), ``write`` and ``Graph``; see
:mod:`avtext.backends.openvino_graph` for one. That of torch has no graph: it has ``prepared``, which gives the copy.
Nothing here imports torch before a backend is asked for.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, NamedTuple

from avtext.errors import InvalidInput, MissingExtra


class Backend(NamedTuple):
    """The module of a backend, the packages it needs, and the extra of this package that brings them."""

    module: str
    packages: tuple[str, ...] = ()
    extra: str = ""


# In order of preference: the first that is installed is what "auto" takes.
BACKENDS = {
    "openvino": Backend("avtext.backends.openvino_graph", ("openvino", "nncf"), "openvino"),
    "onnxruntime": Backend("avtext.backends.onnx_graph", ("onnxruntime", "onnx", "onnxscript"), "onnx"),
    "torch": Backend("avtext.backends.eager"),
}


def choose(name: str = "auto") -> str:
    """The backend that ``name`` stands for: itself, or for ``"auto"`` the fastest that is installed.

    Raises:
        InvalidInput: no such backend.
        MissingExtra: it was asked for and is not installed.

    Example:
        >>> choose("torch")
        'torch'
    """
    if name == "auto":
        return next(one for one, backend in BACKENDS.items() if not _missing(backend))
    if name not in BACKENDS:
        raise InvalidInput(f"backend: must be auto or one of {', '.join(BACKENDS)}, got {name!r}")
    if missing := _missing(BACKENDS[name]):
        raise MissingExtra.of(missing[0], BACKENDS[name].extra)
    return name


def _missing(backend: Backend) -> list[str]:
    return [package for package in backend.packages if importlib.util.find_spec(package) is None]


def backend_module(name: str) -> Any:
    """The module of a backend, imported now."""
    return importlib.import_module(BACKENDS[name].module)
