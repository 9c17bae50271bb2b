"""The teacher's encoders on the GPU: float32, bfloat16, memory layout and CUDA graphs, as shares of the card's peak."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from avtext.backends.networks import feature_similarity
from avtext.benchmark.figures import Figure
from avtext.benchmark.gpu_device import GPUSizes, operations_of, seconds_of
from avtext.clip import AUDIO_RATE
from avtext.encoders import build_encoder

WINDOW = 20.0  # seconds of Wav2Vec2
FRAMES = 32  # of a clip of SlowFast
COSINE = 0.99
Call = Callable[[], Tensor]


def measure(rate: float, sizes: GPUSizes) -> Iterator[Figure]:
    """Each encoder's network on as many windows as are computed together.

    Args:
        rate: operations per second of the matrix product that stands for the peak.
        sizes: how much is measured.
    """
    torch.manual_seed(0)
    for name, config in (("wav2vec2", sizes.audio), ("slowfast", sizes.video)):
        encoder: Any = build_encoder(name, {"config": dict(config)} if config else {})
        encoder.requires_grad_(False).to(sizes.device)
        with torch.inference_mode():
            yield from _encoder(name, encoder, rate, sizes)


def _encoder(name: str, encoder: Any, rate: float, sizes: GPUSizes) -> Iterator[Figure]:
    call, seconds = _wav2vec2(encoder, sizes) if name == "wav2vec2" else _slowfast(encoder, sizes)
    work, wanted = operations_of(call), call()
    variants: dict[str, Call] = {"float32": call, "bf16": lambda: _short(call, sizes)}
    if sizes.device == "cuda":
        variants["bf16_graph"] = _graph(lambda: _short(call, sizes))
    took = {title: seconds_of(variant, sizes) for title, variant in variants.items()}
    if name == "slowfast":  # the same in the layout, and with the three channels, that frames come in
        encoder.for_tensor_cores = False
        took["bf16_channels_first"] = seconds_of(variants["bf16"], sizes)
        encoder.for_tensor_cores = True
    for title, spent in took.items():
        detail = (
            f"{sizes.windows} windows, {seconds:.4g} s of media together, random weights, {work / 1e9:.4g} GFLOP: "
            f"{1000 * spent:.4g} ms, {work / spent / 1e12:.4g} TFLOP/s, {took['float32'] / spent:.3g}x float32"
        )
        yield Figure(f"{name}_{title}_real_time", seconds / spent, "x real time", detail=detail)
        yield Figure(f"{name}_{title}_share_of_peak", work / spent / rate, "", detail="of the bfloat16 matrix product")
    cosine = feature_similarity([variants["bf16"]()], [wanted])
    detail = "of features to those in float32, each channel's mean taken away, random weights"
    yield Figure(f"{name}_bf16_cosine", cosine, "", COSINE, detail=detail)


def _wav2vec2(encoder: Any, sizes: GPUSizes) -> tuple[Call, float]:
    samples = torch.randn(sizes.windows, round(WINDOW * AUDIO_RATE), device=sizes.device)
    return lambda: encoder.hidden(samples), sizes.windows * WINDOW


def _slowfast(encoder: Any, sizes: GPUSizes) -> tuple[Call, float]:
    """Moving patches, of which there is something to see."""
    side = encoder.frame_size if sizes.device == "cuda" else 64
    coarse = torch.rand(sizes.windows, 3, FRAMES, side // 16, side // 16, device=sizes.device)
    frames = torch.nn.functional.interpolate(coarse, size=(FRAMES, side, side), mode="trilinear").mul(255).byte()
    frames = frames.permute(0, 2, 3, 4, 1).contiguous()
    return lambda: encoder.dense(frames), sizes.windows * FRAMES / encoder.rate


def _short(call: Call, sizes: GPUSizes) -> Tensor:
    context: AbstractContextManager[Any] = torch.autocast(sizes.device, torch.bfloat16)
    with context:
        return call()


def _graph(call: Call) -> Call:
    """The call's kernels recorded once and launched together."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = call()

    def replay() -> Tensor:
        graph.replay()
        return result

    return replay
