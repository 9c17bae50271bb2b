"""Row 3: kill -9 of training, feature extraction and batch detection: what was acknowledged stays, the end is the same.

The blow falls at a random point of the work's own progress: after a random number of acknowledged steps or files, and a
random part of the time that one takes. How fast the machine is decides nothing.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import signal
import statistics
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import lightning.fabric  # noqa: F401  (here once, instead of in every process that is forked to be killed)
import torch
import torch.utils.tensorboard

from avtext.benchmark.figures import Figure
from avtext.checkpoint import load_tensors
from avtext.cli import main as avtext
from avtext.clip import Clip
from avtext.data.scenes import SceneRecipe, make_scene
from avtext.data.videos import open_videos
from avtext.errors import AvtextError
from avtext.features import load_features
from avtext.formats import read_events
from avtext.training import TrainSettings, fit
from tests.robustness.trial import command, none, rng, tried
from tests.tiny import save_talkative, write_wav

Work = Callable[[Path, Callable[[str], None]], None]  # does its work in a folder and tells what is acknowledged
FARTHEST = 3  # acknowledgements after which a blow falls: several kills to a run
CLIPS: list[Clip] = []  # to train on
RECIPE = SceneRecipe(duration=(4.0, 4.0), labels=("bell", "cut"), missing_chance=0.0)
MODEL = {
    "labels": ["bell", "cut"], "width": 8, "tcn": {"num_layers": 1}, "head_layers": 1, "alignment": {"size": 4},
    "fusion": {"num_layers": 1, "num_heads": 2, "reach": 0.4},
    "encoders": {"audio": {"name": "logmel", "options": {"size": 8, "channels": [4]}}, "picture": {"name": "picture", "options": {"size": 8}}},
}  # fmt: skip


def run(full: bool, folder: Path) -> list[Figure]:
    """100 kills of each in the full form, 2 in the short one."""
    kills = 100 if full else 2
    torch.set_num_threads(1)
    _inputs(folder)
    figures = []
    for letter, (name, kind) in zip("adg", KINDS.items(), strict=True):
        undisturbed = folder / f"{name} undisturbed"
        times = _finish(kind.work, undisturbed)
        gap = statistics.median(later - sooner for sooner, later in itertools.pairwise(times))
        lost, different, done, runs = [], [], 0, 0
        while done < kills:
            place, runs = folder / f"{name} {runs}", runs + 1
            died, missing = _killed_again_and_again(kind, place, gap, kills - done)
            done, lost = done + died, lost + missing
            different += [] if kind.result(place) == kind.result(undisturbed) else [f"the run after {done} kills"]
        rows = [f"row03{chr(ord(letter) + k)}_{name}" for k in range(3)]
        figures += [
            tried(rows[0], done, 100, "kills"),
            none(f"{rows[1]}_lost", lost, done),
            none(f"{rows[2]}_different", different, runs),
        ]
    return figures


def _killed_again_and_again(kind: Kind, place: Path, gap: float, kills: int) -> tuple[int, list[str]]:
    """Start the work until it ends by itself, killing it at random points of its progress.

    Args:
        kind: of work.
        place: where it works.
        gap: seconds from one acknowledgement to the next, of which the blow waits a part.
        kills: at most.

    Returns:
        How often it was killed, and what was acknowledged and lost.
    """
    random = rng(int(hashlib.sha256(place.name.encode()).hexdigest()[:8], 16))
    told: list[str] = []
    lost: list[str] = []
    for died in range(kills):
        child, line = _start(kind.work, place)
        with os.fdopen(line) as said:
            told += itertools.islice(said, int(random.integers(0, FARTHEST + 1)))
            time.sleep(float(random.uniform(0.0, gap)))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            told += said
        told = [line.rstrip("\n") for line in told]
        lost += kind.lost(place, told)
        if "end" in told:  # it was faster than the blow
            return died, lost
    _finish(kind.work, place)
    return kills, lost


def _start(work: Work, place: Path) -> tuple[int, int]:
    """A process that works, and the line on which it acknowledges; like this one, less the time to start."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.close(ours)
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        try:
            work(place, lambda what: os.write(theirs, f"{what}\n".encode()) and None)
            os.write(theirs, b"end\n")
            os._exit(0)
        finally:  # whatever happens, this process must not tidy up for its parent
            traceback.print_exc()
            os._exit(1)
    os.close(theirs)
    return child, ours


def _finish(work: Work, place: Path) -> list[float]:
    """Let the work end by itself; returns when each acknowledgement came, in seconds."""
    child, line = _start(work, place)
    with os.fdopen(line) as said:
        told = [(time.monotonic(), text) for text in said]
    assert os.waitpid(child, 0)[1] == 0, f"{place.name} failed after: {[text for _, text in told]}"
    return [when for when, _ in told]


def _inputs(folder: Path) -> None:
    (folder / "videos").mkdir()
    for number in range(8):
        write_wav(folder / "videos" / f"{number}.wav", 1.0 + number % 2)
    lines = [json.dumps({"path": f"videos/{number}.wav", "events": []}) for number in range(8)]
    (folder / "manifest.jsonl").write_text("\n".join(lines))
    save_talkative(folder / "model")
    CLIPS.extend(make_scene(RECIPE, seed) for seed in range(12))  # here once, not in every process that is killed


def _train(place: Path, tell: Callable[[str], None]) -> None:
    settings = TrainSettings.model_validate({
        "out": place, "model": MODEL, "train": {"scenes": RECIPE}, "batch_size": 2, "steps": 6, "warmup": 2, "workers": 0,
        "threads": 1, "checkpoint_every": 1, "evaluate_every": 4, "log_every": 1, "average": 0.5, "accelerator": "cpu",
    })  # fmt: skip
    fit(settings, CLIPS[:10], CLIPS[10:], hook=lambda what, step, *_: tell(f"{what} {step}"))


def _steps_lost(place: Path, told: list[str]) -> list[str]:
    """A step is acknowledged when its state is on the disk."""
    steps = [int(line.split()[1]) for line in told if line.startswith("train")]
    if not steps:
        return []
    try:
        kept = json.loads(load_tensors(place / "last.safetensors")[1]["progress"])["step"]
    except AvtextError as error:
        return [f"the state of step {steps[-1]}: {error}"]
    return [f"step {steps[-1]}, there is {kept}"] * (kept < steps[-1])


def _extract(place: Path, tell: Callable[[str], None]) -> None:
    manifest = place.parent / "manifest.jsonl"
    open_videos(manifest, ["bell"], 2.0, place, {"audio": None}, lambda number, *_: tell(str(number - 1)))  # type: ignore[dict-item]


def _features_lost(place: Path, told: list[str]) -> list[str]:
    """Beginning a video acknowledges those before it; any entry that has a name must be whole."""
    try:
        whole = len([load_features(path) for path in place.glob("*.safetensors")])
    except AvtextError as error:
        return [str(error)]
    promised = max((int(line) for line in told if line.isdecimal()), default=0)
    return [f"{promised} videos, there are {whole}"] * (whole < promised)


def _detect(place: Path, tell: Callable[[str], None]) -> None:
    place.mkdir(exist_ok=True)
    sys.argv = ["avtext", "detect", str(place.parent / "videos"), "-m", str(place.parent / "model"), "-o", str(place), "--skip-existing", "--json"]  # fmt: skip
    said = sys.stdout
    sys.stdout = type(
        "Told", (), {"write": lambda self, text: tell(json.loads(text)["file"]), "flush": lambda self: None}
    )()
    try:
        avtext()
    except SystemExit as end:
        if end.code:
            raise RuntimeError(f"exit code {end.code}") from end
    finally:
        sys.stdout = said


def _results_lost(place: Path, told: list[str]) -> list[str]:
    """A line of JSON acknowledges a file's result."""
    lost = []
    for name in (line for line in told if line.endswith(".wav")):
        try:
            read_events(place / f"{Path(name).stem}.events.json")
        except AvtextError as error:
            lost.append(str(error))
    return lost


def _sum(pattern: str) -> Callable[[Path], dict[str, str]]:
    """SHA-256 of what a work leaves behind, less what a kill left half-written under a name that nobody reads."""
    return lambda place: {
        str(p.relative_to(place)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(place.glob(pattern))
        if not any(part.startswith(".") for part in p.relative_to(place).parts)
    }


class Kind(NamedTuple):
    """Work that can be killed; what of the acknowledged is lost, in words; and what it leaves behind."""

    work: Work
    lost: Callable[[Path, list[str]], list[str]]
    result: Callable[[Path], dict[str, str]]


KINDS = {
    "training": Kind(_train, _steps_lost, _sum("*/*.safetensors")),
    "features": Kind(_extract, _features_lost, _sum("*.safetensors")),
    "detection": Kind(_detect, _results_lost, _sum("*.json")),
}


if __name__ == "__main__":
    command(run)
