"""What safety costs: the reader with its child process against a plain PyAV loop that makes the same, by CPU time in turn."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import av
import numpy as np

from avtext.benchmark.figures import Figure, other_load
from avtext.media import MediaOptions, MediaReader
from tests.robustness.trial import DATA, clip, command, cpu_seconds

SIZE, RATE = 64, 8  # pixels of a side and frames a second, as MediaOptions has them
REAL = ("pyscenedetect_testvideo.mp4", "torchcodec_nasa_13013.mp4")


def run(full: bool, folder: Path) -> list[Figure]:
    """Five rounds over two real videos in the full form; one round over one in the short one, not judged."""
    rounds = 5 if full else 1
    tiny = clip(folder / "tiny.mp4", 0.4)
    start = statistics.median(_safe(tiny) - _plain(tiny) for _ in range(rounds))
    figures = [
        Figure(
            "row10a_per_file",
            start,
            "s of CPU",
            0.3 if full else None,
            "at_most",
            f"median of {rounds}; {other_load()}",
        )
    ]
    for name in REAL if full else REAL[1:]:
        pairs = [(_safe(DATA / "media" / name) - start, _plain(DATA / "media" / name)) for _ in range(rounds)]
        ratio = statistics.median(safe / plain for safe, plain in pairs)
        row = f"row10{'bc'[REAL.index(name)]}_decoding_{Path(name).stem.split('_')[1]}"
        detail = (
            f"less the start; median of {rounds} pairs in turn; plain {statistics.median(p for _, p in pairs):.2f} s"
        )
        figures.append(Figure(row, ratio, "x", 1.10 if full else None, "at_most", detail))
    return figures


def _safe(path: Path) -> float:
    """CPU seconds of this process and the decoder child."""
    begun = cpu_seconds()
    with MediaReader(path, MediaOptions()) as reader:
        for _ in reader:
            pass
    return cpu_seconds() - begun


def _plain(path: Path) -> float:
    """CPU seconds of the same product without the account and the statistics: small RGB frames and 16 kHz mono."""
    begun = time.process_time()
    with av.open(str(path)) as container:
        streams = [*container.streams.video[:1], *container.streams.audio[:1]]
        for stream in container.streams.video[:1]:
            stream.thread_type, stream.codec_context.thread_count = "AUTO", 2
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=16_000)
        sounds, pictures, due = [], [], 0.0
        for packet in container.demux(streams):
            for frame in packet.decode():
                if isinstance(frame, av.AudioFrame):
                    sounds += [part.to_ndarray()[0] for part in resampler.resample(frame)]
                elif frame.time is not None and frame.time >= due:
                    due += 1 / RATE
                    pictures.append(frame.to_ndarray(width=SIZE, height=SIZE, format="rgb24", interpolation="AREA"))
        _ = np.stack(pictures) if pictures else None, np.concatenate(sounds) if sounds else None
    return time.process_time() - begun


if __name__ == "__main__":
    command(run)
