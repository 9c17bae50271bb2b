"""The OpenVINO backend: a network as OpenVINO IR, in float32, or in INT8 by NNCF's post-training quantisation."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from avtext.backends.networks import Call, NetworkModule, feature_similarity, place_of
from avtext.backends.processor import weight_bits
from avtext.errors import ModelError

FILE = "network.xml"
RANGES = ("MEAN_QUANTILE", "MINMAX")  # of activations: without one value in 10,000 and on average, or all there are

Values = list[np.ndarray]  # the arguments of one call


def write(encoder: nn.Module, example: Call, calibration: Sequence[Call], path: Path) -> None:
    """Write the network of an encoder.

    Args:
        encoder: a plain one; see :func:`avtext.backends.networks.plain`.
        example: arguments of one call.
        calibration: arguments of calls like those to come, for INT8; none for float32.
        path: the graph; its weights lie beside it.
    """
    import openvino

    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # tracing tells of every size that Python looks at
        model = openvino.convert_model(NetworkModule(encoder).eval(), example_input=example)
    if calibration:
        model = _quantized(model, calibration, is_transformer=place_of(encoder).stream == "audio")
    openvino.save_model(model, path, compress_to_fp16=False)


def _quantized(model: Any, calibration: Sequence[Call], is_transformer: bool) -> Any:
    """The model in INT8, its activations' ranges found in the way of ``RANGES`` that keeps its results most alike.

    Where a few values are far larger than the others, a range that holds all of them leaves no steps for the rest
    (trained Wav2Vec2: a cosine of 0.96 to float32, 0.998 without them); where they matter, cutting them off is worse.
    """
    calls = [[value.numpy() for value in call] for call in calibration]
    wanted = _results(model, calls)
    found = [_in_ranges(model.clone(), calls, name, is_transformer) for name in RANGES]
    alike = [feature_similarity(_results(one, calls), wanted) for one in found]
    return found[alike.index(max(alike))]


def _in_ranges(model: Any, calls: Sequence[Values], ranges: str, is_transformer: bool) -> Any:
    os.environ.setdefault("NNCF_CI", "1")  # or it reports its use over the network
    import nncf
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    logging.getLogger("nncf").setLevel(logging.ERROR)
    advanced = nncf.AdvancedQuantizationParameters(
        overflow_fix=nncf.OverflowFix.DISABLE if weight_bits() == 8 else nncf.OverflowFix.ENABLE,
        activations_range_estimator_params=getattr(RangeEstimatorParametersSet, ranges),
        disable_bias_correction=True,
    )
    return nncf.quantize(
        model,
        nncf.Dataset(calls),
        subset_size=len(calls),
        model_type=nncf.ModelType.TRANSFORMER if is_transformer else None,
        preset=nncf.QuantizationPreset.MIXED,  # activations are one-sided after most layers
        advanced_parameters=advanced,
    )


def _results(model: Any, calls: Sequence[Values]) -> list[Tensor]:
    import openvino

    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return [torch.from_numpy(compiled(values)[0].copy()) for values in calls]


class Graph:
    """A written network, called as the encoder's own; it can be sent to other processes.

    It computes in as many threads as torch. Shapes that come again get a graph of their own, which runs faster than one
    for any shape.

    Args:
        path: what :func:`write` wrote.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._any: Any = None
        self._last: tuple[tuple[int, ...], ...] = ()  # shapes of the last call
        self._fixed: tuple[tuple[tuple[int, ...], ...], Any] | None = None

    def __reduce__(self) -> tuple[type[Graph], tuple[Path]]:
        return Graph, (self.path,)

    def __call__(self, *values: Tensor) -> Tensor:
        """What the network gives for these arguments."""
        compiled = self._for(tuple(tuple(value.shape) for value in values))
        return torch.from_numpy(compiled([value.numpy() for value in values])[0].copy())

    def _for(self, shapes: tuple[tuple[int, ...], ...]) -> Any:
        if self._fixed is not None and self._fixed[0] == shapes:
            return self._fixed[1]
        again, self._last = shapes == self._last, shapes
        if again:
            self._fixed = (shapes, self._compiled(shapes))
            return self._fixed[1]
        if self._any is None:
            self._any = self._compiled()
        return self._any

    def _compiled(self, shapes: tuple[tuple[int, ...], ...] = ()) -> Any:
        import openvino

        core = openvino.Core()
        try:
            model = core.read_model(self.path)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[-200:]  # it begins with places in its own sources
            raise ModelError(f"{self.path}: OpenVINO refuses it ({reason}): remove it, and it is made again") from None
        if shapes:
            model.reshape({index: list(shape) for index, shape in enumerate(shapes)})
        threads = torch.get_num_threads()
        hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
        return core.compile_model(model, "CPU", hints)
