"""Row 1: damaged copies of good files through probe and decode: no crash, no hang, nothing lost in silence."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np

from avtext.benchmark.figures import Figure
from avtext.errors import AvtextError, Code
from avtext.media import MediaOptions, MediaReader, Quality
from tests.media.media_files import tone, write
from tests.robustness.trial import DATA, ChildMemory, clip, command, moving, none, rng, tried

LONGEST = 20.0  # seconds
SEEDS: dict[str, Callable[[Path], Path]] = {
    "head.mp4": lambda path: clip(path, options={"movflags": "faststart"}),
    "tail.mp4": clip,
    "fragments.mp4": lambda path: clip(path, options={"movflags": "frag_keyframe+empty_moov"}),
    "a.mkv": clip,
    "b.mkv": lambda path: clip(path, audio_codec="flac"),
    "a.webm": lambda path: clip(path, video_codec="libvpx", audio_codec="libopus"),
    "a.ts": clip,
    "a.avi": lambda path: clip(path, video_codec="mpeg4", audio_codec="libmp3lame"),
    "a.flv": lambda path: clip(path, video_codec="flv"),
    "a.mov": lambda path: clip(path, video_codec="mpeg4", audio_codec="pcm_s16le"),
    "a.wav": lambda path: write(path, sounds=[(0.0, tone(2.0))], audio_codec="pcm_s16le"),
    "a.flac": lambda path: write(path, sounds=[(0.0, tone(2.0))], audio_codec="flac"),
    "a.mp3": lambda path: write(path, sounds=[(0.0, tone(2.0))], audio_codec="libmp3lame"),
    "a.ogg": lambda path: write(path, sounds=[(0.0, tone(2.0))], audio_codec="libopus"),
    "silent.mp4": lambda path: write(path, moving(50)),
}
Mutation = Callable[[bytearray, np.random.Generator], bytes]


def run(full: bool, folder: Path) -> list[Figure]:
    """10,000 mutants and 20 clean files in the full form, a mutant of every seed and the seeds in the short one."""
    random = rng()
    seeds = {name: make(folder / name) for name, make in SEEDS.items()}
    whole = {name: _read(path) for name, path in seeds.items()}
    clean = [*whole.values()] + [_read(path) for path in _real()] * full
    accused = [f"{outcome}" for outcome in clean if not isinstance(outcome, Quality) or outcome.reasons]
    count = 10_000 if full else len(SEEDS)
    signals, hangs, untyped, silent, told = [], [], [], [], 0
    with ChildMemory() as children:
        for number in range(count):
            name = [*seeds][number % len(seeds)]
            kind = [*MUTATIONS][(number + number // len(seeds)) % len(MUTATIONS)]
            path = folder / f"mutant{Path(name).suffix}"
            path.write_bytes(MUTATIONS[kind](bytearray(seeds[name].read_bytes()), random))
            begun = time.monotonic()
            outcome = _read(path)
            slow = full and time.monotonic() - begun > LONGEST  # a busy machine is no fault of the package
            if slow or getattr(outcome, "code", "") == Code.TIMEOUT:
                hangs.append(f"{number} {kind} of {name}: {outcome}")
            if isinstance(outcome, AvtextError) and "crashed" in outcome.message:
                signals.append(f"{number} {kind} of {name}: {outcome}")
            elif isinstance(outcome, Exception) and not isinstance(outcome, AvtextError):
                untyped.append(f"{number} {kind} of {name}: {type(outcome).__name__} {outcome}")
            silent += [f"{number} {kind} of {name}: {what}" for what in _lost(outcome, whole[name])]
            if len(found := [*signals, *hangs, *untyped, *silent]) > told:  # as it happens: a full run takes an hour
                sys.stderr.write(f"{found[-1]}\n")
                told = len(found)
    return [
        tried("row01a", count, 10_000, "mutants"),
        none("row01b_signals", signals, count),
        none("row01c_hangs", hangs, count),
        none("row01d_untyped", untyped, count),
        Figure("row01e_memory", children.peak, "MiB", 500.0, "at_most", f"most of any decoder of {count}"),
        none("row01f_silent_losses", silent, count),
        none("row01g_false_alarms", accused, len(clean)),
    ]


def _read(path: Path) -> Quality | Exception:
    try:
        with MediaReader(path, MediaOptions(window=10.0, overlap=0.0)) as reader:
            for _ in reader:
                pass
            return reader.quality
    except Exception as error:  # whether it is typed is what is judged
        return error


def _real() -> list[Path]:
    """Real recordings, of which five are subtitles or text."""
    return [*islice((path for path in sorted((DATA / "media").iterdir()) if path.suffix not in (".srt", ".txt")), 20)]


def _lost(outcome: Quality | Exception, whole: Quality | Exception) -> list[str]:
    """What a result that claims to be whole lacks, compared with the file it was made from."""
    assert isinstance(whole, Quality)
    if not isinstance(outcome, Quality) or outcome.reasons:
        return []
    frames, seconds = outcome.frames_decoded, outcome.audio_decoded
    lost = [f"{frames} of {whole.frames_decoded} frames"] * (frames < 0.98 * whole.frames_decoded)
    return lost + [f"{seconds:.2f} of {whole.audio_decoded:.2f} s of audio"] * (seconds < 0.95 * whole.audio_decoded)


def _cut(content: bytearray, random: np.random.Generator) -> bytes:
    return bytes(content[: int(random.integers(1, len(content))) | 1])


def _flip(content: bytearray, random: np.random.Generator) -> bytes:
    for position in random.integers(len(content), size=int(random.choice([1, 10, 100]))):
        content[position] ^= 1 << int(random.integers(8))
    return bytes(content)


def _head(content: bytearray, random: np.random.Generator) -> bytes:
    for position in random.integers(min(len(content), 1000), size=3):
        content[position] = int(random.integers(256))
    return bytes(content)


def _zero(content: bytearray, random: np.random.Generator) -> bytes:
    start = int(random.integers(len(content)))
    stop = min(len(content), start + int(random.integers(1, 1 + len(content) // 4)))
    content[start:stop] = bytes(stop - start)
    return bytes(content)


def _splice(content: bytearray, random: np.random.Generator) -> bytes:
    """A piece is put, or put again, where it does not belong."""
    start, stop, place = sorted(random.integers(len(content), size=3))
    return bytes(content[:place] + content[start:stop] + content[place:])


def _lie(content: bytearray, random: np.random.Generator) -> bytes:
    """The length of an MP4 box, or another field of four bytes, becomes something remarkable."""
    boxes = [i for kind in (b"moov", b"trak", b"stsz", b"stco", b"stts", b"mdhd", b"mdat") for i in _all(content, kind)]
    place = int(random.choice(boxes)) - 4 if boxes else int(random.integers(max(1, len(content) - 4)))
    place += int(random.choice([0, 12, 16, 20])) if boxes else 0
    content[place : place + 4] = random.choice([b"\0\0\0\0", b"\0\0\0\1", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"])
    return bytes(content)


def _all(content: bytearray, kind: bytes) -> list[int]:
    return [i for i in range(4, len(content) - 24) if content.startswith(kind, i)] if kind in content else []


MUTATIONS: dict[str, Mutation] = {
    "truncation": _cut,
    "flip": _flip,
    "damaged head": _head,
    "zeros": _zero,
    "splice": _splice,
    "box lie": _lie,
}


if __name__ == "__main__":
    command(run)
