"""Long files skimmed: sound and words in full, pictures only of the windows in which something seems to happen.

A window is looked at where the model hears or reads an event in it, where a keyframe differs from the one before, and
where keyframes are too far apart to tell::

    keyframes   k       k       k       K       k       k       k     K is unlike the one before
    sound       ______________________________________/\\_______
    windows     |-----------|-----------|-----------|-----------|
    decoded                 |=======================|===========|

What begins and ends between two keyframes that look alike, without a sound, is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from avtext.clip import MODALITIES, Clip
from avtext.detection.network import Network
from avtext.detection.reading import FileReading, Transcript, with_next
from avtext.errors import Code, MediaError
from avtext.media import Limits, MediaOptions, MediaReader, Quality
from avtext.tags import TagScheme

HEARD = 0.2  # probability of a label from which a window is looked at
FAR = 12.0  # seconds without a keyframe, of which nobody can say what is in them
NO_VIDEO = "nothing of the video could be decoded"  # as an account says it
LEVELS, AREA = 16, 0.005  # two keyframes are unlike where more than this share of pixels differs by more levels


def skimmed(
    source: str | Path | BinaryIO,
    transcript: Transcript,
    options: MediaOptions,
    limits: Limits | None,
    stack: ExitStack,
    network: Network,
) -> FileReading:
    """A file skimmed; whole without pictures, or in a format where no part is found without decoding all before it.

    Args:
        source, transcript, options, limits, stack: as of :class:`FileReading`.
        network: which says where something is heard or read.
    """
    reading = SkimmedReading(source, transcript, options, limits, stack, network)
    if reading.is_possible:
        return reading
    whole = FileReading(reading.path, reading.cues, options, limits, stack)
    whole.name = reading.name
    return whole


class SkimmedReading(FileReading):
    """Windows of a file, with pictures only where they are worth decoding; arguments as of :func:`skimmed`."""

    def __init__(
        self,
        source: str | Path | BinaryIO,
        transcript: Transcript,
        options: MediaOptions,
        limits: Limits | None,
        stack: ExitStack,
        network: Network,
    ) -> None:
        super().__init__(source, transcript, replace(options, keyframes=True, statistics=False), limits, stack)
        self.path = self._reader.path
        self.is_possible = self._reader.info.has_video and self._reader.info.seekable
        self._network = network
        self._pictures = _Pictures(self.path, replace(options, audio=False), limits)
        self._keyframes = _Keyframes()
        self._seen: list[tuple[float, float]] = []
        self._account: Quality | None = None
        stack.callback(self._pictures.close)

    def clips(self) -> Iterator[Clip]:
        """See :class:`avtext.detection.reading.Reading`."""
        seen = None
        for clip, following in with_next(super().clips()):
            for known in (clip, following):
                if known is not None:
                    self._keyframes.add(known)
            blind = replace(clip, video=None)
            seen = None
            if self._keyframes.differ(clip.start, clip.end) or self._hears(blind):
                seen = self._pictures.window(clip.start)
            if seen is not None:
                self._note(clip)
                blind = replace(blind, video=seen.video, picture=seen.picture)
            yield blind
        if seen is not None:
            self._account = self._pictures.account()

    @property
    def quality(self) -> Quality:
        """See :class:`FileReading`; it also says where there were pictures, and what was wrong with the last ones."""
        quality = super().quality
        end = quality.decoded_duration
        if self._account is not None:
            quality = _with_pictures(quality, self._account)
        return replace(quality, pictures_seen=tuple((begin, min(stop, end)) for begin, stop in self._seen))

    def _hears(self, clip: Clip) -> bool:
        """Whether sound or words of a window say that something happens in it."""
        tracks = self._network.encode(clip)
        if not any(track.mask.any() for track in tracks):
            return False
        emitted = self._network.fuse([track.features for track in tracks], [track.mask for track in tracks])
        _, marginals = self._network.decode(emitted.emissions)
        settings = self._network.settings
        return bool(TagScheme(settings.labels, settings.scheme).activity(marginals).max(initial=0.0) >= HEARD)

    def _note(self, clip: Clip) -> None:
        """Windows that follow each other are one span."""
        if self._seen and clip.start <= self._seen[-1][1]:
            self._seen[-1] = (self._seen[-1][0], clip.end)
        else:
            self._seen.append((clip.start, clip.end))


def _with_pictures(quality: Quality, pictures: Quality) -> Quality:
    """The account of a file of which keyframes were decoded, and of pictures that were decoded in full up to its end.

    Keyframes alone say nothing of those between them; where an edit list hides them all, they are no loss.
    """
    reasons = dict.fromkeys((*quality.reasons, *pictures.reasons))
    if not quality.frames_decoded and pictures.frames_decoded:
        reasons.pop(NO_VIDEO, None)
    fuller = max(quality, pictures, key=lambda one: one.frames_expected)
    found = {*quality.modalities, *pictures.modalities}
    return replace(
        quality,
        frames_expected=fuller.frames_expected,
        frames_decoded=fuller.frames_decoded,
        frames_damaged=fuller.frames_damaged,
        modalities=tuple(name for name in MODALITIES if name in found),
        reasons=tuple(reasons),
    )


class _Keyframes:
    """Where the keyframes of a video that comes window by window differ, or are too far apart."""

    def __init__(self) -> None:
        self._spans: list[tuple[float, float]] = []  # between keyframes, where something may have happened
        self._last: np.ndarray | None = None
        self._count = 0
        self._time: float | None = None  # of the last keyframe, or where the video begins
        self._until = 0.0  # seconds that are known

    def add(self, clip: Clip) -> None:
        """Take note of a window's keyframes, of which some may be known."""
        if self._time is None:
            self._time = clip.start
        self._until = max(self._until, clip.end)
        if clip.video is None:
            return
        for k in np.flatnonzero(clip.video.real):
            time = clip.video.start + float(k) / clip.video.rate
            if self._last is not None and time <= self._time:
                continue
            frame = clip.video.values[k].astype(np.int16)
            if time - self._time > FAR or (self._last is not None and _unlike(frame, self._last)):
                self._spans.append((self._time, time))
            self._last, self._time, self._count = frame, time, self._count + 1

    def differ(self, start: float, end: float) -> bool:
        """Whether anything may have happened between ``start`` and ``end``; no earlier time is asked about again."""
        self._spans = [span for span in self._spans if span[1] > start]
        far = self._time is not None and self._until - self._time > FAR and end > self._time
        return self._count < 2 or far or any(begin < end for begin, _ in self._spans)


def _unlike(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((np.abs(one - other).max(-1) > LEVELS).mean() > AREA)


class _Pictures:
    """Windows of a video's pictures, decoded when asked for; those that follow each other in one go."""

    def __init__(self, path: str, options: MediaOptions, limits: Limits | None) -> None:
        self._path, self._options, self._limits = path, options, limits
        self._reader: MediaReader | None = None
        self._windows: Iterator[Clip] = iter(())
        self._next = -1.0  # where the next of these begins

    def close(self) -> None:
        """End the decoding."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def account(self) -> Quality | None:
        """What was found in them, where they were decoded up to the file's end; only then is it known."""
        with suppress(MediaError):  # of pictures behind those that were asked for
            if self._reader is not None and next(self._windows, None) is None:
                return self._reader.quality
        return None

    def window(self, start: float) -> Clip | None:
        """The window that begins at ``start``; None where the pictures have ended."""
        if self._reader is None or abs(self._next - start) > 1e-6:
            self.close()
            self._reader = MediaReader(self._path, replace(self._options, start=start or None), self._limits)
            self._windows = iter(self._reader)
        try:
            clip = next(self._windows, None)
        except MediaError as error:
            if error.code is not Code.CONFIG:  # which says that there is nothing from there on
                raise
            clip = None
        self._next = -1.0 if clip is None else clip.start + self._options.hop
        return clip
