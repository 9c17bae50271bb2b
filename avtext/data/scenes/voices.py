"""Synthetic voices of the espeak-ng program, where it is installed; versions sound different."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from avtext.data.scenes.chance import Random
from avtext.data.scenes.cues import FILLERS
from avtext.data.scenes.recordings import Spoken, active_spans, decoded
from avtext.errors import Code, ConfigError, MediaError

PROGRAM = "espeak-ng"
ACCENTS = ("en-us", "en-gb-x-rp", "en-gb-scotland", "en-029")
VOICES = {"train": ("m1", "m2", "m3", "m4", "f1", "f2", "f3"), "test": ("m5", "m6", "f4", "f5")}
_SECONDS = 20  # a line takes a few hundredths; longer means that the program hangs


def spoken_lines(rng: Random, split: str) -> Spoken:
    """One to three lines of dialogue by one voice; voices of training are not those of testing.

    Raises:
        ConfigError: the program is not installed.
        MediaError: it failed.
    """
    lines = [FILLERS[int(rng.integers(len(FILLERS)))] for _ in range(int(rng.integers(1, 4)))]
    text = " ".join(lines).replace("\n", " ").replace("- ", "")
    own = VOICES[split]
    voice = f"{ACCENTS[int(rng.integers(len(ACCENTS)))]}+{own[int(rng.integers(len(own)))]}"
    pace, pitch = int(rng.integers(110, 210)), int(rng.integers(20, 80))
    wave = _spoken(text, voice, pace, pitch)
    spans = active_spans(wave, below_db=30.0)
    return Spoken(wave[spans[0][0] : spans[-1][1]], text)


@lru_cache(maxsize=1024)
def _spoken(text: str, voice: str, pace: int, pitch: int) -> np.ndarray:
    program = shutil.which(PROGRAM)
    if program is None:
        raise ConfigError(
            f"voices: {PROGRAM} is not installed; apt install {PROGRAM} brings it, or set voices to 0",
            code=Code.UNSUPPORTED,
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "line.wav"
        command = [program, "-v", voice, "-s", str(pace), "-p", str(pitch), "-w", str(path), "--", text]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            raise MediaError(f"{PROGRAM}: cannot speak as {voice}: {error}", stage="decode") from error
        return decoded.__wrapped__(path)
