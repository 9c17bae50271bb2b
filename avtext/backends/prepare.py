"""A frozen encoder prepared for a backend, its graph kept on disk for the next time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

from avtext.backends import BACKENDS, backend_module, choose
from avtext.backends.networks import Call, calls_of, example_call, place_of, plain, with_network
from avtext.backends.processor import weight_bits
from avtext.clip import Clip
from avtext.errors import InvalidInput, ModelError, StorageError
from avtext.features.key import canonical, fingerprint
from avtext.storage import temporary_beside

SCHEMA = 2  # raised when the same encoder would get another graph
TOLERANCE = 1e-3  # largest difference to torch in float32, relative to the largest value where that is over 1
MOST_CALLS = 12  # of calibration


def prepare(
    encoder: nn.Module,
    backend: str = "auto",
    calibration: Iterable[Clip] | None = None,
    *,
    folder: Path | None = None,
) -> nn.Module:
    """A copy of a frozen encoder that a backend computes, in as many threads as torch has.

    Args:
        encoder: a Wav2Vec2 or SlowFast encoder on the CPU, in evaluation mode.
        backend: of :data:`avtext.backends.BACKENDS`, or ``"auto"``.
        calibration: clips as those to come, for INT8; None for float32, which differs from torch by at most
            ``TOLERANCE``. INT8 is as near as its cosine says: see
            :func:`avtext.backends.networks.feature_similarity`.
        folder: where graphs are kept; None takes :func:`graph_folder`. In torch there are none.

    Raises:
        InvalidInput: no such backend, or INT8 in torch.
        MissingExtra: the backend is not installed.
        ModelError: an encoder without a network for other backends, or one that a backend computes wrongly.
        ConfigError: no clip of the calibration has what the encoder takes.
        StorageError: the folder cannot be written.

    Example:
        >>> from avtext.encoders.slowfast import SlowFastEncoder
        >>> encoder = SlowFastEncoder(config={"model_depth": 18, "stem_dim_outs": [8, 1]}, clip_frames=8)
        >>> frames, real = torch.zeros(1, 8, 32, 32, 3, dtype=torch.uint8), torch.ones(1, 8, dtype=torch.bool)
        >>> fast = prepare(encoder, "torch")
        >>> torch.allclose(fast(frames, real)[0], encoder(frames, real)[0], atol=1e-4)
        True
    """
    chosen = choose(backend)
    place_of(encoder)
    if chosen == "torch":
        if calibration is not None:
            raise InvalidInput("int8: torch computes in float32 only: choose the backend openvino or onnxruntime")
        return backend_module(chosen).prepared(encoder)
    calls = [] if calibration is None else calls_of(encoder, calibration, MOST_CALLS)
    module = backend_module(chosen)
    path = (folder or graph_folder()) / _key(encoder, chosen, calls) / module.FILE
    if not path.is_file():
        _write(encoder, module, calls, path)
    return with_network(encoder, module.Graph(path))


def graph_folder() -> Path:
    """Where graphs are kept: ``$AVTEXT_CACHE/graphs``, else ``~/.cache/avtext/graphs``."""
    root = os.environ.get("AVTEXT_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "avtext") / "graphs"


def _key(encoder: nn.Module, backend: str, calls: Sequence[Call]) -> str:
    """What a graph depends on, as one hash."""
    versions = {package: version(package) for package in BACKENDS[backend].packages}
    told = [SCHEMA, fingerprint(encoder), backend, versions, torch.__version__]
    told += [weight_bits()] if calls else []
    digest = hashlib.sha256(canonical(told).encode())
    for call in calls:
        for value in call:
            digest.update(value.contiguous().reshape(-1).numpy().data)
    return digest.hexdigest()[:32]


def _write(encoder: nn.Module, module: object, calls: Sequence[Call], path: Path) -> None:
    """Make the graph ``path`` and what lies beside it, whole and checked: what is there is never looked at again."""
    example = calls[0] if calls else example_call(encoder)
    simple = plain(encoder)
    try:
        with temporary_beside(path, folder=True) as temporary:
            new = temporary / path.name
            module.write(simple, example, calls, new)  # type: ignore[attr-defined]
            if not calls:
                _check(simple, module, example, new)
            for file in sorted(temporary.iterdir(), key=new.__eq__):  # the graph comes last: it says that all is there
                file.replace(path.parent / file.name)
    except OSError as error:
        raise StorageError(f"{path.parent}: {error.strerror}: free some space, or set AVTEXT_CACHE") from error


def _check(simple: nn.Module, module: object, example: Call, path: Path) -> None:
    """Refuse a float32 graph that does not compute what torch does."""
    with torch.inference_mode():
        wanted = getattr(simple, place_of(simple).method)(*example)
    got = module.Graph(path)(*example)  # type: ignore[attr-defined]
    difference = float((got - wanted).abs().max() / wanted.abs().max().clamp_min(1.0))
    if not difference <= TOLERANCE:  # also refuses NaN
        kind = type(simple).__name__
        raise ModelError(f"{kind}: the graph differs from torch by {difference:.2g}, allowed {TOLERANCE:g}: use torch")
