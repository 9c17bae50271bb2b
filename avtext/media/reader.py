"""Any video or audio file, read safely into window-sized Clips: :class:`MediaReader`, :func:`probe`."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from avtext.clip import AUDIO_RATE, Clip, Cue, Stream
from avtext.errors import Code, MediaError
from avtext.media.opening import media_file, shown, spooled
from avtext.media.options import Limits, MediaOptions
from avtext.media.process import DecoderProcess
from avtext.media.quality import MediaInfo, Quality
from avtext.timeline import GRID_RATE

_MAX_SPOOL = 64 << 30  # bytes of a file object


def probe(path: str | Path, limits: Limits | None = None) -> MediaInfo:
    """What a file's headers say, without decoding it.

    Raises:
        MediaError: it is no media file, not a safe one, or has nothing that can be decoded.
    """
    return _ask(path, "probe", limits)[0]


def embedded_cues(path: str | Path, limits: Limits | None = None) -> tuple[Cue, ...]:
    """The cues of the first text subtitle stream inside a media file; empty where there is none.

    Raises:
        MediaError: as :func:`probe`.
    """
    _, answer = _ask(path, "cues", limits)
    return tuple(Cue(float(start), float(end), str(text)) for start, end, text in answer["cues"])


def content_sha256(path: str | Path, limits: Limits | None = None) -> str:
    """SHA-256 of the sound and picture in a file as they are encoded; the same in another container, or under a name.

    Raises:
        MediaError: as :func:`probe`.
    """
    _, answer = _ask(path, "content", limits)
    return str(answer["sha256"])


def _ask(path: str | Path, kind: str, limits: Limits | None) -> tuple[MediaInfo, dict[str, Any]]:
    process = DecoderProcess(media_file(path), shown(path), kind, MediaOptions(), limits or Limits())
    try:
        info = MediaInfo.from_dict(process.receive()[0]["info"])
        return info, process.receive()[0] if kind != "probe" else {}
    finally:
        process.close()


class MediaReader:
    """Reads a file into Clips, one window after the other; memory does not grow with its length.

    The file is decoded in a child process, one window ahead of the one that is worked on.

    Args:
        source: a path, or a file object opened in binary mode, which is copied to a private file first.
        options: what to give; :class:`MediaOptions`.
        limits: what the file may cost; :class:`Limits`.

    Raises:
        MediaError: the file cannot be opened; while iterating, it cannot be decoded.

    Example::

        with MediaReader("video.mp4", MediaOptions(window=30.0)) as reader:
            for clip in reader:
                print(clip.start, clip.duration, clip.modalities)
        print(reader.quality.status)
    """

    def __init__(
        self,
        source: str | Path | BinaryIO,
        options: MediaOptions | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.options = options or MediaOptions()
        self.limits = limits or Limits()
        self._stack = ExitStack()
        self._quality: Quality | None = None
        self._cues: tuple[Cue, ...] | None = None
        self._prefetch: _Prefetch | None = None
        self._closed = False
        with self._stack:
            if isinstance(source, str | os.PathLike):
                self.name = shown(source)
                self._path = media_file(source)
            else:
                named = getattr(source, "name", None)  # of a pipe a number, of a temporary file perhaps None
                self.name = shown(named) if named and isinstance(named, str | Path) else "file object"
                self._path = media_file(self._stack.enter_context(spooled(source, _MAX_SPOOL)), self.name)
            self._process = DecoderProcess(self._path, self.name, "decode", self.options, self.limits)
            self._stack.callback(self._process.close)
            self.info = MediaInfo.from_dict(self._process.receive()[0]["info"])
            self._stack = self._stack.pop_all()  # opened well: close() undoes it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> str:
        """What is decoded; of a file object the private copy, which is there until this is closed."""
        return self._path

    def close(self) -> None:
        """End the decoding and remove temporary files; more than once does no harm.

        Who waits for a Clip or asks for another one gets a MediaError.
        """
        self._closed = True
        if self._prefetch is not None:
            self._prefetch.stop(self._error("is closed; open it again"))
        self._stack.close()

    @property
    def quality(self) -> Quality:
        """The account of the file, final once all Clips were read.

        Raises:
            MediaError: not all Clips were read yet.
        """
        if self._quality is None:
            raise self._error("quality is known when all clips have been read; iterate to the end first")
        return self._quality

    @property
    def cues(self) -> tuple[Cue, ...]:
        """The cues of the first text subtitle stream inside the file; read when first asked for."""
        if self._cues is None:
            self._cues = embedded_cues(self._path, self.limits) if self.info.subtitles else ()
        return self._cues

    def __iter__(self) -> Iterator[Clip]:
        if self._prefetch is not None:
            raise self._error("a MediaReader can be iterated once; open another")
        if self._closed:
            raise self._error("is closed; open it again")
        self._prefetch = _Prefetch(self._process)
        while True:
            message, arrays = self._prefetch.next()
            if message["kind"] == "end":
                self._quality = Quality.from_dict(message["quality"])
                self.info = replace(self.info, rotation=int(message["rotation"]))
                return
            yield self._clip(message, arrays)

    def _error(self, text: str) -> MediaError:
        return MediaError(f"{self.name}: {text}", code=Code.CONFIG, stage="decode")

    def _clip(self, message: dict[str, Any], arrays: dict[str, np.ndarray]) -> Clip:
        start, rate = float(message["start"]), self.options.frame_rate
        clip = Clip(float(message["duration"]), start, name=self.name)
        if "audio" in arrays:
            clip = replace(clip, audio=Stream(arrays["audio"], float(AUDIO_RATE), start, arrays["audio_mask"]))
        if "video" in arrays:
            video = Stream(arrays["video"], rate, float(message["video_start"]), arrays["video_mask"])
            clip = replace(clip, video=video)
        if "picture" in arrays:
            clip = replace(clip, picture=Stream(arrays["picture"], GRID_RATE, start, arrays["picture_mask"]))
        return clip


class _Prefetch:
    """A thread that reads one message ahead, so that the child decodes while its parent works."""

    def __init__(self, process: DecoderProcess) -> None:
        self._process = process
        self._ready: queue.Queue[Any] = queue.Queue(maxsize=1)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="avtext-decoder", daemon=True)
        self._thread.start()

    def next(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The next message, or the error that came instead."""
        item = self._ready.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def stop(self, error: MediaError) -> None:
        """End the thread and the child that it waits for; who waits for a message, or will, gets ``error``."""
        self._stopped.set()
        self._process.kill()
        self._thread.join()
        with suppress(queue.Empty):
            self._ready.get_nowait()
        self._ready.put(error)

    def _run(self) -> None:
        last = False
        while not last:
            item: Any
            try:
                item = self._process.receive()
                last = item[0]["kind"] == "end"
            except Exception as error:  # handed to the thread that waits for it, which raises it
                item, last = error, True
            while not self._stopped.is_set():
                try:
                    self._ready.put(item, timeout=0.1)
                    break
                except queue.Full:
                    continue
            last = last or self._stopped.is_set()
