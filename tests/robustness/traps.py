"""Row 7: booby-trapped files at every entry point, with watched files and a counting server; malicious models."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from avtext.benchmark.figures import Figure
from avtext.config import read_yaml
from avtext.data.manifest import read_manifest
from avtext.errors import AvtextError
from avtext.features import FeatureKey
from avtext.formats import read_events
from avtext.media import MediaReader, embedded_cues, probe, read_cues
from avtext.pipeline import Pipeline
from tests.robustness.evil_models import try_models
from tests.robustness.trap_files import BINARIES, NAMES, READ, TEXTS
from tests.robustness.trial import ChildMemory, clip, command, cpu_seconds, none, peak_mib, tried
from tests.tiny import talkative

ACCEPTED = "was accepted"
HEADERS_ONLY = (
    "probe",
    "subtitles inside",
)  # these may accept a file whose media is the trap, as long as they look away
_IN_OPEN = 0x20  # linux/inotify.h
Entry = Callable[[str], object]


def run(full: bool, folder: Path) -> list[Figure]:
    """Every trap at every entry point; in the short form each at one of them in turn."""
    secret = clip(folder / "secret.mp4", 1.0)
    place = folder / "traps"
    place.mkdir()
    entries = _entries()
    with watched(secret) as opened, visited() as (url, visits), ChildMemory() as children:
        traps = [*_media(place, str(secret), url), *_others(place, str(secret), url)]
        outcomes = []
        for number, (name, path, kinds) in enumerate(traps):
            for kind in kinds if full else [kinds[number % len(kinds)]]:
                what, seconds, mib = _refused(entries[kind], path)
                harmless = kind in HEADERS_ONLY and what == ACCEPTED
                outcomes.append((f"{name} at {kind}", "" if harmless else what, seconds, mib))
        opens, requests = opened(), visits()
    ran = [path.name for path in folder.rglob("*.ran")]
    taken, models = try_models(folder / "models")
    slow, slowest = max((seconds, name) for name, _, seconds, _ in outcomes)
    grown = max(mib for *_, mib in outcomes)
    bombs = "most that this process grew by, and the peak of any decoder child"
    return [
        tried("row07a", len(traps), 60, "traps"),
        none("row07b_nested_opens", [*opens, *ran], len(outcomes)),
        none("row07c_requests", requests, len(outcomes)),
        none("row07d_not_refused", [f"{name}: {what}" for name, what, *_ in outcomes if what], len(outcomes)),
        Figure("row07e_refusal", slow, "s of CPU", 2.0, "at_most", f"slowest of {len(outcomes)}, {slowest}; with its child"),
        Figure("row07f_memory", max(grown, children.peak), "MiB", 300.0, "at_most", f"{bombs}: {grown:.0f} and {children.peak:.0f}"),
        tried("row07g", models, 20, "models"),
        none("row07h_models_that_ran_or_loaded", taken, models),
    ]  # fmt: skip


def _entries() -> dict[str, Entry]:
    pipe = Pipeline(talkative(), device="cpu")
    return {
        "probe": probe,
        "reader": lambda path: list(MediaReader(path)),
        "file object": _as_file_object,
        "subtitles inside": embedded_cues,
        "pipeline": pipe,
        "cues": read_cues,
        "events": read_events,
        "config": read_yaml,
        "manifest": lambda path: [FeatureKey.of(entry.path, {}) for entry in read_manifest(path)],
    }


def _as_file_object(path: str) -> None:
    with open(path, "rb") as stream:  # noqa: PTH123
        list(MediaReader(stream))


def _media(place: Path, file: str, url: str) -> Iterator[tuple[str, str, list[str]]]:
    everywhere = ["reader", "probe", "file object", "pipeline", "subtitles inside"]
    for name, text in TEXTS.items():
        (place / name).write_text(text.replace("{file}", file).replace("{url}", url), encoding="utf-8")
        yield name, str(place / name), everywhere
    for name, make in BINARIES.items():
        yield name, str(make(place / name, file, url)), everywhere
    for name in NAMES:
        yield name, name.format(file=file, url=url), [entry for entry in everywhere if entry != "file object"]


def _others(place: Path, file: str, url: str) -> Iterator[tuple[str, str, list[str]]]:
    for name, (kind, text) in READ.items():
        (place / name).write_text(
            text.replace("{file}", file).replace("{url}", url).replace("{{", "{").replace("}}", "}")
        )
        yield name, str(place / name), [kind]


def _refused(entry: Entry, path: str) -> tuple[str, float, float]:
    """What happened instead of a refusal, or nothing; CPU seconds; MiB by which this process grew at most."""
    before, resident = cpu_seconds(), _peak_after_reset()
    what = ACCEPTED
    try:
        entry(path)
    except AvtextError:
        what = ""
    except Exception as error:  # the very thing that is looked for
        what = f"{type(error).__name__}: {str(error)[:200]}"
    return what, cpu_seconds() - before, max(0.0, peak_mib() - resident)


def _peak_after_reset() -> float:
    Path("/proc/self/clear_refs").write_text("5")
    return peak_mib()


@contextmanager
def watched(path: Path) -> Iterator[Callable[[], list[str]]]:
    """Gives a function that tells the openings of a file so far, by anybody."""
    libc = ctypes.CDLL(None, use_errno=True)
    queue = libc.inotify_init1(os.O_NONBLOCK)
    libc.inotify_add_watch(queue, os.fsencode(path), _IN_OPEN)

    def openings() -> list[str]:
        try:
            return [f"{path.name} was opened"] * (len(os.read(queue, 1 << 16)) // struct.calcsize("iIII"))
        except BlockingIOError:
            return []

    path.read_bytes()
    assert openings() == [f"{path.name} was opened"], "the watch does not work"
    yield openings
    os.close(queue)


@contextmanager
def visited() -> Iterator[tuple[str, Callable[[], list[str]]]]:
    """A server on this machine: its address, and a function that tells its visitors so far."""
    visitors: list[str] = []

    def serve(server: socket.socket) -> None:
        while True:
            try:
                visitor, _ = server.accept()
            except OSError:
                return
            visitor.settimeout(1.0)
            visitors.append(visitor.recv(200).decode("latin-1").split("\r\n")[0] or "a visit")
            visitor.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        with socket.create_connection(address) as visitor:
            visitor.sendall(b"hello")
            visitor.recv(1)
        assert visitors.pop() == "hello", "the server does not work"
        yield f"http://127.0.0.1:{address[1]}/canary.mp4", lambda: list(visitors)
        time.sleep(0.05)
        server.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    command(run)
