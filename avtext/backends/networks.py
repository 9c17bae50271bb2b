"""Where the network of an encoder is, what goes into it, and how another computation takes its place."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from avtext.clip import AUDIO_RATE, Clip
from avtext.encoders.folding import folded
from avtext.encoders.slowfast import SlowFastEncoder
from avtext.encoders.wav2vec2 import Wav2Vec2Encoder
from avtext.errors import ConfigError, ModelError

Call = tuple[Tensor, ...]  # the arguments of one call of a network
Network = Callable[..., Tensor]


class Place(NamedTuple):
    """Where a network is.

    Attributes:
        method: of the encoder.
        inputs: names of its arguments; of some models only the first come.
        stream: of a clip that the encoder reads.
        axes: of the first argument that change, as :class:`avtext.backends.onnx_export.Part` names them.
    """

    method: str
    inputs: tuple[str, ...]
    stream: str
    axes: Mapping[int, str]


PLACES: dict[type[nn.Module], Place] = {
    Wav2Vec2Encoder: Place("hidden", ("samples", "gain", "shift"), "audio", {0: "windows", 1: "time?"}),
    SlowFastEncoder: Place("dense", ("frames",), "video", {0: "clips"}),
}


def has_network(encoder: nn.Module) -> bool:
    """Whether another backend can compute this encoder."""
    return isinstance(encoder, tuple(PLACES))


def place_of(encoder: nn.Module) -> Place:
    """Where an encoder's network is.

    Raises:
        ModelError: it has none.
    """
    for kind, place in PLACES.items():
        if isinstance(encoder, kind):
            return place
    known = ", ".join(kind.__name__ for kind in PLACES)
    raise ModelError(
        f"{type(encoder).__name__}: has no network for another backend; those that have: {known}", stage="export"
    )


class NetworkModule(nn.Module):
    """The network of an encoder as a module."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.method = encoder, place_of(encoder).method

    def forward(self, *values: Tensor) -> Tensor:
        """What the method gives."""
        return getattr(self.encoder, self.method)(*values)


def with_network(encoder: nn.Module, network: Network) -> nn.Module:
    """A copy of an encoder, sharing its weights, whose network is ``network``."""
    fast = copy.copy(encoder)
    fast.__dict__[place_of(encoder).method] = network
    return fast


def plain(encoder: nn.Module) -> nn.Module:
    """A copy without batch normalisation and without weights that are computed from others at every call."""
    simple = folded(encoder)
    for module in simple.modules():
        for name, part in module.named_children():
            if isinstance(part, nn.Conv1d) and is_parametrized(part, "weight"):
                setattr(module, name, with_weight(part))
    return simple


def with_weight(conv: nn.Conv1d) -> nn.Conv1d:
    """The convolution anew: removing what computes its weight would change the class, which copies share."""
    shape = (conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, conv.dilation)
    fresh = nn.Conv1d(*shape, groups=conv.groups, bias=conv.bias is not None)  # type: ignore[arg-type]
    fresh.weight = nn.Parameter(conv.weight.detach().clone())
    fresh.bias = None if conv.bias is None else nn.Parameter(conv.bias.detach().clone())
    return fresh.eval()


def example_call(encoder: nn.Module) -> Call:
    """Arguments of the network for a second of noise, or for a clip of it."""
    generator = torch.Generator().manual_seed(0)
    if place_of(encoder).stream == "audio":
        values = torch.randn(1, AUDIO_RATE, generator=generator)
    else:
        size = int(encoder.frame_size)  # type: ignore[arg-type]
        values = torch.randint(0, 256, (1, 32, size, size, 3), generator=generator, dtype=torch.uint8)
    return _calls(encoder, [(values, torch.ones(values.shape[:2], dtype=torch.bool))], most=1)[0]


def calls_of(encoder: nn.Module, clips: Iterable[Clip], most: int) -> list[Call]:
    """Arguments of the network when clips are encoded, at most so many.

    Raises:
        ConfigError: no clip has the stream that the encoder reads.
    """
    name = place_of(encoder).stream
    streams = (stream for clip in clips if (stream := getattr(clip, name)) is not None and stream.real.any())
    calls = _calls(encoder, ((torch.tensor(s.values)[None], torch.tensor(s.real)[None]) for s in streams), most)
    if not calls:
        raise ConfigError(f"calibration: no clip has {name}, which {type(encoder).__name__} takes: add some that have")
    return calls


class _Enough(Exception):  # noqa: N818  (no error: nothing more needs to be computed)
    """As many calls as wanted were heard."""


def _calls(encoder: nn.Module, inputs: Iterable[tuple[Tensor, Tensor]], most: int) -> list[Call]:
    """Calls that encoding the inputs makes; the networks themselves are not computed."""
    method, size = place_of(encoder).method, int(encoder.size)  # type: ignore[arg-type]
    calls: list[Call] = []

    def listening(*values: Tensor) -> Tensor:
        calls.append(tuple(value.clone() for value in values))
        if len(calls) == most:
            raise _Enough
        return torch.zeros(1, 1, size).expand(len(values[0]), 1 << 16, size)

    with torch.inference_mode(), _replaced(encoder, method, listening):
        try:
            for pair in inputs:
                encoder(*pair)
        except _Enough:
            pass
    return calls


@contextmanager
def _replaced(encoder: nn.Module, method: str, network: Network) -> Iterator[None]:
    encoder.__dict__[method] = network
    try:
        yield
    finally:
        del encoder.__dict__[method]


def feature_similarity(got: Sequence[Tensor], wanted: Sequence[Tensor]) -> float:
    """Mean cosine between features of the same step, each channel's mean taken away first: (1, T, size) each."""
    ours, theirs = (torch.cat([x.flatten(0, -2) for x in side]).double() for side in (got, wanted))
    centre = theirs.mean(0)
    return float(torch.nn.functional.cosine_similarity(ours - centre, theirs - centre, dim=-1).mean())
