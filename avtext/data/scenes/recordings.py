"""Recorded sources: environmental sounds, spoken digits, signed words; split so that no file is shared.

Decoded files are kept in memory, each once per process.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from avtext.clip import AUDIO_RATE
from avtext.data.scenes.chance import Random, between
from avtext.data.scenes.recipe import FRAME_RATE, RECORDED
from avtext.errors import ConfigError, MediaError

CONTINUOUS = ("rain", "sea_waves", "clock_tick", "helicopter", "chainsaw", "fire_crackling")
TRAIN_FOLDS = ("1", "2", "3")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SIGNING_SIZE = (96, 128)  # height and width in which signed words are kept
_HOP = AUDIO_RATE // 100
_FOLDERS = (
    "dog bark", "rain", "sea waves", "baby cry", "clock tick",
    "person sneeze", "helicopter", "chainsaw", "rooster", "fire crackling",
)  # fmt: skip


class Spoken(NamedTuple):
    """Words in a row by one voice: waveform and what is said."""

    wave: np.ndarray
    text: str


def _files(folder: Path, field: str, pattern: str) -> list[Path]:
    if not folder.is_dir():
        raise ConfigError(f"{field}: {folder} is not a folder; give one that has the recordings, or leave it out")
    found = sorted(folder.glob(pattern))
    if not found:
        raise ConfigError(f"{field}: {folder} has no file {pattern}; give a folder that has, or leave it out")
    return found


@lru_cache(maxsize=8)
def sound_files(folder: Path, split: str) -> dict[str, tuple[Path, ...]]:
    """Recordings per label: folds 1-3 for training, the others for testing.

    Raises:
        ConfigError: no such folder, or a class without a recording in the split.
    """
    files: dict[str, tuple[Path, ...]] = {}
    every = _files(folder, "sounds_dir", "*/*.ogg")
    for label, name in zip(RECORDED, _FOLDERS, strict=True):
        own = (path for path in every if path.parent.name.lower().endswith(name))
        files[label] = tuple(p for p in own if (p.name[0] in TRAIN_FOLDS) == (split == "train"))
        if not files[label]:
            raise ConfigError(f"sounds_dir: {folder} has no {split} recording of {label} (folder '... - {name}')")
    return files


@lru_cache(maxsize=8)
def speech_files(folder: Path, split: str) -> dict[str, dict[str, tuple[Path, ...]]]:
    """Recordings per speaker and digit; the last speaker by name is kept for testing.

    Raises:
        ConfigError: no such folder, or fewer than two speakers.
    """
    speakers: dict[str, dict[str, list[Path]]] = {}
    for path in _files(folder, "speech_dir", "[0-9]_*_*.wav"):
        digit, speaker, _ = path.stem.split("_", 2)
        speakers.setdefault(speaker, {}).setdefault(digit, []).append(path)
    names = sorted(speakers)
    if len(names) < 2:
        raise ConfigError(f"speech_dir: {folder} needs two speakers or more, one is kept for testing; has {names}")
    chosen = names[:-1] if split == "train" else names[-1:]
    return {name: {digit: tuple(paths) for digit, paths in speakers[name].items()} for name in chosen}


@lru_cache(maxsize=8)
def signing_files(folder: Path, split: str) -> tuple[Path, ...]:
    """Signed words: the first eight by name for training, the others for testing, whoever signs them.

    Raises:
        ConfigError: no such folder, or fewer than nine words.
    """
    files = _files(folder, "signing_dir", "*.mkv")
    if len(files) < 9:
        raise ConfigError(f"signing_dir: {folder} needs nine words or more (eight are for training), has {len(files)}")
    return tuple(files[:8] if split == "train" else files[8:])


@lru_cache(maxsize=4096)
def decoded(path: Path) -> np.ndarray:
    """The waveform of a sound file, float32 mono at 16 kHz, read only.

    Raises:
        MediaError: not a sound file, a damaged one, or one in which nothing is heard.
    """
    import av

    try:
        with av.open(str(path)) as container:
            resampler = av.AudioResampler(format="flt", layout="mono", rate=AUDIO_RATE)
            parts = [part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)]
            parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    except (av.FFmpegError, IndexError) as error:
        raise MediaError(f"{path}: cannot be read as sound ({error}); replace or remove it", stage="decode") from error
    wave = np.concatenate([np.zeros(0, np.float32), *parts]).astype(np.float32)
    if not active_spans(wave):  # it would be an event that nobody hears
        raise MediaError(f"{path}: has no sound of 10 ms or more in it; replace or remove it", stage="decode")
    wave.flags.writeable = False
    return wave


@lru_cache(maxsize=32)
def signed(path: Path) -> np.ndarray:
    """Frames of a signed word at 25 per second, ``(frames, 96, 128, 3)`` uint8, read only.

    Raises:
        MediaError: not a video file, a damaged one, or one shorter than a frame.
    """
    import av

    height, width = SIGNING_SIZE
    try:
        with av.open(str(path)) as container:
            rate = float(container.streams.video[0].average_rate or FRAME_RATE)
            frames = [
                frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
                for frame in container.decode(video=0)
            ]
    except (av.FFmpegError, IndexError) as error:
        raise MediaError(f"{path}: cannot be read as video ({error}); replace or remove it", stage="decode") from error
    count = int(len(frames) / rate * FRAME_RATE)
    if not count:
        raise MediaError(f"{path}: is shorter than a frame at 25 per second; replace or remove it", stage="decode")
    clip = np.stack([frames[int((i + 0.5) / FRAME_RATE * rate)] for i in range(count)])
    clip.flags.writeable = False
    return clip


def loudness(wave: np.ndarray) -> np.ndarray:
    """Root mean square over 10 ms steps, the last one whole only."""
    steps = len(wave) // _HOP
    return np.sqrt(np.mean(wave[: steps * _HOP].reshape(steps, _HOP).astype(np.float64) ** 2, axis=1))


def active_spans(wave: np.ndarray, below_db: float = 25.0, merge: float = 0.4) -> list[tuple[int, int]]:
    """Sample spans where the sound is within ``below_db`` of its peak, gaps under ``merge`` seconds closed.

    Example:
        >>> wave = np.zeros(16000, np.float32); wave[4000:8000] = 0.5
        >>> active_spans(wave)
        [(4000, 8000)]
    """
    level = loudness(wave)
    if not len(level) or level.max() <= 0:
        return []
    loud = np.flatnonzero(level > level.max() * 10 ** (-below_db / 20))
    breaks = np.flatnonzero(np.diff(loud) > merge * 100)
    firsts, lasts = loud[np.r_[0, breaks + 1]], loud[np.r_[breaks, len(loud) - 1]]
    return [(int(a) * _HOP, int(b + 1) * _HOP) for a, b in zip(firsts, lasts, strict=True)]


@lru_cache(maxsize=4096)
def bursts(path: Path) -> tuple[tuple[int, int], ...]:
    """Spans of a recording in which the thing sounds, 0.15 s or longer."""
    spans = active_spans(decoded(path))
    long = tuple(span for span in spans if span[1] - span[0] >= 0.15 * AUDIO_RATE)
    return long or tuple(spans)


def _softened(wave: np.ndarray, rise: float, fall: float) -> np.ndarray:
    out = np.array(wave, dtype=np.float32)
    up, down = min(len(out), int(rise * AUDIO_RATE)), min(len(out), int(fall * AUDIO_RATE))
    out[:up] *= np.linspace(0, 1, up, dtype=np.float32)
    out[len(out) - down :] *= np.linspace(1, 0, down, dtype=np.float32)
    return out


def recorded_sound(rng: Random, folder: Path, split: str, label: str) -> np.ndarray:
    """A piece of a recording of ``label``: a burst, or 1.5-5 s of a sound that goes on."""
    paths = sound_files(folder, split)[label]
    path = paths[int(rng.integers(len(paths)))]
    wave = decoded(path)
    spans = bursts(path)
    if label in CONTINUOUS:
        low, high = spans[0][0], spans[-1][1]
        length = int(between(rng, 1.5, 5.0) * AUDIO_RATE)
        first = low + int(rng.random() * max(0, high - low - length))
        piece = wave[first : min(first + length, high)]
        heard = active_spans(piece)
        piece = piece[heard[0][0] :] if heard else piece
    else:
        low, high = spans[int(rng.integers(len(spans)))]
        piece = wave[low : min(high, low + 4 * AUDIO_RATE)]
    return _softened(piece, between(rng, 0.005, 0.05), between(rng, 0.01, 0.05))


def spoken_digits(rng: Random, folder: Path, split: str) -> Spoken:
    """Two to six digits by one speaker with short pauses; a quarter of the time up to sixteen."""
    speakers = speech_files(folder, split)
    names = sorted(speakers)
    own = speakers[names[int(rng.integers(len(names)))]]
    parts: list[np.ndarray] = []
    said = []
    count = int(rng.integers(2, 7)) if rng.random() < 0.75 else int(rng.integers(7, 17))
    for _ in range(count):
        digit = sorted(own)[int(rng.integers(len(own)))]
        wave = decoded(own[digit][int(rng.integers(len(own[digit])))])
        spans = active_spans(wave, below_db=30.0)
        parts += [_softened(wave[spans[0][0] : spans[-1][1]], 0.004, 0.01)]
        parts += [np.zeros(int(between(rng, 0.03, 0.25) * AUDIO_RATE), np.float32)]
        said.append(DIGITS[int(digit)])
    return Spoken(_with_upper_band(rng, np.concatenate(parts[:-1])), " ".join(said))


def at_speed(wave: np.ndarray, speed: float) -> np.ndarray:
    """The sound played faster and higher, or slower and lower, as a tape would.

    Example:
        >>> len(at_speed(np.zeros(1000, np.float32), 1.25))
        800
    """
    places = np.arange(max(1, round(len(wave) / speed))) * speed
    return np.interp(places, np.arange(len(wave)), wave).astype(np.float32)


def _with_upper_band(rng: Random, wave: np.ndarray) -> np.ndarray:
    """Half of the time mirror the band under 4 kHz above it, weaker: speech must not be known by its lack."""
    gain = between(rng, 0.05, 0.35) if rng.random() < 0.5 else 0.0
    if gain == 0.0:
        return wave
    image = wave * np.where(np.arange(len(wave)) % 2, -1.0, 1.0).astype(np.float32)  # f becomes 8 kHz - f
    return (wave + gain * image).astype(np.float32)
