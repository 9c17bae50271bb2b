"""Training clips cut from the videos of a manifest; each video is decoded, or encoded, once and kept on disk."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from avtext.clip import Clip, Cue, Event, Stream
from avtext.data.manifest import Entry, read_manifest
from avtext.data.windows import cut_events, within
from avtext.errors import ConfigError, MediaError, StorageError
from avtext.features import FeatureCache, FeatureKey, extract, fingerprint, frozen_ones, on_media_clock, reading_for
from avtext.media import MediaOptions, MediaReader, embedded_cues, probe

if TYPE_CHECKING:
    from torch import nn

LEAST_TAIL = 0.1  # of a window; less at the end of a video is no window of its own


class DegradedVideo(UserWarning):
    """A part of a video that is learnt from could not be decoded; the message names it and says what is missing."""


@dataclass(frozen=True)
class Video:
    """One decoded video: its streams' file, cues and length, and labels as in :class:`avtext.data.manifest.Entry`."""

    name: str
    key: FeatureKey
    duration: float
    cues: tuple[Cue, ...]
    events: tuple[Event, ...] | None
    present: tuple[str, ...] | None = None
    annotated: tuple[str, ...] | None = None


@dataclass
class VideoSource:
    """Windows of labelled videos: a :class:`avtext.data.sources.ClipSource`.

    Args:
        videos: what there is.
        cache: where their streams lie.
        window: seconds; the last window of a video may be shorter, and what is less than a tenth of one
            belongs to the window before. A video whose labels have no times is one window: of a part of it nobody
            knows what occurs.
        windows: of each clip the number of its video, start and end in seconds; empty: as ``window`` has it. The
            same video is longer or shorter by what a model reads of it, so who must say of another's clips takes these.
    """

    videos: Sequence[Video]
    cache: FeatureCache
    window: float
    windows: Sequence[tuple[int, float, float]] = ()

    def __post_init__(self) -> None:
        self.windows = self.windows or tuple(self._cut())

    def _cut(self) -> Iterator[tuple[int, float, float]]:
        for number, video in enumerate(self.videos):
            count = max(1, int(np.ceil(video.duration / self.window - LEAST_TAIL))) if video.present is None else 1
            edges = [k * self.window for k in range(count)] + [video.duration]
            yield from ((number, start, end) for start, end in pairwise(edges))

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> Clip:
        number, start, end = self.windows[index]
        video = self.videos[number]
        streams: dict[str, Any] | None = self.cache.get_window(video.key, start, end)
        if streams is None:
            raise StorageError(
                f"{video.name}: its cached streams are gone or damaged: start again to decode it", stage="read"
            )
        return Clip(
            duration=end - start,
            start=start,
            cues=tuple(cue for cue in video.cues if within(cue, start, end)),
            events=None if video.events is None else cut_events(video.events, start, end),
            present=video.present,
            annotated=video.annotated,
            name=f"{video.name} at {start:g} s",
            **streams,
        )


def open_videos(
    manifest: str | Path,
    labels: Sequence[str],
    window: float,
    cache: str | Path,
    encoders: Mapping[str, nn.Module],
    hook: Callable[[int, int, str], None] | None = None,
) -> VideoSource:
    """Decode what is not in the cache yet and give the windows.

    Args:
        manifest: see :mod:`avtext.data.manifest`.
        labels: the only labels allowed.
        window: seconds of a clip.
        cache: a folder that many runs may share.
        encoders: the model's, by stream name. They say how media is read; the streams of those that are frozen
            (``features``) are stored and given as features, the others as waveform and frames.
        hook: called as ``hook(number, count, path)`` before a video is decoded, which takes a while.

    Raises:
        ConfigError: the manifest says something not allowed, such as an event after the end of its video.
        MediaError: a video or its transcript cannot be read.
    """
    store = FeatureCache(cache)
    options = reading_for(encoders)
    fixed = frozen_ones(encoders)
    prints = {name: fingerprint(encoder) for name, encoder in fixed.items()}
    videos: list[Video] = []
    entries = read_manifest(manifest, labels)
    for entry in entries:
        try:
            cues = _cues(entry) if "text" in encoders else ()
            key = FeatureKey.of(entry.path, prints, options.to_dict(), cues if prints else ())
            found = store.get_with_notes(key)
            if found is None:
                if hook is not None:
                    hook(len(videos) + 1, len(entries), str(entry.path))
                found = _decode(entry.path, options, cues, fixed)
                store.put(key, *found)
        except MediaError as error:
            raise MediaError(f"{entry.where}: {error.message}", code=error.code, stage=error.stage) from error
        streams, notes = found
        _tell_of_damage(entry.path, notes["reasons"])
        end = _length(entry, notes.get("end"), streams)
        _check_events(entry, end)
        videos.append(Video(str(entry.path), key, end, cues, entry.events, entry.present, entry.annotated))
    return VideoSource(videos, store, window)


def _cues(entry: Entry) -> tuple[Cue, ...]:
    """What detection would read: the transcript, else the subtitles inside the file."""
    found = entry.cues()
    return embedded_cues(entry.path) if found is None else found


def _length(entry: Entry, read: float | None, streams: Mapping[str, Stream]) -> float:
    """Seconds to the end of what was ``read`` or, where an event is later, of the file: it is missed, not wrong.

    Where an older version kept the streams and did not note it, a step of the picture may be longer than the video.
    """
    end = max((stream.end for stream in streams.values()), default=0.0) if read is None else read
    if any(event.start >= end for event in entry.events or ()):
        end = max(end, probe(entry.path).duration or 0.0)
    return end


def _check_events(entry: Entry, end: float) -> None:
    late = [event for event in entry.events or () if event.start >= end]
    if late:
        raise ConfigError(
            f"{entry.where}: {late[0].label!r} starts at {late[0].start:g} s, but {entry.path.name} "
            f"ends at {end:.2f} s: times are in seconds from the video's beginning"
        )


def _tell_of_damage(path: Path, reasons: Sequence[str]) -> None:
    """One text for a file in however many lines and manifests, so that Python shows it once."""
    if reasons:
        text = f"{path}: {'; '.join(reasons)}: its events are learnt from what is left: mend it or leave it out"
        warnings.warn(text, DegradedVideo, stacklevel=3)


def _decode(
    path: Path, options: MediaOptions, cues: Sequence[Cue], encoders: Mapping[str, nn.Module]
) -> tuple[dict[str, Stream], dict[str, Any]]:
    """Waveform, frames and picture of a whole video, features in place of those that ``encoders`` has; and notes."""
    raw = [name for name in ("audio", "video", "picture") if name not in encoders]
    pieces: dict[str, list[Stream]] = {name: [] for name in raw}
    ends = [0.0]

    def windows(reader: MediaReader) -> Iterator[Clip]:
        for clip in reader:
            ends.append(clip.end)
            for name in raw:
                if (stream := getattr(clip, name)) is not None:
                    pieces[name].append(stream)
            yield replace(clip, cues=tuple(cue for cue in cues if within(cue, clip.start, clip.end)))

    with MediaReader(path, options) as reader:  # frames that become features are never all in memory
        features = extract(windows(reader), encoders)
        notes = {"reasons": list(reader.quality.reasons), "end": ends[-1]}
    streams = {name: _whole(found) for name, found in pieces.items() if found}
    return streams | on_media_clock(features, encoders), notes


def _whole(pieces: Sequence[Stream]) -> Stream:
    """Windows of one stream sewn together: each gives what the ones before did not."""
    rate, origin = pieces[0].rate, pieces[0].start
    values, masks, have = [], [], 0
    for piece in pieces:
        skip = have - round((piece.start - origin) * rate)
        values.append(piece.values[skip:])
        masks.append(piece.real[skip:])
        have += len(values[-1])
    return Stream(np.concatenate(values), rate, origin, np.concatenate(masks))
