"""Row 4: file-size limits, a full disk and a read-only folder: a typed error, the file before intact, the next one works."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from avtext.benchmark.figures import Figure
from avtext.checkpoint import load_tensors, publish_model, read_model
from avtext.clip import Event, Stream
from avtext.detection.spool import Spool
from avtext.errors import Code, StorageError
from avtext.features import load_features, publish_features
from avtext.formats import read_events
from avtext.media import MediaReader
from avtext.pipeline import Result
from avtext.training.log import RunLog
from avtext.training.state import publish_state
from tests.limits import file_size_limit
from tests.robustness.trial import clip, command, none, tried

Writer = Callable[[Path, int], object]  # writes the version of that number into a folder
Reader = Callable[[Path], object]  # reads it, whole or not at all
NOBODY = 65534


def run(full: bool, folder: Path) -> list[Figure]:
    """50 limits for each writer in the full form, 8 in the short one; the other faults once for each."""
    limits = 50 if full else 8
    faults: list[str] = []
    tries = 0
    for name, (write, read) in WRITERS.items():
        place = folder / name
        place.mkdir()
        write(place, 1)
        size = max(path.stat().st_size for path in place.rglob("*") if path.is_file())
        for limit in np.linspace(0, size - 1, limits).astype(int):
            tries += 1
            with file_size_limit(int(limit)):
                faults += [f"{name}, {limit} bytes: {what}" for what in _refused(write, place)]
            faults += [f"{name}, {limit} bytes: {what}" for what in _intact(read, place, 1)]
        write(place, 2)
        faults += [f"{name}, afterwards: {what}" for what in _intact(read, place, 2)]
    faults += _temporary_files()
    faults += _decoding_under_a_limit(folder)
    return [
        tried("row04a", limits, 50, "limits"),
        none("row04b_limits_not_handled", faults, tries),
        _in_full_disk(folder / "tmpfs"),
        none("row04d_read_only_not_handled", _read_only(folder / "read-only"), len(WRITERS)),
    ]


def _tensors(version: int) -> dict[str, torch.Tensor]:
    return {"w": torch.full((999,), float(version))}


def _state(place: Path, version: int) -> None:
    model, average = torch.nn.Linear(9, 99), torch.nn.Linear(9, 99)
    torch.nn.init.constant_(model.weight, float(version))
    publish_state(place, model, average, torch.optim.AdamW(model.parameters()), {"step": version})


def _result(place: Path, version: int) -> None:
    Result("a.mp4", events=(Event(0.0, 1.0, "bell" * 99),) * 9, duration=float(version)).to_json(place / "a.json")


def _csv(place: Path, version: int) -> None:
    Result("a.mp4", events=(Event(0.0, float(version), "bell" * 99),) * 9).to_csv(place / "a.csv")


WRITERS: dict[str, tuple[Writer, Reader]] = {
    "features": (
        lambda place, version: publish_features(place / "a", {"audio": Stream(np.full((99, 9), float(version), np.float32), 50.0)}),
        lambda place: int(load_features(place / "a")["audio"].values[-1, -1]),
    ),
    "state": (_state, lambda place: int(load_tensors(place / "last.safetensors")[0]["model.weight"][-1, -1])),
    "model": (
        lambda place, version: publish_model(place / "m", _tensors(version), {}, "# card\n"),
        lambda place: int(read_model(place / "m")[1]["w"][-1]),
    ),
    "result": (_result, lambda place: int(read_events(place / "a.json").durations["a.mp4"])),
    "table": (_csv, lambda place: int(read_events(place / "a.csv").events["a.mp4"][-1].end)),
}  # fmt: skip


def _refused(write: Writer, place: Path) -> list[str]:
    """What happened instead of a STORAGE error."""
    try:
        write(place, 7)
    except StorageError as error:
        return [] if error.code == Code.STORAGE and "\n" not in str(error) else [f"said {error}"]
    except Exception as error:  # the very thing that is looked for
        return [f"{type(error).__name__}: {error}"]
    return ["was written"]


def _intact(read: Reader, place: Path, version: int) -> list[str]:
    rest = [path.name for path in place.rglob("*.part")]
    found = read(place)
    return [f"left {rest}"] * bool(rest) + [f"holds version {found}, not {version}"] * (found != version)


def _temporary_files() -> list[str]:
    """What is spooled on the way, and the log of a training run."""

    def spooled(place: Path, version: int) -> None:
        with Spool((1000,), np.float32) as spool:
            spool.append(np.zeros((10, 1000), np.float32))

    def logged(place: Path, version: int) -> None:
        with RunLog(place, 0) as log:
            log.write(1, {"loss": 1.0})

    with file_size_limit(5):
        return [f"spool: {what}" for what in _refused(spooled, Path())] + _logged(logged)


def _logged(log: Writer) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        return [f"log: {what}" for what in _refused(log, Path(folder))]


def _decoding_under_a_limit(folder: Path) -> list[str]:
    """Decoding writes nothing, so that a hard limit that it cannot raise does not stop it."""
    video = clip(folder / "a.mp4", 1.0)
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        with MediaReader(video) as reader:
            os._exit(len(list(reader)) != 1)
    return ["decoding: failed under a limit"] * (os.waitpid(child, 0)[1] != 0)


def _in_full_disk(place: Path) -> Figure:
    """Every writer in a file system of memory without a free byte."""
    name, what = "row04c_full_disk_not_handled", "a tmpfs of 256 KiB, filled"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], check=False)
    if mounted.returncode:
        return Figure(name, None, "", 0, "at_most", f"{what}: could not be mounted, which takes root")
    faults = []
    try:
        for kind, (write, read) in WRITERS.items():
            (place / kind).mkdir()
            write(place / kind, 1)
            _fill(place / "filler")
            faults += [f"{kind}: {fault}" for fault in _refused(write, place / kind)]
            faults += [f"{kind}: {fault}" for fault in _intact(read, place / kind, 1)]
            (place / "filler").unlink()
            write(place / kind, 2)
            faults += [f"{kind}, afterwards: {fault}" for fault in _intact(read, place / kind, 2)]
    finally:
        subprocess.run(["umount", str(place)], check=True)
    return Figure(name, len(faults), "", 0, "at_most", f"{what}, {len(WRITERS)} writers; first: {faults[:3]}")


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue


def _read_only(place: Path) -> list[str]:
    """Every writer in a folder that may not be written, as a user who is not root."""
    faults = []
    for kind, (write, read) in WRITERS.items():
        (place / kind).mkdir(parents=True)
        write(place / kind, 1)
        (place / kind).chmod(0o555)
        if _as_nobody(lambda write=write, kind=kind: _refused(write, place / kind)):  # type: ignore[misc]
            faults.append(f"{kind}: was not refused")
        (place / kind).chmod(0o755)
        faults += [f"{kind}: {fault}" for fault in _intact(read, place / kind, 1)]
        write(place / kind, 2)
    return faults


def _as_nobody(faults: Callable[[], list[str]]) -> int:
    """The exit status of a child that is not root: 0 where there are no faults."""
    child = os.fork()
    if not child:
        if os.getuid() == 0:
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        found = faults()
        print("\n".join(found), flush=True)
        os._exit(bool(found))
    return os.waitpid(child, 0)[1]


if __name__ == "__main__":
    command(run)
