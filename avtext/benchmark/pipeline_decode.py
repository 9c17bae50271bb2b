"""Decoding to tensors against decoding alone and against the peers, on generated videos, in this process."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from avtext.benchmark.figures import Figure
from avtext.benchmark.pipeline_limits import PipelineSizes, row
from avtext.benchmark.timing import Turns, take_turns
from avtext.media import Limits, MediaOptions

RATES = {8: "row05a", 15: "row05b", 30: "row05c"}
PEER_ROWS = {8: "row06a", 15: "row06b", 30: "row06c"}
SIZE = 64  # pixels of a side of the frames that come out
THREADS = 2  # of the decoder, ours and theirs


def measure(video: Path, small: Path, sizes: PipelineSizes) -> Iterator[Figure]:
    """Rows 5 and 6 on the large video, and both times on the small one for information."""
    for rate, name in RATES.items():
        turns = take_turns(partial(decode_to_tensors, video, rate), partial(decode_only, video), sizes.rounds)
        detail = turns.describe("decoding sound and picture alone", f"to tensors at {rate} fps")
        yield row(f"{name}_decode_{rate}_fps_against_decode_only", 1 / turns.speedup, f"{_what(sizes)}; {detail}")
    yield from _against_peers(video, sizes)
    turns = take_turns(lambda: decode_to_tensors(small, 8), lambda: decode_only(small), sizes.rounds)
    detail = turns.describe("decoding alone", f"{sizes.small} lines to tensors at 8 fps")
    yield Figure("decode_8_fps_small_against_decode_only", 1 / turns.speedup, "x the time", detail=detail)


def _what(sizes: PipelineSizes) -> str:
    return f"{sizes.short} s of {sizes.height}p30 H.264, {THREADS} decoder threads"


def decode_to_tensors(video: Path, rate: float, sound: bool = True) -> int:
    """Bytes of all tensors of a video as the pipeline reads it: frames, statistics of every frame, sound."""
    from avtext.media.container import opened
    from avtext.media.decoding import Decoding

    count = 0

    def receive(message: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        nonlocal count
        count += sum(array.nbytes for array in arrays.values())

    options, limits = MediaOptions(frame_rate=float(rate), frame_size=SIZE, audio=sound), Limits()
    with opened(str(video), video.name, options, limits) as source:
        Decoding(source, options, limits, receive).run()
    return count


def decode_only(video: Path) -> int:
    """Frames of sound and picture that plain PyAV decodes; nothing is done with them."""
    import av

    with av.open(str(video)) as container:
        picture = container.streams.video[0]
        picture.thread_type, picture.codec_context.thread_count = "AUTO", THREADS
        return sum(1 for _ in container.decode(picture, *container.streams.audio[:1]))


def _against_peers(video: Path, sizes: PipelineSizes) -> Iterator[Figure]:
    """Ours without sound, which the peers do not decode, in turn with each peer that is installed."""
    for rate, name in PEER_ROWS.items():
        found: dict[str, Turns] = {}
        for peer, read in PEERS.items():
            measured = _turns(read, video, rate, sizes.rounds)
            if isinstance(measured, str):
                yield Figure(f"decode_{rate}_fps_{peer}", None, "s", detail=measured)
                continue
            found[peer] = measured
            detail = measured.describe(peer, "ours, without sound")
            yield Figure(f"decode_{rate}_fps_{peer}", measured.theirs.wall, "s", detail=detail)
        title = f"{name}_decode_{rate}_fps_against_fastest_peer"
        if not found:
            yield row(title, None, "no peer is installed: pip install opencv-python-headless decord torchcodec")
            continue
        best = min(found, key=lambda peer: found[peer].theirs.wall)
        yield row(
            title, 1 / found[best].speedup, f"{_what(sizes)}; {found[best].describe(best, 'ours, without sound')}"
        )


def _turns(read: Callable[[Path, int], int], video: Path, rate: int, rounds: int) -> Turns | str:
    """Both times, or why the peer could not be timed."""
    try:
        return take_turns(lambda: decode_to_tensors(video, rate, sound=False), lambda: read(video, rate), rounds)
    except (ImportError, OSError, RuntimeError) as error:
        return f"not measured: {type(error).__name__}: {' '.join(str(error).split())[:120]}"


def _wanted(count: int, fps: float, rate: int) -> list[int]:
    """The frame on show at the centre of each step."""
    steps = np.arange(int(count / fps * rate))
    return ((steps + 0.5) / rate * fps).astype(int).clip(max=count - 1).tolist()


def with_opencv(video: Path, rate: int) -> int:
    """Frames that OpenCV gives at a rate: those between are decoded and not converted."""
    cv2 = importlib.import_module("cv2")
    capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, THREADS])
    wanted = set(_wanted(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), capture.get(cv2.CAP_PROP_FPS), rate))
    number = taken = 0
    while capture.grab():
        if number in wanted:
            picture = cv2.resize(capture.retrieve()[1], (SIZE, SIZE), interpolation=cv2.INTER_AREA)
            taken += len(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)) > 0
        number += 1
    capture.release()
    return taken


def with_decord(video: Path, rate: int) -> int:
    """Frames that decord gives at a rate."""
    decord = importlib.import_module("decord")
    reader = decord.VideoReader(str(video), width=SIZE, height=SIZE, num_threads=THREADS)
    wanted = _wanted(len(reader), reader.get_avg_fps(), rate)
    return sum(len(reader.get_batch(wanted[k : k + 64]).asnumpy()) for k in range(0, len(wanted), 64))


def with_torchcodec(video: Path, rate: int) -> int:
    """Frames that torchcodec gives at a rate, resized by its decoder."""
    decoders, transforms = (importlib.import_module(f"torchcodec.{name}") for name in ("decoders", "transforms"))
    decoder = decoders.VideoDecoder(
        str(video),
        num_ffmpeg_threads=THREADS,
        seek_mode="approximate",
        transforms=[transforms.Resize((SIZE, SIZE))],
    )
    wanted = _wanted(decoder.metadata.num_frames, decoder.metadata.average_fps, rate)
    return sum(len(decoder.get_frames_at(indices=wanted[k : k + 64]).data) for k in range(0, len(wanted), 64))


PEERS: dict[str, Callable[[Path, int], int]] = {
    "opencv": with_opencv,
    "decord": with_decord,
    "torchcodec": with_torchcodec,
}
