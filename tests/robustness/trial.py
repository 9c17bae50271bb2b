"""What every robustness script shares: its command line, its figures, its exit code, and made media to start from.

A script's ``run(full, folder)`` gives figures; its short form runs under pytest, its full form by hand::

    python -m tests.robustness.zoo --full --json docs/results/robustness_media.json
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import numpy as np

from avtext.benchmark.figures import Figure, publish_figures, read_figures, table
from tests.media.media_files import Frames, grey, tone, write

SUITE = "robustness_media"
ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("AVTEXT_DATA", ROOT / ".." / "shared" / "data")).resolve()
Run = Callable[[bool, Path], list[Figure]]


def command(run: Run) -> None:
    """Run a script's trial, print and merge its figures; the exit code is 1 where one misses its limit."""
    parser = argparse.ArgumentParser(description=sys.modules[run.__module__].__doc__)
    parser.add_argument("--full", action="store_true", help="the full form, with the counts of the issue")
    parser.add_argument("--json", type=Path, help="where to merge the figures into")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="avtext-robustness-") as folder:
        figures = run(options.full, Path(folder))
    print(table([figure.to_dict() for figure in figures]))
    for figure in figures:
        print(f"{figure.name}: {figure.detail}")
    if options.json is not None:
        merge(options.json, figures)
    sys.exit(bool(missed(figures, options.full)))


def merge(path: Path, figures: Sequence[Figure]) -> None:
    """Put figures into the suite's file; those of other scripts stay."""
    kept = {} if not path.exists() else {entry["name"]: entry for entry in read_figures(path)["figures"]}
    known = {name: Figure(**{k: v for k, v in entry.items() if k != "met"}) for name, entry in kept.items()}
    known |= {figure.name: figure for figure in figures}
    publish_figures(path, SUITE, [known[name] for name in sorted(known)])


def tried(row: str, count: int, wanted: int, what: str) -> Figure:
    """How many tries a row had; the short form has fewer than the issue asks for, which is no failure of it."""
    return Figure(f"{row}_tried", count, what, wanted, "at_least", "as many as this run tried")


def none(row: str, found: Sequence[object], tries: int) -> Figure:
    """A count that must be 0, with the first of what was found."""
    detail = f"of {tries}" + (f"; first: {'; '.join(map(str, found[:5]))}" if found else "")
    return Figure(row, len(found), "", 0, "at_most", detail)


def missed(figures: Sequence[Figure], full: bool) -> list[Figure]:
    """Figures beyond their limits; the number of tries counts in the full form only."""
    return [figure for figure in figures if figure.met is False and (full or not _is_for_the_full_form(figure))]


def _is_for_the_full_form(figure: Figure) -> bool:
    """Counts of tries, and times: a busy machine is no fault of the package."""
    return figure.name.endswith("_tried") or figure.unit in ("s", "s of CPU")


class ChildMemory:
    """Watches the memory of this process's children, and theirs, while it is entered.

    What the operating system tells of a child that has ended counts its parent's memory, too, which it shared until it
    became another program; so they are looked at a hundred times a second while they live and have words of their own.
    """

    def __init__(self) -> None:
        self.peak = 0.0  # MiB of resident memory that any one child had
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.01):
            for pid in descendants(os.getpid()):
                if _words(pid) not in (_words("self"), b""):  # first this, then its memory
                    self.peak = max(self.peak, peak_mib(pid))


def _words(pid: int | str) -> bytes:
    """The command line of a process; nothing where it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def descendants(pid: int) -> list[int]:
    """Children of a process, and theirs."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *descendants(child)]
    return found


def peak_mib(pid: int | str = "self") -> float:
    """The most resident memory that a process had so far; 0 where it is gone."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)
    return 0.0


def cpu_seconds() -> float:
    """Processor time of this process and its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def moving(count: int, fps: float = 25.0, size: int = 64, start: float = 0.0) -> Frames:
    """Frames in which a bright bar wanders, so that every frame differs from its neighbours."""
    frames: Frames = []
    for k in range(count):
        picture = grey(60, size)
        picture[:, (5 * k) % size : (5 * k) % size + size // 8] = 60 + (37 * k) % 190
        frames.append((start + k / fps, picture))
    return frames


def clip(path: Path, seconds: float = 2.0, start: float = 0.0, **how: object) -> Path:
    """A short video with sound; ``how`` as for :func:`tests.media.media_files.write`."""
    rate = int(how.get("rate", 48_000))  # type: ignore[call-overload]
    sounds = [(start, tone(seconds, rate))]
    return write(path, moving(round(seconds * 25), start=start), sounds, **how)  # type: ignore[arg-type]


def flip(content: bytes, position: int, bit: int) -> bytes:
    """``content`` with one bit changed."""
    changed = bytearray(content)
    changed[position] ^= 1 << bit
    return bytes(changed)


def rng(seed: int = 0) -> np.random.Generator:
    """Random choices that are the same each time."""
    return np.random.default_rng(seed)
