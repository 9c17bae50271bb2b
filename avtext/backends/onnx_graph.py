"""The ONNX Runtime backend: a network as an ONNX graph, in float32, or in INT8 by static quantisation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from avtext.backends.networks import Call, NetworkModule, place_of
from avtext.backends.onnx_export import Part, export_part
from avtext.backends.onnx_int8 import quantize_graph
from avtext.backends.processor import weight_bits
from avtext.backends.sessions import open_session, run_session

FILE = "network.onnx"


def write(encoder: nn.Module, example: Call, calibration: Sequence[Call], path: Path) -> None:
    """Write the network of an encoder; see :func:`avtext.backends.openvino_graph.write`."""
    place = place_of(encoder)
    names = place.inputs[: len(example)]
    axes = (place.axes, *({0: "windows"} for _ in example[1:]))
    doubled = tuple(torch.cat([value, value]) for value in example)  # a size of one would be taken for fixed
    part = Part(NetworkModule(encoder), doubled, names, ("features",), axes)
    if not calibration:
        export_part(type(encoder).__name__, part, path)
        return
    float32 = path.with_name(f"float32.{path.name}")
    export_part(type(encoder).__name__, part, float32)
    feeds = [dict(zip(names, (value.numpy() for value in call), strict=True)) for call in calibration]
    quantize_graph(float32, feeds, path, weight_bits())
    float32.unlink()


class Graph:
    """A written network, called as the encoder's own; it can be sent to other processes.

    It computes in as many threads as torch.

    Args:
        path: what :func:`write` wrote.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._session: Any = None

    def __reduce__(self) -> tuple[type[Graph], tuple[Path]]:
        return Graph, (self.path,)

    def __call__(self, *values: Tensor) -> Tensor:
        """What the network gives for these arguments."""
        if self._session is None:
            self._session = open_session(self.path, torch.get_num_threads())
        names = [node.name for node in self._session.get_inputs()]
        feed = {name: value.numpy() for name, value in zip(names, values, strict=True)}
        return torch.from_numpy(run_session(self._session, feed)[0])
