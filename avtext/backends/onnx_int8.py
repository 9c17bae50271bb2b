"""One ONNX graph to INT8: static, per channel, as QDQ nodes that ONNX Runtime fuses; convolutions included."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avtext.backends.networks import feature_similarity
from avtext.backends.sessions import open_session, run_session
from avtext.errors import MissingExtra

Feed = Mapping[str, np.ndarray]

WEIGHTED = ("Conv", "Gemm", "MatMul", "Gather")
BYTES = {"scale": np.array(1.0, np.float32), "zero_point": np.array(128, np.uint8)}  # of a picture, which is 127.5 less
KEPT = ("model.emit/", "model.fusion.gate.")  # layers that stay in float32: a rounding here is a wrong event


def quantize_graph(source: Path, feeds: Sequence[Feed], target: Path, bits: int = 7) -> None:
    """One graph with its weighted operators in INT8.

    Activations have the range of all values that occur, or of those of a call on average, whichever keeps the results
    more alike: a few large values leave a trained Wav2Vec2 no steps for the rest, and are what SlowFast lives on.

    Args:
        source: a float32 graph.
        feeds: inputs as those to come.
        target: where the INT8 graph is written.
        bits: of a weight; 7 are right on every processor (:func:`avtext.backends.processor.weight_bits`).

    Raises:
        MissingExtra: onnx or onnxruntime is not installed.
    """
    try:
        import onnx
        import onnxruntime.quantization  # noqa: F401
    except ImportError:
        raise MissingExtra.of("onnx", "onnx") from None
    if not weighted_nodes(onnx.load(str(source))):
        shutil.copyfile(source, target)
        return
    wanted = _results(source, feeds)
    found = [target.with_name(f"{name}.{target.name}") for name in ("all", "average")]
    for average, path in enumerate(found):
        _quantize(source, feeds, path, bits, average=bool(average))
    alike = [_similarity(_results(path, feeds), wanted) for path in found]
    found.pop(alike.index(max(alike))).replace(target)
    found[0].unlink()


def _quantize(source: Path, feeds: Sequence[Feed], target: Path, bits: int, *, average: bool) -> None:
    """The graph in INT8 with activations' ranges found in one way."""
    import onnx
    from onnxruntime import quantization

    model = onnx.load(str(source))
    pictures = centred_bytes(model)
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
            nodes_to_quantize=weighted_nodes(model),
            per_channel=True,
            reduce_range=bits == 7,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            extra_options={
                "TensorQuantOverrides": {name: [BYTES] for name in pictures},
                "CalibMovingAverage": average,
            },
        )
    finally:
        root.setLevel(level)
    model = onnx.load(str(target))
    take_bytes(model.graph, pictures)
    shorten(model.graph)
    onnx.save(model, str(target))


def _results(path: Path, feeds: Sequence[Feed]) -> list[list[np.ndarray]]:
    """All outputs of a graph for every feed."""
    session = open_session(path)
    return [run_session(session, feed) for feed in feeds]


def _similarity(got: Sequence[Sequence[np.ndarray]], wanted: Sequence[Sequence[np.ndarray]]) -> float:
    """Mean over the outputs of :func:`avtext.backends.networks.feature_similarity`; masks, which pass through, are left
    out."""
    sides = [[[torch.from_numpy(x) for x in values] for values in zip(*calls, strict=True)] for calls in (got, wanted)]
    pairs = [pair for pair in zip(*sides, strict=True) if pair[1][0].dtype != torch.bool]
    return float(np.mean([feature_similarity(*pair) for pair in pairs]))


def centred_bytes(model: Any) -> dict[str, str]:
    """By name, values that are bytes less a constant, such as a picture's around its grey, and the bytes' own name.

    They are quantised as they come: nothing is rounded, and no copy in float32 is made.
    """
    import onnx

    makers = {name: node for node in model.graph.node for name in node.output}
    bytes_in = {value.name for value in model.graph.input if value.type.tensor_type.elem_type == onnx.TensorProto.UINT8}
    found = {}
    for node in model.graph.node:
        cast = makers.get(node.input[0]) if node.op_type == "Sub" else None
        if cast is None or cast.op_type != "Cast":
            continue
        name = cast.input[0]
        while name in makers and makers[name].op_type in ("Reshape", "Transpose"):
            name = makers[name].input[0]
        if name in bytes_in:
            found[node.output[0]] = cast.input[0]
    return found


def take_bytes(graph: Any, pictures: Mapping[str, str]) -> None:
    """Leave out of a quantised graph how the values of :func:`centred_bytes` were made and rounded.

    Args:
        graph: an ``onnx.GraphProto``; changed.
        pictures: what that function found in the graph before it was quantised.
    """
    rounding = {node.output[0]: node for node in graph.node if node.op_type == "QuantizeLinear"}
    direct = {name: pictures[node.input[0]] for name, node in rounding.items() if node.input[0] in pictures}
    for node in graph.node:
        node.input[:] = [direct.get(name, name) for name in node.input]
    drop_idle(graph)


def drop_idle(graph: Any) -> None:
    """Leave out of a graph the nodes whose results nothing takes, what only they took, and so on.

    Args:
        graph: an ``onnx.GraphProto``, its nodes in order; changed.
    """
    used = {value.name for value in graph.output}
    for node in reversed(list(graph.node)):
        if used.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            used.update(node.input)
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


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
