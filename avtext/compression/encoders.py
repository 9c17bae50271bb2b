"""The teacher's encoders in ONNX and INT8: the network of each, what surrounds it stays as it is.

Wav2Vec2's windows and SlowFast's clips are cut in Python; what costs is one network, ``hidden`` and ``dense``. That
becomes a graph, which takes the method's place.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from avtext.clip import Clip
from avtext.compression.export import export_part
from avtext.compression.folding import folded
from avtext.compression.parts import Part
from avtext.compression.quantization import quantize_graph
from avtext.encoders.slowfast import SlowFastEncoder
from avtext.encoders.wav2vec2 import Wav2Vec2Encoder
from avtext.errors import ConfigError, ModelError
from avtext.runtime.network import open_session

INPUTS = {Wav2Vec2Encoder: ("hidden", ("samples", "gain", "shift")), SlowFastEncoder: ("dense", ("frames",))}
STREAM = {Wav2Vec2Encoder: "audio", SlowFastEncoder: "video"}
AXES = {Wav2Vec2Encoder: {0: "windows", 1: "time?"}, SlowFastEncoder: {0: "clips"}}


class EncoderGraphs(NamedTuple):
    """Where the two graphs of an encoder are, and how alike INT8's features are to float32's."""

    float32: Path
    int8: Path
    similarity: float


class _Network(nn.Module):
    """One method of an encoder as a module."""

    def __init__(self, encoder: nn.Module, method: str) -> None:
        super().__init__()
        self.encoder, self.method = encoder, method

    def forward(self, *values: Tensor) -> Tensor:
        return getattr(self.encoder, self.method)(*values)


def compress_encoder(encoder: nn.Module, clips: Iterable[Clip], folder: str | Path) -> EncoderGraphs:
    """An encoder's network as ``float32.onnx`` and, calibrated on clips, ``int8.onnx``.

    Args:
        encoder: a :class:`Wav2Vec2Encoder` or :class:`SlowFastEncoder`.
        clips: with the stream that it takes.
        folder: made if it is not there.

    Raises:
        ModelError: another encoder, or what :func:`avtext.compression.export.export_part` says.
        ConfigError: no clip has the stream.
        MissingExtra: onnx, onnxscript or onnxruntime is not installed.
    """
    kind = _kind(encoder)
    method, names = INPUTS[kind]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    streams = [stream for clip in clips if (stream := getattr(clip, STREAM[kind])) is not None]
    if not streams:
        raise ConfigError(f"calibration: no clip has {STREAM[kind]}, which {kind.__name__} takes")
    inputs = [(torch.tensor(s.values)[None], torch.tensor(s.real)[None]) for s in streams]
    encoder = _plain(encoder)
    with torch.inference_mode(), _overheard(encoder, method) as heard:
        wanted = [encoder(*pair)[0] for pair in inputs]
    feeds = [dict(zip(names, (x.numpy() for x in call), strict=False)) for call in heard]
    example = tuple(torch.cat([x, x]) for x in heard[0])
    axes = ({**AXES[kind]}, *({0: "windows"} for _ in example[1:]))
    part = Part(_Network(encoder, method), example, names[: len(example)], ("features",), axes)
    export_part(kind.__name__, part, folder / "float32.onnx")
    quantize_graph(folder / "float32.onnx", feeds, folder / "int8.onnx")
    with torch.inference_mode():
        fast = run_in_onnx(encoder, folder / "int8.onnx")
        got = [fast(*pair)[0] for pair in inputs]
    return EncoderGraphs(folder / "float32.onnx", folder / "int8.onnx", feature_similarity(got, wanted))


def run_in_onnx(encoder: nn.Module, graph: str | Path, threads: int | None = None) -> nn.Module:
    """A copy of an encoder whose network runs in ONNX Runtime; it is called as the encoder itself."""
    session = open_session(Path(graph), threads)
    names = [node.name for node in session.get_inputs()]

    def network(*values: Tensor) -> Tensor:
        feed = {name: value.numpy() for name, value in zip(names, values, strict=True)}
        return torch.from_numpy(session.run(None, feed)[0])

    fast = copy.copy(encoder)
    fast.__dict__[INPUTS[_kind(encoder)][0]] = network
    return fast


def feature_similarity(got: Sequence[Tensor], wanted: Sequence[Tensor]) -> float:
    """Mean cosine between features of the same step, each channel's mean taken away first: (1, T, size) each."""
    ours, theirs = (torch.cat([x.flatten(0, -2) for x in side]).double() for side in (got, wanted))
    centre = theirs.mean(0)
    return float(torch.nn.functional.cosine_similarity(ours - centre, theirs - centre, dim=-1).mean())


def _kind(encoder: nn.Module) -> Any:
    for kind in INPUTS:
        if isinstance(encoder, kind):
            return kind
    known = ", ".join(kind.__name__ for kind in INPUTS)
    raise ModelError(f"{type(encoder).__name__}: has no network to compress; those that have: {known}", stage="export")


def _plain(encoder: nn.Module) -> nn.Module:
    """A copy without batch normalisation and without weights that are computed from others at every call."""
    plain = folded(encoder)
    for module in plain.modules():
        for name, part in module.named_children():
            if isinstance(part, nn.Conv1d) and is_parametrized(part, "weight"):
                setattr(module, name, _with_weight(part))
    return plain


def _with_weight(conv: nn.Conv1d) -> nn.Conv1d:
    """The convolution anew: removing what computes its weight would change the class, which copies share."""
    shape = (conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, conv.dilation)
    fresh = nn.Conv1d(*shape, groups=conv.groups, bias=conv.bias is not None)  # type: ignore[arg-type]
    fresh.weight = nn.Parameter(conv.weight.detach().clone())
    fresh.bias = None if conv.bias is None else nn.Parameter(conv.bias.detach().clone())
    return fresh.eval()


@contextmanager
def _overheard(encoder: nn.Module, method: str) -> Iterator[list[tuple[Tensor, ...]]]:
    """The arguments of every call of a method meanwhile."""
    calls: list[tuple[Tensor, ...]] = []
    plain: Callable[..., Tensor] = getattr(encoder, method)

    def listening(*values: Tensor) -> Tensor:
        calls.append(tuple(value.clone() for value in values))
        return plain(*values)

    encoder.__dict__[method] = listening
    try:
        yield calls
    finally:
        del encoder.__dict__[method]
