"""A long file in which little happens, whole and skimmed: how much faster, and what becomes of its events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from avtext.benchmark.accuracy import unseen_recipe
from avtext.benchmark.figures import Figure
from avtext.benchmark.pipeline_clips import width_of
from avtext.benchmark.pipeline_limits import PipelineSizes, row
from avtext.benchmark.timing import take_turns
from avtext.clip import AUDIO_RATE, Event
from avtext.data.scenes import Scene, make_scene_frames
from avtext.data.scenes.recipe import FRAME_RATE
from avtext.detection import EventFinder
from avtext.training.evaluation import Found

SILENT = 3  # every third scene has no sound of its own: pictures alone must give it away
QUIET = 0.002  # rms of the sound between scenes


class Archive(NamedTuple):
    """A file, its truth and its length in seconds."""

    path: Path
    events: tuple[Event, ...]
    duration: float


def make_archive(path: Path, data: Path, sizes: PipelineSizes) -> Archive:
    """Scenes of unseen sources in a still picture with a little noise, as a camera that stands for hours gives it.

    Args:
        path: an MP4 file; H.264 with a keyframe every 10 s, or where the picture changes.
        data: recordings; see :func:`unseen_recipe`.
        sizes: how many scenes, how far apart, and how many lines.
    """
    import av

    rng = np.random.default_rng(0)
    events: list[Event] = []
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FRAME_RATE, options={"preset": "veryfast", "crf": "23"})
        video.height, video.width, video.pix_fmt = sizes.small, width_of(sizes.small), "yuv420p"
        audio = container.add_stream("aac", rate=AUDIO_RATE, layout="mono")
        writer = _Writer(container, video, audio)
        for number in range(sizes.scenes):
            writer.add(_still(rng, sizes), QUIET * rng.standard_normal(sizes.idle * AUDIO_RATE).astype(np.float32))
            scene = _scene(data, number, sizes.small)
            begin = writer.seconds
            events += [Event(begin, begin, "cut")]
            events += [replace(event, start=event.start + begin, end=event.end + begin) for event in scene.events]
            events += [Event(begin + scene.duration, begin + scene.duration, "cut")]
            writer.add(scene.frames, scene.waveform)
        writer.add(_still(rng, sizes), QUIET * rng.standard_normal(sizes.idle * AUDIO_RATE).astype(np.float32))
        writer.close()
    return Archive(path, tuple(sorted(events)), writer.seconds)


def measure(finder: EventFinder, archive: Archive, rounds: int) -> Iterator[Figure]:
    """How much faster a skimmed file is, the share of it that was looked at, and the event F1 both ways.

    Args:
        finder: of the default model.
        archive: as :func:`make_archive` writes it.
        rounds: timed turns of each.
    """
    found = {}

    def detect(skim: bool) -> None:
        finder.skim = skim
        found[skim] = finder(archive.path)

    turns = take_turns(lambda: detect(True), lambda: detect(False), rounds)
    finder.skim = False
    about = f"{archive.duration:g} s with {len(archive.events)} events; {turns.describe('whole', 'skimmed')}"
    yield Figure("skimmed_against_whole", turns.speedup, "x as fast", detail=about)
    seen = sum(end - start for start, end in found[True].quality.get("pictures_seen", ()))
    yield Figure("skimmed_share_looked_at", seen / archive.duration, "of the file", detail=about)
    f1 = {skim: Found({"": archive.events}, {"": result.events}).f1() for skim, result in found.items()}
    yield Figure("skimmed_event_f1", f1[True], "F1", detail=f"whole {f1[False]:.3f}")
    yield row("row12_skimmed_f1_loss", 100 * (f1[False] - f1[True]), f"whole {f1[False]:.4f}, skimmed {f1[True]:.4f}")


class _Writer:
    """Pictures and sound of one part after the other."""

    def __init__(self, container: Any, video: Any, audio: Any) -> None:
        self._container, self._video, self._audio = container, video, audio
        self._count = self._position = 0  # frames and samples

    @property
    def seconds(self) -> float:
        """Of pictures so far."""
        return self._count / FRAME_RATE

    def add(self, pictures: Iterable[np.ndarray], wave: np.ndarray) -> None:
        """A part; its sound is made as long as its pictures are."""
        import av

        first = self._count
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(_fitting(picture, self._video.height), format="rgb24")
            frame.pts, frame.time_base = self._count, Fraction(1, FRAME_RATE)
            self._container.mux(self._video.encode(frame))
            self._count += 1
        wanted = round((self._count - first) / FRAME_RATE * AUDIO_RATE)
        wave = np.pad(wave[:wanted], (0, max(0, wanted - len(wave))))
        sound = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
        sound.sample_rate, sound.time_base, sound.pts = AUDIO_RATE, Fraction(1, AUDIO_RATE), self._position
        self._position += wanted
        self._container.mux(self._audio.encode(sound))

    def close(self) -> None:
        """The end of both streams."""
        self._container.mux(self._video.encode(None))
        self._container.mux(self._audio.encode(None))


def _fitting(picture: np.ndarray, height: int) -> np.ndarray:
    """A picture enlarged to so many lines, of which it has a whole part."""
    times = height // len(picture)
    return picture.repeat(times, 0).repeat(times, 1) if times > 1 else picture


def _still(rng: np.random.Generator, sizes: PipelineSizes) -> Iterator[np.ndarray]:
    """One picture with another noise in every frame."""
    height, width = sizes.small, width_of(sizes.small)
    coarse = rng.random((height // 40 + 1, width // 40 + 1, 3)) * 200 + 20
    picture = coarse.repeat(40, 0).repeat(40, 1)[:height, :width]
    noisy = [np.clip(picture + rng.normal(0, 8, picture.shape), 0, 255).astype(np.uint8) for _ in range(10)]
    for number in range(sizes.idle * FRAME_RATE):
        yield noisy[number % len(noisy)]


def _scene(data: Path, number: int, height: int) -> Scene:
    recipe = unseen_recipe(data)
    if number % SILENT == SILENT - 1:
        silent = {"heard": (0, 0), "impacts": (0, 0), "decoys": (0, 0), "music_chance": 0.0}
        recipe = recipe.model_copy(update=silent)
    lines = height // 2 if height >= 360 else height
    return make_scene_frames(recipe, 7_000 + number, height=lines, width=width_of(height) * lines // height)
