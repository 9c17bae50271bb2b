"""What safety costs: the reader with its child process against plain PyAV loops, by CPU time in turn."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import av
import numpy as np

from avtext.benchmark.figures import Figure, other_load
from avtext.kernels import picture
from avtext.media import MediaOptions, MediaReader
from tests.robustness.trial import DATA, clip, command, cpu_seconds

SIZE, RATE = 64, 8  # pixels of a side and frames a second, as MediaOptions has them
BATCH = 16  # frames whose statistics are computed at a time
REAL = ("pyscenedetect_testvideo.mp4", "torchcodec_nasa_13013.mp4")


def run(full: bool, folder: Path) -> list[Figure]:
    """Nine rounds over two real videos in the full form; one round over one in the short one, not judged."""
    rounds = 9 if full else 1
    tiny = clip(folder / "tiny.mp4", 0.4)
    starts, figures = [], []
    for name in REAL if full else REAL[1:]:
        path, what = DATA / "media" / name, Path(name).stem.split("_")[1]
        turns = []
        for _ in range(rounds):  # the start beside each: how fast the machine is changes with who else is on it
            starts.append(_safe(tiny) - _plain(tiny))
            turns.append((_safe(path) - starts[-1], _plain(path), _plain(path, measured=False)))
        safe, same, bare = (statistics.median(side) for side in zip(*turns, strict=True))
        detail = f"less the start; medians of {rounds} in turn: {safe:.2f} s, plain and without statistics {bare:.2f} s"
        row = f"row10{'bc'[REAL.index(name)]}_decoding_{what}"
        figures += [
            Figure(row, safe / bare, "x", 1.10 if full else None, "at_most", detail),
            Figure(f"decoding_{what}_against_the_same", safe / same, "x", detail=f"plain with statistics {same:.2f} s"),
        ]
    load = f"median of {len(starts)}; {other_load()}"
    start = Figure("row10a_per_file", statistics.median(starts), "s of CPU", 0.3 if full else None, "at_most", load)
    return [start, *figures]


def _safe(path: Path) -> float:
    """CPU seconds of this process and the decoder child."""
    begun = cpu_seconds()
    with MediaReader(path, MediaOptions()) as reader:
        for _ in reader:
            pass
    return cpu_seconds() - begun


def _plain(path: Path, measured: bool = True) -> float:
    """CPU seconds of the same product without limits and account: small RGB frames, 16 kHz mono, statistics if wanted."""
    begun = time.process_time()
    with av.open(str(path)) as container:
        streams = [*container.streams.video[:1], *container.streams.audio[:1]]
        for stream in container.streams.video[:1]:
            stream.thread_type, stream.codec_context.thread_count = "AUTO", 2
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=16_000)
        sounds, pictures, thumbnails, rows, due = [], [], [], [], 0.0
        for packet in container.demux(streams):
            for frame in packet.decode():
                if isinstance(frame, av.AudioFrame):
                    sounds += [part.to_ndarray()[0] for part in resampler.resample(frame)]
                    continue
                if frame.time is not None and frame.time >= due:
                    due += 1 / RATE
                    pictures.append(_small(frame, "AREA"))
                if measured:
                    thumbnails.append(_small(frame, "FAST_BILINEAR"))
                    if len(thumbnails) == BATCH:
                        rows.append(picture.frame_statistics(np.stack(thumbnails), None))
                        thumbnails.clear()
        _ = [np.concatenate(parts) for parts in (sounds, rows, [np.stack(pictures)] if pictures else []) if parts]
    return time.process_time() - begun


def _small(frame: Any, method: str) -> np.ndarray:
    return frame.to_ndarray(width=SIZE, height=SIZE, format="rgb24", interpolation=method)


if __name__ == "__main__":
    command(run)
