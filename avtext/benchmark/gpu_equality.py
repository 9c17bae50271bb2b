"""What CUDA computes against the CPU: DTW, soft-DTW, CRF and fusion, and the events of the default model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from avtext.benchmark.accuracy import recordings
from avtext.benchmark.figures import Figure
from avtext.benchmark.gpu_device import GPUSizes, seconds_of
from avtext.clip import Clip
from avtext.data.scenes import SceneRecipe, make_scene
from avtext.kernels.threads import num_threads
from avtext.layers.crf import CRF
from avtext.layers.dtw import dtw, dtw_from_cost, soft_dtw
from avtext.layers.fusion import GatedFusion
from avtext.pipeline import Pipeline
from avtext.training.evaluation import Found

FIRST_SCENE = 650_000  # from here on as many as are compared, of which no training takes any
TOLERANCE = 1e-4


def measure(data: Path, sizes: GPUSizes) -> Iterator[Figure]:
    """Differences, which have a limit, and how much faster the GPU is."""
    torch.manual_seed(0)
    tensor_cores = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False  # its ten bits are what would be seen
    try:
        yield _paths(sizes)
        for name, make in (("soft_dtw", _soft_dtw), ("crf", _crf), ("fusion", _fusion)):
            yield from _layer(name, make(), sizes)
    finally:
        torch.backends.cudnn.allow_tf32 = tensor_cores
    yield from _events(data, sizes)


def _paths(sizes: GPUSizes) -> Figure:
    """DTW's paths, computed on the CPU from values on either; among integer costs most have ties."""
    different = 0
    for case in range(sizes.cases):
        cost = torch.randint(4, (30, 24)).float()
        x, y = torch.randn(60, 16), torch.randn(50, 16)
        pairs = [(dtw_from_cost(cost), dtw_from_cost(cost.to(sizes.device)))]
        pairs += [(dtw(x, y), dtw(x.to(sizes.device), y.to(sizes.device)))] if case < sizes.cases // 4 else []
        different += sum(not torch.equal(here.path, there.path.cpu()) for here, there in pairs)
    detail = (
        f"of {sizes.cases} integer cost matrices of 30 x 24, and {sizes.cases // 4} pairs of features; both sides are "
        "computed on the CPU: values only come from the device"
    )
    return Figure("dtw_other_paths", different, "", 0, "at_most", detail)


Parts = Callable[[str], Sequence[Tensor]]


def _layer(name: str, compute: Parts, sizes: GPUSizes) -> Iterator[Figure]:
    """The largest difference of any output or gradient, in units of the largest value of each; and the speed-up."""
    here, there = compute("cpu"), [part.cpu() for part in compute(sizes.device)]
    least = torch.finfo(torch.float32).tiny
    each = [(a - b).abs().max() / a.abs().max().clamp_min(least) for a, b in zip(here, there, strict=True)]
    apart = float(torch.stack(each).max())  # NaN where any is: Python's max would pass it over
    detail = f"values and gradients, float32; {tuple(here[1].shape)}"
    yield Figure(f"{name}_difference", apart, "", TOLERANCE, "at_most", detail)
    fewer = sizes._replace(rounds=min(3, sizes.rounds))
    slow, fast = (
        seconds_of(lambda device=device: compute(device), fewer._replace(device=device))  # type: ignore[misc]
        for device in ("cpu", sizes.device)
    )
    threads = f"{torch.get_num_threads()} threads of torch, at most {num_threads()} of the kernels"
    told = f"forward and backward: CPU {slow:.4g} s with {threads}, GPU {fast:.4g} s"
    yield Figure(f"{name}_speedup", slow / fast, "x", detail=told)


def _soft_dtw() -> Parts:
    """On the device itself: left to choose, so small a batch would be computed on the CPU and equal itself."""
    cost = torch.rand(16, 300, 260)

    def compute(device: str) -> Sequence[Tensor]:
        leaf = cost.to(device).requires_grad_()
        values = soft_dtw(leaf, backend="numba" if device == "cpu" else "torch")
        return values.detach(), *torch.autograd.grad(values.sum(), [leaf])

    return compute


def _crf() -> Parts:
    """As in training: 24 labels of three tags each, 16 seconds."""
    crf = CRF(3, 24)
    emissions, tags = torch.randn(8, 24, 400, 3), torch.randint(3, (8, 24, 400))
    mask = torch.arange(400) < torch.linspace(200, 400, 8)[:, None]

    def compute(device: str) -> Sequence[Tensor]:
        layer, leaf = crf.to(device), emissions.to(device).requires_grad_()
        loss = layer(leaf, tags.to(device), mask.to(device))
        return loss.detach(), *torch.autograd.grad(loss, [leaf, *layer.parameters()])

    return compute


def _fusion() -> Parts:
    fusion = GatedFusion(128, 3, "cross", 2, 4, 25, 0.0)
    values = torch.randn(3, 8, 400, 128)
    masks = [torch.rand(8, 400) < 0.8 for _ in range(3)]
    weights = torch.randn(8, 400, 128)  # features are normalised: the sum of their squares has no gradient

    def compute(device: str) -> Sequence[Tensor]:
        layer, leaf = fusion.to(device), values.to(device).requires_grad_()
        fused = layer(list(leaf), [mask.to(device) for mask in masks])
        loss = (fused.features * weights.to(device)).sum()
        return fused.gates.detach(), fused.features.detach(), *torch.autograd.grad(loss, [leaf])

    return compute


def _events(data: Path, sizes: GPUSizes) -> Iterator[Figure]:
    """The default model's events on scenes that it has not seen, against the truth: CPU, CUDA, bfloat16."""
    recipe = SceneRecipe(duration=(sizes.clip_seconds,) * 2).model_copy(update=recordings(data))
    scenes = [make_scene(recipe, FIRST_SCENE + k) for k in range(sizes.scenes)]
    f1 = {}
    for name, device, precision in (
        ("cpu", "cpu", "float32"), ("gpu", sizes.device, "float32"), ("bf16", sizes.device, "bfloat16")
    ):  # fmt: skip
        f1[name] = _f1(Pipeline.from_pretrained(device=device, precision=precision), scenes)
    detail = f"{sizes.scenes} scenes of sources of the training split: " + ", ".join(
        f"{name} {value:.4f}" for name, value in f1.items()
    )
    yield Figure("event_f1_float32_less_than_cpu", 100 * (f1["cpu"] - f1["gpu"]), "points", 0.5, "at_most", detail)
    yield Figure("event_f1_bf16_less_than_cpu", 100 * (f1["cpu"] - f1["bf16"]), "points", 0.5, "at_most", detail)


def _f1(pipe: Pipeline, scenes: Sequence[Clip]) -> float:
    return Found({s.name: s.events or () for s in scenes}, {s.name: pipe(s).events for s in scenes}).f1()
