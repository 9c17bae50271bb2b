"""Training clips cut from the videos of a manifest; each video is decoded, or encoded, once and kept on disk."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from avtext.clip import Clip, Cue, Event, Stream
from avtext.data.manifest import read_manifest
from avtext.features import FeatureCache, FeatureKey, extract, fingerprint, frozen, reading_for
from avtext.media import MediaOptions, MediaReader
from avtext.timeline import steps_to_span

if TYPE_CHECKING:
    from torch import nn

KEPT_OPEN = 4  # videos whose streams stay in memory


@dataclass(frozen=True)
class Video:
    """One decoded video: its streams' file, cues and events, and how long it is."""

    name: str
    key: FeatureKey
    duration: float
    cues: tuple[Cue, ...]
    events: tuple[Event, ...]


@dataclass
class VideoSource:
    """Windows of labelled videos: a :class:`avtext.data.sources.ClipSource`.

    Args:
        videos: what there is.
        cache: where their streams lie.
        window: seconds; the last window of a video may be shorter.
    """

    videos: Sequence[Video]
    cache: FeatureCache
    window: float
    _open: OrderedDict[int, dict[str, Stream]] = field(default_factory=OrderedDict, repr=False)

    def __post_init__(self) -> None:
        self._windows = [
            (number, first * self.window)
            for number, video in enumerate(self.videos)
            for first in range(max(1, int(np.ceil(video.duration / self.window - 1e-6))))
        ]

    def __len__(self) -> int:
        return len(self._windows)

    def __getitem__(self, index: int) -> Clip:
        number, start = self._windows[index]
        video = self.videos[number]
        end = min(start + self.window, video.duration)
        streams: dict[str, Any] = {n: cut(stream, start, end) for n, stream in self._streams(number).items()}
        return Clip(
            duration=end - start,
            start=start,
            cues=tuple(c for c in video.cues if c.end > start and c.start < end),
            events=tuple(e for e in video.events if e.end > start and e.start < end),
            name=f"{video.name} at {start:g} s",
            **streams,
        )

    def _streams(self, number: int) -> dict[str, Stream]:
        if number not in self._open:
            found = self.cache.get(self.videos[number].key)
            if found is None:
                raise _gone(self.videos[number].name)
            self._open[number] = found
            while len(self._open) > KEPT_OPEN:
                self._open.popitem(last=False)
        return self._open[number]


def _gone(name: str) -> Exception:
    from avtext.errors import StorageError

    return StorageError(
        f"{name}: its cached streams are gone or damaged: start again to decode it", stage="read"
    )


def cut(stream: Stream, start: float, end: float) -> Stream:
    """The steps of ``stream`` that overlap ``[start, end)``.

    Example:
        >>> piece = cut(Stream(np.arange(100), 25.0), 1.0, 2.0)
        >>> piece.start, piece.values[0].item(), len(piece)
        (1.0, 25, 25)
    """
    first = max(0, int(np.floor((start - stream.start) * stream.rate + 1e-6)))
    last = max(first, min(len(stream), int(np.ceil((end - stream.start) * stream.rate - 1e-6))))
    begin, _ = steps_to_span(first, last, stream.rate, stream.start)
    return Stream(stream.values[first:last], stream.rate, begin, stream.real[first:last])


def open_videos(
    manifest: str | Path,
    labels: Sequence[str],
    window: float,
    cache: str | Path,
    encoders: Mapping[str, nn.Module],
) -> VideoSource:
    """Decode what is not in the cache yet and give the windows.

    Args:
        manifest: see :mod:`avtext.data.manifest`.
        labels: the only labels allowed.
        window: seconds of a clip.
        cache: a folder that many runs may share.
        encoders: the model's, by stream name. They say how media is read; the streams of those that are frozen
            (``features``) are stored and given as features, the others as waveform and frames.

    Raises:
        ConfigError: the manifest says something not allowed.
        MediaError: a video cannot be read.
    """
    store = FeatureCache(cache)
    options = reading_for(encoders)
    fixed = {name: frozen(encoder) for name, encoder in encoders.items() if getattr(encoder, "of", None)}
    prints = {name: fingerprint(encoder) for name, encoder in fixed.items()}
    videos = []
    for entry in read_manifest(manifest, labels):
        cues = entry.cues()
        key = FeatureKey.of(entry.path, prints, options.to_dict(), cues if prints else ())
        streams = store.get(key)
        if streams is None:
            streams = _decode(entry.path, options, cues, fixed)
            store.put(key, streams)
        end = max((stream.end for stream in streams.values()), default=0.0)
        videos.append(Video(entry.path.name, key, end, cues, entry.events))
    return VideoSource(videos, store, window)


def _decode(
    path: Path, options: MediaOptions, cues: Sequence[Cue], encoders: Mapping[str, nn.Module]
) -> dict[str, Stream]:
    """Waveform, frames and picture of a whole video; features in place of those that ``encoders`` has."""
    with MediaReader(path, options) as reader:
        said = cues or reader.cues
        clips = [
            replace(c, cues=tuple(q for q in said if q.end > c.start and q.start < c.end)) for c in reader
        ]
    raw = [name for name in ("audio", "video", "picture") if name not in encoders]
    streams = _whole(clips, raw)
    return streams | extract(clips, encoders)


def _whole(clips: Sequence[Clip], names: Sequence[str] = ("audio", "video", "picture")) -> dict[str, Stream]:
    """Windows sewn together: each gives what the ones before did not."""
    streams = {}
    for name in names:
        pieces = [s for s in (getattr(clip, name) for clip in clips) if s is not None]
        if not pieces:
            continue
        rate, origin = pieces[0].rate, pieces[0].start
        values, masks, have = [], [], 0
        for piece in pieces:
            skip = have - round((piece.start - origin) * rate)
            values.append(piece.values[skip:])
            masks.append(piece.real[skip:])
            have += len(values[-1])
        streams[name] = Stream(np.concatenate(values), rate, origin, np.concatenate(masks))
    return streams
