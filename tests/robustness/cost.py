"""What safety costs: the reader with its child process against plain PyAV loops, by CPU time in turn.

Both give small frames and sound; that the reader also measures every frame is no part of its safety. The same with
measured frames on both sides stands beside it.
"""

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
            turns.append(
                [side for measured in (False, True) for side in (_safe(path, measured), _plain(path, measured))]
            )
        safe, plain, *with_statistics = (statistics.median(side) for side in zip(*turns, strict=True))
        start = statistics.median(starts[-rounds:])
        detail = f"{safe - start:.3f} s less the start, plain {plain:.3f} s of CPU; medians of {rounds} in turn"
        row = f"row10{'bc'[REAL.index(name)]}_decoding_{what}"
        measured = (with_statistics[0] - start) / with_statistics[1]
        figures += [
            Figure(row, (safe - start) / plain, "x", 1.10 if full else None, "at_most", detail),
            Figure(f"decoding_{what}_and_measuring", measured, "x", detail="both sides measure every frame, too"),
        ]
    load = f"median of {len(starts)}; {other_load()}"
    start = Figure("row10a_per_file", statistics.median(starts), "s of CPU", 0.3 if full else None, "at_most", load)
    return [start, *figures]


def _safe(path: Path, measured: bool = False) -> float:
    """CPU seconds of this process and the decoder child."""
    begun = cpu_seconds()
    with MediaReader(path, MediaOptions(statistics=measured)) as reader:
        for _ in reader:
            pass
    return cpu_seconds() - begun


def _plain(path: Path, measured: bool = False) -> float:
    """CPU seconds of the same product without limits and account: small RGB frames, 16 kHz mono, statistics if wanted."""
    begun = time.process_time()
    with av.open(str(path)) as container:
        video, audio = (container.streams.best(kind) for kind in ("video", "audio"))  # as the reader chooses
        streams = [stream for stream in (video, audio) if stream is not None]
        for stream in [] if video is None else [video]:
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
                    pictures.append(_small(frame, SIZE, "AREA"))
                if measured:
                    thumbnails.append(_small(frame, picture.SIDE, "FAST_BILINEAR"))
                    if len(thumbnails) == BATCH:
                        rows.append(picture.frame_statistics(np.stack(thumbnails), None))
                        thumbnails.clear()
        _ = [np.concatenate(parts) for parts in (sounds, rows, [np.stack(pictures)] if pictures else []) if parts]
    return time.process_time() - begun


def _small(frame: Any, size: int, method: str) -> np.ndarray:
    return frame.to_ndarray(width=size, height=size, format="rgb24", interpolation=method)


if __name__ == "__main__":
    command(run)
