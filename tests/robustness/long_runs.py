"""Row 5: memory of a ten-hour video, and of many files in a row."""

from __future__ import annotations

from pathlib import Path

from avtext.benchmark.figures import Figure
from avtext.pipeline import Pipeline
from tests.media.media_files import grey, write
from tests.robustness.trial import ChildMemory, command, peak_mib, tried
from tests.tiny import talkative, write_wav

HOUR = 3600.0


def run(full: bool, folder: Path) -> list[Figure]:
    """Ten hours and 500 files in the full form; ten minutes and 12 files in the short one."""
    hour, files = (HOUR, 500) if full else (60.0, 12)
    video = _slides(folder / "long.mkv", 10 * hour)
    pipe = Pipeline(talkative(), device="cpu")
    first: list[float] = []

    def hook(step: str, artifact: object = None, *, file: str, total: float | None, completed: float) -> None:
        if not first and completed >= hour:
            first.append(peak_mib())

    with ChildMemory() as children:
        duration = pipe(video, hook=hook).duration
    peak = peak_mib()
    short = write_wav(folder / "a.wav", 2.0)
    grown = []
    for number in range(files):
        pipe(short)
        if number in (files // 10, files - 1):
            grown.append(_resident_mib())
    both = peak + children.peak
    what = "hours" if full else "times a minute"
    return [
        tried("row05a", round(duration / HOUR), 10, "hours"),
        Figure("row05b_memory", both, "MiB", 1536.0, "at_most", f"10 {what}; this process {peak:.0f}, its decoder {children.peak:.0f}"),
        Figure("row05c_growth", peak - first[0], "MiB", 100.0, "at_most", f"from the first of 10 {what} to the last"),
        tried("row05d", files, 500, "files"),
        Figure("row05e_growth_by_files", grown[1] - grown[0], "MiB", 50.0, "at_most", f"from a tenth of {files} files to the last"),
    ]  # fmt: skip


def _slides(path: Path, seconds: float) -> Path:
    """A video of one frame in two seconds, without sound: long in time and quick to make."""
    frames = [(2.0 * number, grey(16 + number % 200, 64)) for number in range(round(seconds / 2))]
    return write(path, frames, video_options={"preset": "ultrafast"})


def _resident_mib() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


if __name__ == "__main__":
    command(run)
