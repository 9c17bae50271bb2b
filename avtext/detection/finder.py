"""From a file, or from tensors, to events with a network."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from avtext.alignment.subtitles import sync_cues
from avtext.clip import Clip, Cue, Stream, is_share
from avtext.detection.batch import Sharing, batch_of
from avtext.detection.clocks import described, find_clocks
from avtext.detection.hook import Hook, silent
from avtext.detection.network import Network
from avtext.detection.reading import ClipReading, FileReading, InMemory, Reading, Transcript, given_cues, held
from avtext.detection.recall import keep, place_of, recall
from avtext.detection.result import Failure, Result
from avtext.detection.skimming import skimmed
from avtext.detection.windows import EncodedVideo, decode_chunks
from avtext.errors import InvalidInput, check_kind
from avtext.features import reading_for
from avtext.formats.schema import AlignmentRecord
from avtext.media import Limits, MediaOptions, embedded_cues
from avtext.media.opening import shown
from avtext.metrics.decision import decide
from avtext.tags import TagScheme, wanted_labels
from avtext.timeline import num_steps

WINDOW = 32.0  # seconds encoded at once, 15 clips of SlowFast: longer takes memory, shorter repeats more halo


class EventFinder:
    """Finds events with one network; :class:`avtext.Pipeline` and :class:`avtext.runtime.Runtime` are two of them.

    Args:
        network: a trained detector.
        threshold: events with a lower score are left out.
        align: whether the clocks of sound and text are checked against the picture's.
        limits: what one file may cost; :class:`avtext.media.Limits`.
        cache: folder in which what was encoded of a file, of up to half an hour, is kept: asked about it again, with
            another threshold, other classes or without aligning, nothing before the fusion is computed anew.
        skim: whether pictures are decoded only where something is heard or read, or where keyframes differ; for
            archives in which little happens (:mod:`avtext.detection.skimming`).

    Raises:
        InvalidInput: a threshold outside [0, 1], or limits or a cache of another kind.
    """

    pickler: type[pickle.Pickler] = pickle.Pickler  # that sends one to worker processes

    def __init__(
        self,
        network: Network,
        *,
        threshold: float = 0.0,
        align: bool = True,
        limits: Limits | None = None,
        cache: str | Path | None = None,
        skim: bool = False,
    ) -> None:
        if not is_share(threshold):
            raise InvalidInput(f"threshold: must lie in [0, 1], got {threshold!r}")
        check_kind("limits", limits, Limits | None, "avtext.Limits, as Limits(threads=1)")
        check_kind("cache", cache, str | os.PathLike | None, "a folder")
        self.network = network
        self.threshold, self.align, self.limits, self.skim = threshold, align, limits, skim
        self.cache = None if cache is None else Path(cache)

    @property
    def labels(self) -> tuple[str, ...]:
        """What the model can find."""
        return self.network.settings.labels

    def __call__(
        self,
        source: Any,
        *,
        transcript: str | Path | Sequence[Cue] | None = None,
        start: float | None = None,
        end: float | None = None,
        classes: Sequence[str] | None = None,
        hook: Hook | None = None,
    ) -> Result:
        """Events in one video or audio file.

        Args:
            source: a path, a binary file object, :class:`avtext.Tensors`, or a :class:`avtext.clip.Clip` with streams
                as the encoders take them; the last two are analysed whole and with the cues they have.
            transcript: subtitle file, or cues; by default a subtitle file beside the video, else those inside it.
            start, end: seconds, to analyse a part of a file only.
            classes: labels to report; all by default.
            hook: told the progress; see :class:`Hook`.

        Raises:
            MediaError: the file cannot be read; ``code`` says why.
            InvalidInput: a class that the model does not know, or an argument that is not as above.
        """
        transcript, classes = held(transcript), held(classes)
        wanted, tell = wanted_labels(classes, self.labels), hook or silent
        source = source.clip(self.network.encoders) if isinstance(source, InMemory) else source
        place = self.place(source, transcript, start, end)
        known = self.recalled(source, place, wanted, tell)
        return known or self.analysed(source, place, wanted, transcript, start, end, tell)

    def analysed(
        self,
        source: Any,
        place: Path | None,
        wanted: frozenset[str],
        transcript: Transcript = None,
        start: float | None = None,
        end: float | None = None,
        tell: Hook = silent,
    ) -> Result:
        """The result of a source of which nothing is kept at ``place``; other arguments as of calling."""
        with ExitStack() as stack:
            encoded = stack.enter_context(EncodedVideo(self.network))
            if isinstance(source, Clip):
                if not (transcript is start is end is None):
                    raise InvalidInput("transcript, start, end: are for files; give the Clip its cues, or cut it first")
                reading: Reading = ClipReading(source, self.network.encoders)
            else:
                reading = self.reading(source, stack, transcript, start, end)
            for end_of_window in encoded.fill(reading.clips()):
                tell("read", None, file=reading.name, total=reading.total, completed=end_of_window)
            return self._finish(encoded, reading, place, wanted, tell)

    def place(
        self, source: Any, transcript: Transcript = None, start: float | None = None, end: float | None = None
    ) -> Path | None:
        """Where what is encoded of a file is kept; None without a cache, or for what is no file."""
        if self.cache is None or not isinstance(source, str | os.PathLike):
            return None
        try:
            if not Path(source).is_file():
                return None
            cues = given_cues(source, transcript)
            options = replace(self._options(start, end), keyframes=self.skim)
            return place_of(self.cache, Path(source), self.network.identity, options, cues)
        except OSError:  # the reader says why it cannot be read
            return None

    def recalled(self, source: Any, place: Path | None, wanted: frozenset[str], tell: Hook = silent) -> Result | None:
        """The result of a file from what is kept of it at ``place``; None where nothing is, or nothing sound."""
        if place is None:
            return None
        with EncodedVideo(self.network) as encoded:
            known = recall(place, encoded, shown(source))
            return None if known is None else self._finish(encoded, known, None, wanted, tell)

    def reading(
        self, source: Any, stack: ExitStack, transcript: Transcript, start: float | None, end: float | None
    ) -> FileReading:
        """Windows of a file as the network takes them; arguments as of calling, ``stack`` closes the file."""
        options = self._options(start, end)
        if self.skim:
            return skimmed(source, transcript, options, self.limits, stack, self.network)
        return FileReading(source, transcript, options, self.limits, stack)

    def _options(self, start: float | None, end: float | None) -> MediaOptions:
        shared = self.network.settings.shared_rate  # windows begin where a step does, so that all lie on one grid
        overlap = num_steps(2.0 * (self.network.encoding_halo + 1) / self.network.settings.grid_rate, shared) / shared
        # A network that sees far needs windows that are longer still.
        window = num_steps(max(WINDOW, 3 * overlap), shared) / shared
        return reading_for(self.network.encoders, window=window, overlap=overlap, start=start, end=end)

    def found_together(
        self, videos: Sequence[tuple[Reading, Clip, Path | None]], wanted: frozenset[str] | None = None
    ) -> list[Result]:
        """Results of videos that are one window each, encoded as one batch; the same as one by one.

        Args:
            videos: what was read, to its end, the only window of it, and where what is encoded is kept, if anywhere.
            wanted: labels to report; all by default.

        Raises:
            StorageError: what was encoded cannot be kept.
        """
        wanted, results = frozenset(self.labels) if wanted is None else wanted, []
        encoded = self.network.encode_together([clip for _, clip, _ in videos])
        for (reading, clip, place), tracks in zip(videos, encoded, strict=True):
            with EncodedVideo(self.network) as video:
                video.add(clip.start, tracks, last=True)
                results.append(self._finish(video, reading, place, wanted, silent))
        return results

    def cues_of(self, video: str | Path) -> tuple[Cue, ...]:
        """The cues that go with a video when none are given: those beside it, else those inside it."""
        beside = given_cues(video, None)
        return embedded_cues(video, self.limits) if beside is None else beside

    def clocks(
        self, video: str | Path, cues: Sequence[Cue] = (), hook: Hook | None = None
    ) -> dict[str, AlignmentRecord]:
        """How sound and cues lie against the picture: per modality offset, drift, breaks and confidence.

        Cues that the embeddings say nothing sure about are compared with where the model hears speech. Whether clocks
        are checked for events (``align``) makes no difference.

        Args:
            video: a path.
            cues: its subtitles; none are looked for.
            hook: told the progress; see :class:`Hook`.

        Raises:
            MediaError: the file cannot be read.
            InvalidInput: the model has learnt no embeddings to find clocks on.
        """
        if not self.network.settings.alignment.enabled:
            raise InvalidInput("clocks: this model does not align (its alignment.enabled is false): take one that does")
        finder = copy(self)
        finder.align = True
        result = finder(video, transcript=tuple(cues), hook=hook)
        found = {name: value for name, value in result.alignment.items() if name != "video"}
        text = found.get("text")
        unsure = text is None or text["abstained"]
        if cues and unsure and "speech" in self.labels and "audio" in result.modalities:
            speech = result.scores.values[:, self.labels.index("speech")]
            heard = described(sync_cues(cues, speech, rate=self.network.settings.grid_rate))
            found["text"] = max((heard, text or heard), key=lambda one: (not one["abstained"], one["confidence"]))
        return found

    def _finish(
        self, encoded: EncodedVideo, reading: Reading, place: Path | None, wanted: frozenset[str], tell: Hook
    ) -> Result:
        if place is not None:
            keep(place, encoded, reading)
        rate = self.network.settings.grid_rate
        origin = encoded.start
        quality, duration = reading.account(origin + len(encoded) / rate)
        alignment = find_clocks(encoded) if self.align else {}
        tell("align", alignment, file=reading.name, total=duration, completed=duration)
        clocks = {name: found.clock for name, found in alignment.items()}
        decoded = decode_chunks(self.network, encoded.emissions(clocks))
        tell("fuse", decoded.gates, file=reading.name, total=duration, completed=duration)
        scheme = TagScheme(self.labels, self.network.settings.scheme)
        plain = scheme.decode(decoded.tags, decoded.activity, rate, origin, decoded.gates, decoded.alone)
        found = decide(plain, self.network.settings.decision)
        kept = [e for e in found if e.label in wanted and e.start < duration and e.score >= self.threshold]
        events = sorted(event if event.end <= duration else replace(event, end=duration) for event in kept)
        tell("decode", events, file=reading.name, total=duration, completed=duration)
        return Result(
            file=reading.name,
            status=str(quality.get("status", "ok")),
            start_time=reading.start_time,
            duration=duration,
            events=tuple(events),
            labels=self.labels,
            scores=Stream(decoded.activity, rate, origin),
            gates=Stream(decoded.gates, rate, origin),
            cues=reading.cues,
            alignment={name: described(value) for name, value in alignment.items()},
            quality=quality,
            modalities=encoded.modalities_present(),
        )

    def batch(
        self,
        sources: Iterable[str | Path],
        *,
        on_error: Literal["raise", "skip", "return"] = "raise",
        jobs: int | None = None,
        together: float | None = None,
        shard: tuple[int, int] | None = None,
        skip: Callable[[str | Path], bool] | None = None,
        **options: Any,
    ) -> Iterator[Result | Failure]:
        """Results of many files, in order, as they are ready.

        Args:
            sources: paths.
            on_error: what a file does that cannot be read, or of which the cache cannot keep anything: raise, be left
                out, or give a :class:`Failure`.
            jobs: so many files at a time, each in a worker process with one thread; what ends a worker, such as a
                lack of memory, costs that file only. None analyses them here, one after the other.
            together: short files of similar length are encoded at once, so many seconds of them, padding included; the
                more, the more memory. None encodes each by itself; what is found is the same.
            shard: ``(i, n)``, to take every ``n``-th source from the ``i``-th on, counted from 1: the work of one of
                ``n`` machines.
            skip: sources for which it is true are left out, such as those whose results are there.
            options: those of calling the pipeline; what is wrong with them raises.

        Raises:
            InvalidInput: a single path, another ``on_error``, ``jobs`` below 1 or with what is no path, a ``hook`` with
                ``jobs`` or ``together``, both of these, ``together`` not above 0, a shard that is none, or no option.

        Example:
            >>> pipe = avtext.Pipeline.from_pretrained()                                # doctest: +SKIP
            >>> for result in pipe.batch(paths, jobs=4, on_error="return"):             # doctest: +SKIP
            ...     print(result.file, result.to_dict()["status"])
        """
        own = {name: held(value) for name, value in options.items()}
        return batch_of(self, sources, on_error, Sharing(jobs, together), shard, skip, own)
