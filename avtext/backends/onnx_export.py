"""A torch module as an ONNX graph with dynamic sizes, compared with torch as it is made."""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from avtext.backends.sessions import open_session
from avtext.errors import MissingExtra, ModelError

OPSET = 20
FOLDED_VALUES = 512  # largest constant worked out in the file; what is larger the runtime works out as it loads
TOLERANCE = 1e-4  # largest difference to torch, relative to the largest value where that is over 1


@dataclass(frozen=True)
class Part:
    """One graph.

    Args:
        module: takes and returns tensors.
        example: arguments, batch first and time second where they have one.
        inputs: names of the arguments.
        outputs: names of the results.
        axes: per argument, axis to the name of its size where that may change.
    """

    module: nn.Module
    example: tuple[Tensor, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    axes: tuple[Mapping[int, str], ...]


def export_part(name: str, part: Part, path: Path) -> None:
    """Write one graph and compare it with its module at another batch size and length.

    Raises:
        ModelError: an operator without ONNX form, or a result that is not torch's.
        MissingExtra: onnx or onnxscript is not installed.
    """
    try:
        from onnxscript import optimizer
    except ImportError:
        raise MissingExtra.of("onnxscript", "onnx") from None
    module = part.module.eval()
    try:
        with warnings.catch_warnings(), _uncached():
            warnings.simplefilter("ignore")  # about names of axes and the exporter's own deprecations
            program = torch.onnx.export(
                module,
                part.example,
                dynamo=True,
                input_names=list(part.inputs),
                output_names=list(part.outputs),
                dynamic_shapes=_dynamic_shapes(part),
                opset_version=OPSET,
                external_data=False,
                optimize=False,
                verbose=False,
            )
            if program is None:
                raise RuntimeError("the exporter gave nothing")  # as it does where it is given a path
            optimizer.optimize(program.model, output_size_limit=FOLDED_VALUES)
    except Exception as error:  # the exporter's errors share no class but this
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{name}: cannot be written as ONNX opset {OPSET}: {reason}", stage="export") from None
    _name_by_module(program.model)
    program.save(str(path), external_data=False)
    difference = largest_difference(module, path, other_sizes(part))
    if not difference <= TOLERANCE:  # also refuses NaN
        raise ModelError(
            f"{name}: the ONNX graph differs from torch by {difference:.2g}, allowed {TOLERANCE:g}", stage="export"
        )


def _uncached() -> AbstractContextManager[None]:
    """Without torch's cache of what operators do to shapes: keyed by symbolic sizes, it takes a third of an export."""
    from torch._dynamo import config

    key = "fake_tensor_cache_enabled"
    return config.patch(key, False) if hasattr(config, key) else nullcontext()


def _name_by_module(model: Any) -> None:
    """Nodes are named after the module they come from; the exporter's own notes, with paths of files, are left out."""
    for node in model.graph:
        scopes = ast.literal_eval(node.metadata_props.get("pkg.torch.onnx.name_scopes", "['']"))
        module = scopes[-2] if len(scopes) > 1 else ""
        node.name = f"{module}/{node.name}"
        node.metadata_props.clear()
    model.graph.metadata_props.clear()
    model.metadata_props.clear()
    for value in model.graph.initializers.values():
        value.metadata_props.clear()
    for node in model.graph:
        for value in node.outputs:
            value.metadata_props.clear()


def _dynamic_shapes(part: Part) -> Any:
    """Per argument the changing axes; ``4*steps`` is a multiple of four, ``time?`` what the network itself allows."""
    made: dict[str, Any] = {}

    def size(name: str) -> Any:
        if name.endswith("?"):
            return torch.export.Dim.AUTO
        factor, _, base = name.rpartition("*")
        dim = made.setdefault(base, torch.export.Dim(base, min=2 if factor else 1))
        return int(factor) * dim if factor else dim

    shapes = [{axis: size(name) for axis, name in axes.items()} for axes in part.axes]
    kinds = [p.kind for p in inspect.signature(part.module.forward).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        return tuple(shapes)
    return (*shapes[: len(kinds) - 1], tuple(shapes[len(kinds) - 1 :]))  # to torch.export, *values is one argument


def other_sizes(part: Part) -> tuple[Tensor, ...]:
    """Arguments as the example's, one of the batch, twice as long and with a part masked where the length may change:
    what a fixed shape would not survive."""
    values = []
    for example, axes in zip(part.example, part.axes, strict=True):
        one = torch.cat([example[:1], example[1:2]], 1) if 1 in axes else example[:1]
        if one.dtype == torch.bool:
            one = torch.arange(one.shape[1])[None] < one.shape[1] * 3 // 4
        values.append(one)
    return tuple(values)


def largest_difference(module: torch.nn.Module, path: Path, arguments: Sequence[Tensor]) -> float:
    """Between a module and its graph, over all results: relative to the largest value where that is over 1."""
    session = open_session(path)
    feed = {node.name: value.numpy() for node, value in zip(session.get_inputs(), arguments, strict=True)}
    found = session.run(None, feed)
    with torch.inference_mode():
        wanted = module(*arguments)
    wanted = (wanted,) if isinstance(wanted, Tensor) else wanted
    pairs = [(w.numpy().astype(np.float64), f.astype(np.float64)) for w, f in zip(wanted, found, strict=True)]
    return max(float(np.abs(w - f).max() / max(1.0, np.abs(w).max())) for w, f in pairs)
