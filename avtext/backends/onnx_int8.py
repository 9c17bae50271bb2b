"""One ONNX graph to INT8: static, per channel, as QDQ nodes that ONNX Runtime fuses; convolutions included."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from avtext.errors import MissingExtra

Feed = Mapping[str, np.ndarray]

WEIGHTED = ("Conv", "Gemm", "MatMul", "Gather")
KEPT = ("model.emit/", "model.fusion.gate.")  # layers that stay in float32: a rounding here is a wrong event


def quantize_graph(source: Path, feeds: Sequence[Feed], target: Path) -> None:
    """One graph with its weighted operators in INT8.

    Weights have seven bits: processors without VNNI add pairs of products in 16 bits, which eight would overflow.

    Raises:
        MissingExtra: onnx or onnxruntime is not installed.
    """
    try:
        import onnx
        from onnxruntime import quantization
    except ImportError:
        raise MissingExtra.of("onnx", "onnx") from None
    nodes = weighted_nodes(onnx.load(str(source)))
    if not nodes:
        shutil.copyfile(source, target)
        return
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises a preparation that these graphs have had
    try:
        quantization.quantize_static(
            str(source),
            str(target),
            _Reader(feeds),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(WEIGHTED),
            nodes_to_quantize=nodes,
            per_channel=True,
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
    finally:
        root.setLevel(level)
    model = onnx.load(str(target))
    shorten(model.graph)
    onnx.save(model, str(target))


def shorten(graph: Any) -> None:
    """Leave out of a graph what nothing computes with: notes of shapes, names of nodes, long names of values.

    Quantisation adds two nodes, three values and their long names to every weight: a third of a small model's bytes.

    Args:
        graph: an ``onnx.GraphProto`` without graphs inside its nodes; changed.
    """
    del graph.value_info[:]
    kept = {value.name for value in (*graph.input, *graph.output)} | {""}
    inner = [tensor.name for tensor in graph.initializer] + [name for node in graph.node for name in node.output]
    short = {name: f"v{number}" for number, name in enumerate(n for n in inner if n not in kept)}
    for tensor in graph.initializer:
        tensor.name = short.get(tensor.name, tensor.name)
    for node in graph.node:
        node.name = ""
        for names in (node.input, node.output):
            names[:] = [short.get(name, name) for name in names]


def weighted_nodes(model: Any) -> list[str]:
    """Names of the operators with weights of their own, less those in ``KEPT``; products of two activations stay."""
    weights = {tensor.name for tensor in model.graph.initializer if len(tensor.dims) > 1}
    return [
        node.name
        for node in model.graph.node
        if node.op_type in WEIGHTED and not weights.isdisjoint(node.input) and not node.name.startswith(KEPT)
    ]


class _Reader:
    """What ``quantize_static`` draws inputs from."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._rows: Iterator[Feed] = iter(feeds)

    def get_next(self) -> Feed | None:
        return next(self._rows, None)
