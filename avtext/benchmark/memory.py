"""What detecting costs: the demo in a fresh process, and memory against length, each in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from avtext.benchmark.figures import Figure, other_load
from avtext.benchmark.pipeline_child import spent
from avtext.errors import AvtextError

RATE = 25
COLD = """
import sys
place = sys.argv.pop(1)
from avtext.cli import main
try:
    main()
finally:
    from avtext.benchmark.timing import resident
    with open(place, "w") as file:
        file.write(str(resident()))
"""
DEMO = Path(__file__).resolve().parents[2] / "assets" / "demo.mp4"


def run(data: Path) -> list[Figure]:
    """Time and peak memory of the demo, cold; peak memory of 1 minute and of 60 minutes of made video."""
    with tempfile.TemporaryDirectory() as folder:
        return [*cold(DEMO, Path(folder)), *_hour(Path(folder))]


def cold(video: Path, folder: Path) -> list[Figure]:
    """``avtext detect`` in a new process whose kernels no earlier run has compiled.

    Args:
        video: what is analysed.
        folder: an empty one, for the result and for the kernels.
    """
    peak, words = folder / "peak.txt", ["detect", str(video), "-o", str(folder)]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
    mark = time.perf_counter()
    child = subprocess.run(
        [sys.executable, "-c", COLD, str(peak), *words], capture_output=True, text=True, check=False, env=environment
    )
    seconds = time.perf_counter() - mark
    if child.returncode:
        said = child.stdout + child.stderr
        raise AvtextError(f"avtext {' '.join(words)}: exit code {child.returncode}: {said}")
    detail = f"avtext detect {video.name}, a new process, no kernel compiled before; {other_load()}"
    held = f"peak resident memory of the process that finds events, without that of its decoder child; {detail}"
    return [
        Figure("demo_cold_seconds", seconds, "s", 20.0, "at_most", detail),
        Figure("demo_peak_memory", float(peak.read_text()), "MiB", 2048.0, "at_most", held),
    ]


def _hour(folder: Path) -> list[Figure]:
    minute, hour = (spent(detection, str(make_noise(folder / f"{m}.mp4", 60 * m))) for m in (1, 60))
    detail = (
        f"peak resident memory of the process that finds events (its decoder child keeps a window, whatever the "
        f"length): 1 minute {minute.peak:.0f} MiB in {minute.time.wall:.1f} s, 60 minutes {hour.peak:.0f} MiB "
        f"in {hour.time.wall:.0f} s; {other_load()}"
    )
    return [
        Figure("hour_minus_minute", hour.peak - minute.peak, "MiB", 200.0, "at_most", detail),
        Figure("hour_speed", 3600 / hour.time.wall, "x real time", detail=detail),
    ]


def detection(video: str) -> Callable[[], object]:
    """What loads the default model and finds events in a video."""
    from avtext.pipeline import Pipeline

    return lambda: Pipeline.from_pretrained()(video)


def make_noise(path: Path, seconds: int) -> Path:
    """A video of moving noise with a tone, 160 x 120 at 25 frames a second, written in a stream."""
    import av

    rng = np.random.default_rng(0)
    scenes = rng.integers(0, 256, (50, 120, 160, 3), dtype=np.uint8)
    tone = (0.1 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)).astype(np.float32)
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=RATE)
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        audio = container.add_stream("aac", rate=16000, layout="mono")
        for second in range(seconds):
            for k in range(RATE):
                frame = av.VideoFrame.from_ndarray(scenes[(second * 3 + k // 5) % 50], format="rgb24")
                frame.pts, frame.time_base = second * RATE + k, Fraction(1, RATE)
                container.mux(video.encode(frame))
            sound = av.AudioFrame.from_ndarray(tone[None] * (second % 3), format="fltp", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = 16000, second * 16000, Fraction(1, 16000)
            container.mux(audio.encode(sound))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path
