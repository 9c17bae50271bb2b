"""The teacher's encoders alone in every backend that is installed: how fast, and how alike their features are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from avtext.backends import BACKENDS, choose
from avtext.benchmark.figures import Figure
from avtext.benchmark.pipeline_limits import PipelineSizes
from avtext.benchmark.timing import take_turns
from avtext.errors import AvtextError, MissingExtra

WINDOW = 10.0  # seconds of sound, or of picture, of which a clip of 32 frames is taken
INT8_LIMITS = {"slowfast": ("a", "c", 5.0), "wav2vec2": ("b", "d", 2.5)}  # places in the ladder's row 5, times as fast
LEAST_COSINE = 0.99
STREAMS = {"wav2vec2": "audio", "slowfast": "video"}
SKIPPED = {"onnxruntime": "at this size its export takes minutes, and its calibration all activations in memory"}


def measure(video: Path, calibration: Path, sizes: PipelineSizes) -> Iterator[Figure]:
    """Each encoder's speed against torch as it is, in float32 and INT8, and the cosine of its features.

    Args:
        video: what is encoded.
        calibration: another video, for INT8.
        sizes: rounds, and the encoders' settings.
    """
    for name, config in (("slowfast", sizes.video), ("wav2vec2", sizes.audio)):
        found = {figure.name: figure for figure in _encoder(name, config, video, calibration, sizes.rounds)}
        yield from _best_int8(name, found)
        yield from found.values()


def _best_int8(name: str, found: Mapping[str, Figure]) -> Iterator[Figure]:
    """The fastest backend that was measured in INT8 against its limits."""
    speeds = {title: figure.value for title, figure in found.items() if title.endswith("_int8_against_torch")}
    best = max(speeds, key=lambda title: speeds[title] or 0.0)
    speed, alike = found[best], found.get(best.replace("_against_torch", "_cosine"))
    place, other, least = INT8_LIMITS[name]
    detail = f"{best.removesuffix('_int8_against_torch')}, the fastest that was measured: {speed.detail}"
    yield Figure(f"ladder_row05{place}_{name}_int8_against_torch", speed.value, "x as fast", least, "at_least", detail)
    cosine = None if alike is None else alike.value
    yield Figure(f"ladder_row05{other}_{name}_int8_cosine", cosine, "", LEAST_COSINE, "at_least", _about_bits())


def _about_bits() -> str:
    from avtext.backends.processor import weight_bits

    return f"of features to torch's, each channel's mean taken away; weights of {weight_bits()} bits; random weights"


def _encoder(name: str, config: Mapping[str, Any], video: Path, calibration: Path, rounds: int) -> Iterator[Figure]:
    import torch

    from avtext.encoders import build_encoder

    torch.manual_seed(0)
    encoder = build_encoder(name, {"config": dict(config)} if config else {}).requires_grad_(False)
    pairs = [_arguments(clip, name) for clip in _windows(video, name, encoder)]
    for backend in BACKENDS:
        for precision in ("float32", "int8"):
            if (backend, precision) != ("torch", "int8"):
                title = f"{name}_{backend}_{precision}"
                yield from _compared(title, encoder, backend, precision, pairs, calibration, rounds)


def _compared(
    title: str, encoder: Any, backend: str, precision: str, pairs: list[Any], calibration: Path, rounds: int
) -> Iterator[Figure]:
    import torch

    from avtext.backends.networks import feature_similarity
    from avtext.backends.prepare import prepare
    from avtext.pipeline.acceleration import calibration_windows

    name = title.partition("_")[0]
    try:
        choose(backend)
        if backend in SKIPPED:
            raise MissingExtra(SKIPPED[backend])
        clips = calibration_windows([calibration], {STREAMS[name]: encoder}) if precision == "int8" else None
        fast = prepare(encoder, backend, clips)
    except AvtextError as error:
        yield Figure(f"{title}_against_torch", None, "x as fast", detail=f"not measured: {error}")
        return
    with torch.inference_mode():
        turns = take_turns(lambda: fast(*pairs[0]), lambda: encoder(*pairs[0]), rounds)
        cosine = feature_similarity([fast(*pair)[0] for pair in pairs], [encoder(*pair)[0] for pair in pairs])
    detail = f"{tuple(pairs[0][0].shape)}, random weights; {turns.describe('torch as it is', title)}"
    yield Figure(f"{title}_against_torch", turns.speedup, "x as fast", detail=detail)
    yield Figure(f"{title}_cosine", cosine, "", detail="of features to torch's, each channel's mean taken away")


def _windows(video: Path, name: str, encoder: Any) -> Iterator[Any]:
    """The first windows of a video as an encoder takes them."""
    from avtext.features import reading_for
    from avtext.media import MediaReader

    with MediaReader(video, reading_for({STREAMS[name]: encoder}, window=WINDOW, overlap=0.0)) as reader:
        yield from islice(reader, 3)


def _arguments(clip: Any, name: str) -> tuple[Any, Any]:
    """Ten seconds of sound, or one clip of frames, as tensors."""
    import torch

    stream = getattr(clip, STREAMS[name])
    last = len(stream) if name == "wav2vec2" else 32
    return torch.tensor(stream.values[:last])[None], torch.tensor(stream.real[:last])[None]
