"""Row 9: a folder of good and bad files, analysed by several workers of which one is killed, and what is resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import torch

from avtext.benchmark.figures import Figure
from avtext.pipeline import Failure, Pipeline, Result
from tests.robustness.trial import command, descendants, none, rng, tried
from tests.tiny import save_talkative, write_video, write_wav

WORKER = b"avtext.detection.workers"


def run(full: bool, folder: Path) -> list[Figure]:
    """200 files of which 60 bad in the full form, 14 of which 6 in the short one; the worker of one more is killed."""
    good, bad = (140, 60) if full else (8, 6)
    videos = folder / "videos"
    videos.mkdir()
    _write(videos, good, bad)
    model = save_talkative(folder / "model")
    wrong = _alone(videos, model, folder / "alone", good, bad)
    code, lines, said = _detect(videos, model, folder / "two", jobs=2, kill=True)
    wrong += _faults(code, lines, said, good, bad)
    again = 2 if full else None  # in the short form no workers: they would start for one good file
    wrong += _resumed(*_detect(videos, model, folder / "two", jobs=again, resume=True), good, bad)
    wrong += _differences(folder / "alone", folder / "two")
    for number in (1, 2, 3) if full else ():
        _detect(videos, model, folder / "shards", jobs=3, shard=f"{number}/3")
        wrong += _differences(folder / "alone", folder / "shards") if number == 3 else []
    complete = len([*(folder / "two").iterdir()])
    reasons = sum(line["status"] == "failed" and bool(line["error"]["message"]) for line in lines)
    return [
        tried("row09a", good + bad, 200, "files"),
        Figure(
            "row09b_complete", complete, "files", good, detail=f"of {good} good ones, one worker killed, then resumed"
        ),
        Figure("row09c_reasons", reasons, "files", bad, detail=f"of {bad} bad ones, and perhaps the killed worker's"),
        Figure("row09d_exit_code", code, "", 1, "at_most", "with files that failed"),
        none("row09e_sums_and_bytes_that_differ", wrong, 4 if full else 3),
    ]


def _alone(videos: Path, model: Path, out: Path, good: int, bad: int) -> list[str]:
    """Results of this one process, in the reverse order, to compare with."""
    torch.set_num_threads(1)
    pipe = Pipeline.from_pretrained(model, device="cpu")
    results = [*pipe.batch(sorted(videos.iterdir(), reverse=True), on_error="return")]
    for result in results:
        if isinstance(result, Result):
            result.to_json(out / f"{Path(result.file).stem}.events.json")
    failed = sum(isinstance(result, Failure) for result in results)
    return [] if (len(results), failed) == (good + bad, bad) else [f"alone: {failed} of {len(results)} failed"]


def _write(videos: Path, good: int, bad: int) -> None:
    for number in range(good):
        place = videos / f"good {number}.wav"
        write_wav(place, 1.0 + number % 3) if number % 7 else write_video(place.with_suffix(".mp4"), 1.0)
    noise = rng()
    kinds = [
        b"",
        b"not a video\n",
        noise.bytes(3000),
        b"ffconcat version 1.0\nfile a.mp4\n",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF",
    ]
    for number in range(bad):
        (videos / f"bad {number}.mp4").write_bytes(kinds[number % len(kinds)])


def _detect(
    videos: Path, model: Path, out: Path, *, jobs: int | None, kill: bool = False, resume: bool = False, shard: str = ""
) -> tuple[int, list[dict], str]:
    """Exit code, JSON lines and what was said of a batch; with ``kill`` one worker is killed in the middle."""
    words = [sys.executable, "-m", "avtext", "detect", str(videos), "-m", str(model), "-o", str(out), "--json"]
    words += [*(["--jobs", str(jobs)] if jobs else []), *(["--shard", shard] if shard else [])]
    words += ["--skip-existing"] if resume else []
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as batch:
        if kill:
            _kill_a_worker(batch.pid, out)
        answer, said = batch.communicate()
    return batch.returncode, [json.loads(line) for line in answer.splitlines()], said


def _kill_a_worker(pid: int, out: Path) -> None:
    """Once there are results, kill a worker; one that waits for work is found out by the counts."""
    while not any(out.glob("*.json")):
        time.sleep(0.005)
    workers = [child for child in descendants(pid) if WORKER in Path(f"/proc/{child}/cmdline").read_bytes()]
    os.kill(workers[0], signal.SIGKILL)


def _faults(code: int, lines: list[dict], said: str, good: int, bad: int) -> list[str]:
    """Where the counts of a batch do not add up; a worker was killed at a file that may have been bad anyway."""
    failed = [line for line in lines if line["status"] == "failed"]
    reasons = [line for line in failed if line["error"]["code"] and line["error"]["message"]]
    lost = [line for line in failed if "its worker was killed" in line["error"]["message"]]
    found = {
        "lines": len(lines) == good + bad == len({line["file"] for line in lines}),
        "reasons": len(reasons) == len(failed),
        "failures": bad <= len(failed) <= bad + 1,
        "killed": len(lost) == 1,
        "summary": said.splitlines()[:1] == [f"{len(failed)} of {good + bad} files failed:"],
        "reasons at the end": said.count("\n") == len(failed) + 1,
        "exit code": code == 1,
    }
    return [f"{name}: {said[:300]}" for name, right in found.items() if not right]


def _resumed(code: int, lines: list[dict], said: str, good: int, bad: int) -> list[str]:
    """A second run does what is missing, and nothing else."""
    done = good + bad - len(lines)
    right = code == 1 and good - 1 <= done <= good and said.startswith(f"{done} of {good + bad} files skipped")
    return [] if right else [f"resumed: {done} of {good + bad} were done: {said[:300]}"]


def _differences(one: Path, other: Path) -> list[str]:
    """Results that are not the same, byte for byte, whoever computed them."""
    mine, theirs = ({path.name: path.read_bytes() for path in place.iterdir()} for place in (one, other))
    return [f"{name} differs in {other.name}" for name in sorted(mine | theirs) if mine.get(name) != theirs.get(name)]


if __name__ == "__main__":
    command(run)
