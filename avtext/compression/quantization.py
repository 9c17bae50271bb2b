"""INT8 by calibration: static, per channel, as QDQ nodes that ONNX Runtime fuses; convolutions included.

What is small and decides (the emissions, the gates) stays in float32, and so do the CRF and the DTW, which are no part
of any graph. Dynamic quantisation is not offered: it makes convolutions ten times slower.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from avtext.detection import EventFinder
from avtext.errors import ConfigError, MediaError, MissingExtra
from avtext.runtime.folder import publish_manifest, read_manifest
from avtext.runtime.network import OnnxNetwork

Feed = Mapping[str, np.ndarray]

WEIGHTED = ("Conv", "Gemm", "MatMul", "Gather")
KEPT = ("model.emit/", "model.fusion.gate.")  # layers that stay in float32: a rounding here is a wrong event
PER_GRAPH = 12  # windows of calibration that a graph sees at most


class RecordingNetwork(OnnxNetwork):
    """Keeps what every graph is given.

    Attributes:
        feeds: per graph, its inputs by name, at most ``PER_GRAPH`` of them.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__(folder)
        self.feeds: dict[str, list[Feed]] = {}

    def _run(self, name: str, *arguments: np.ndarray) -> list[np.ndarray]:
        kept = self.feeds.setdefault(name, [])
        if len(kept) < PER_GRAPH:
            names = (node.name for node in self._sessions[name].get_inputs())
            kept.append(dict(zip(names, arguments, strict=True)))
        return super()._run(name, *arguments)


def record_feeds(folder: str | Path, files: Iterable[str | Path]) -> dict[str, list[Feed]]:
    """What the graphs of a runtime folder are given when events are found in ``files``.

    Raises:
        ConfigError: no file can be read, or a graph was given nothing by any (its modality is in none of them).
    """
    network = RecordingNetwork(folder)
    finder, faults = EventFinder(network), []
    for file in files:
        try:
            finder(file)
        except MediaError as error:
            faults.append(error.message)
    if "fuse" not in network.feeds:
        raise ConfigError(f"calibration: no file could be read: {'; '.join(faults[:3]) or 'none was given'}")
    missing = [name for name in network._sessions if name not in network.feeds]
    if missing:
        raise ConfigError(
            f"calibration: nothing in these files reaches {missing[0]!r}: add clips with every modality of the model "
            f"({', '.join(network.modalities)}; subtitles may lie beside a video)"
        )
    return network.feeds


def quantize_folder(source: str | Path, files: Sequence[str | Path], target: str | Path) -> None:
    """An INT8 twin of a float32 runtime folder.

    Args:
        source: as :func:`avtext.compression.export.export_detector` writes it.
        files: clips to calibrate on, as what the model will be used for.
        target: where.

    Raises:
        ConfigError: the clips are of no use; see :func:`record_feeds`.
        MissingExtra: onnx or onnxruntime is not installed.
    """
    source, target = Path(source), Path(target)
    manifest = read_manifest(source)
    feeds = record_feeds(source, files)
    target.mkdir(parents=True, exist_ok=True)
    for name, rows in feeds.items():
        quantize_graph(source / f"{name}.onnx", rows, target / f"{name}.onnx")
    publish_manifest(target, replace(manifest, precision="int8"))


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
