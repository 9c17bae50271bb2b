"""From a file, or from tensors, to events."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import numpy as np
import torch

from avtext.alignment.joint import align_jointly
from avtext.alignment.pairwise import Alignment
from avtext.clip import MODALITIES, Clip, Cue, Event, Stream
from avtext.errors import AvtextError, InvalidInput
from avtext.features import reading_for
from avtext.media import Limits, MediaOptions, MediaReader, embedded_cues
from avtext.media.cues import find_cues, read_cues
from avtext.model import EventDetector, load_detector
from avtext.pipeline.result import Failure, Result
from avtext.pipeline.windows import EncodedVideo, decode_chunks, encoding_halo
from avtext.timeline import ClockMap

_PACKAGE = Path(__file__).resolve().parents[1]
DEFAULT_MODEL = next(
    (
        place
        for place in (_PACKAGE / "assets" / "model", _PACKAGE.parent / "assets" / "model")
        if place.is_dir()
    ),
    _PACKAGE / "assets" / "model",
)
WINDOW = 60.0  # seconds that are decoded and encoded at once


class Hook(Protocol):
    """Told how far a step has come: ``hook(step, artifact, file=…, total=…, completed=…)``.

    ``step`` is ``"read"``, ``"align"``, ``"fuse"`` or ``"decode"``; ``total`` and ``completed`` are seconds of the
    video, ``total`` None where the file does not say how long it is.
    """

    def __call__(
        self, step: str, artifact: Any = None, *, file: str, total: float | None, completed: float
    ) -> None:
        """Receive a step."""
        ...


class Pipeline:
    """Finds events with one detector.

    Args:
        model: a trained detector.
        device: where it runs; ``"auto"`` takes a GPU where there is one.
        threshold: events with a lower score are left out.
        align: whether the clocks of sound and text are checked against the picture's.
        limits: what one file may cost; :class:`avtext.media.Limits`.

    Example:
        >>> pipe = Pipeline.from_pretrained()                     # doctest: +SKIP
        >>> for event in pipe("video.mp4"):                       # doctest: +SKIP
        ...     print(event.start, event.end, event.label, event.score)
    """

    def __init__(
        self,
        model: EventDetector,
        *,
        device: str = "auto",
        threshold: float = 0.0,
        align: bool = True,
        limits: Limits | None = None,
    ) -> None:
        if not 0.0 <= threshold <= 1.0:
            raise InvalidInput(f"threshold: must lie in [0, 1], got {threshold}")
        self.device = _device(device)
        self.model = model.eval().to(self.device)
        self.threshold, self.align, self.limits = threshold, align, limits

    @classmethod
    def from_pretrained(cls, source: str | Path | None = None, **options: Any) -> Pipeline:
        """A pipeline with a stored model.

        Args:
            source: a model folder, or a hub id such as ``"someone/model"``; None is the default model of the package.
            options: those of the constructor.

        Raises:
            ModelError: there is no such model, or it is refused.
        """
        return cls(load_detector(_model_folder(source)), **options)

    @property
    def labels(self) -> tuple[str, ...]:
        """What the model can find."""
        return self.model.settings.labels

    def __call__(
        self,
        source: str | Path | BinaryIO | Clip,
        *,
        transcript: str | Path | Sequence[Cue] | None = None,
        start: float | None = None,
        end: float | None = None,
        classes: Sequence[str] | None = None,
        hook: Hook | None = None,
    ) -> Result:
        """Events in one video or audio file.

        Args:
            source: a path, a binary file object, or a :class:`avtext.clip.Clip` with waveform and frames.
            transcript: subtitle file, or cues; by default a subtitle file beside the video, else those inside it.
            start, end: seconds, to analyse a part only.
            classes: labels to report; all by default.
            hook: told the progress; see :class:`Hook`.

        Raises:
            MediaError: the file cannot be read; ``code`` says why.
            InvalidInput: a class that the model does not know.
        """
        wanted = self._wanted(classes)
        tell = hook or _silent
        with ExitStack() as stack:
            if isinstance(source, Clip):
                reading: _Reading = _ClipReading(source)
            else:
                reading = _FileReading(source, transcript, self._options(start, end), self.limits, stack)
            encoded = stack.enter_context(EncodedVideo(self.model))
            for clip, last in _with_last(reading.clips()):
                encoded.add(clip, last)
                tell("read", None, file=reading.name, total=reading.total, completed=clip.end)
            return self._finish(encoded, reading, wanted, tell)

    def cues_of(self, video: str | Path) -> tuple[Cue, ...]:
        """The cues that go with a video when none are given: those beside it, else those inside it."""
        beside = _given_cues(video, None)
        return embedded_cues(video, self.limits) if beside is None else beside

    def _options(self, start: float | None, end: float | None) -> MediaOptions:
        overlap = 2.0 * (encoding_halo(self.model) + 1) / self.model.settings.grid_rate
        return reading_for(
            dict(self.model.encoders.items()), window=WINDOW, overlap=overlap, start=start, end=end
        )

    def _wanted(self, classes: Sequence[str] | None) -> frozenset[str]:
        unknown = [name for name in classes or () if name not in self.labels]
        if unknown:
            raise InvalidInput(
                f"classes: {unknown[0]!r} is not one of the model's labels: {', '.join(self.labels)}"
            )
        return frozenset(self.labels if classes is None else classes)

    def _finish(self, encoded: EncodedVideo, reading: _Reading, wanted: frozenset[str], tell: Hook) -> Result:
        rate, total = self.model.settings.grid_rate, len(encoded)
        origin = encoded.start_step / rate
        alignment = self._find_clocks(encoded)
        tell("align", alignment, file=reading.name, total=total / rate, completed=total / rate)
        clocks = {name: found.clock for name, found in alignment.items()}
        decoded = decode_chunks(self.model, encoded.emissions(clocks))
        tell("fuse", decoded.gates, file=reading.name, total=total / rate, completed=total / rate)
        found = self.model.scheme.decode(decoded.tags, decoded.activity, rate, origin, decoded.gates)
        quality, duration = reading.account(origin + total / rate)
        events = [
            _clip_to(event, duration) for event in found if event.label in wanted and event.start < duration
        ]
        events = [event for event in events if event.score >= self.threshold]
        tell("decode", events, file=reading.name, total=duration, completed=duration)
        return Result(
            file=reading.name,
            status=str(quality.get("status", "ok")),
            start_time=reading.start_time,
            duration=duration,
            events=tuple(sorted(events)),
            labels=self.labels,
            scores=Stream(decoded.activity, rate, origin),
            gates=Stream(decoded.gates, rate, origin),
            alignment={name: _describe(value) for name, value in alignment.items()},
            quality=quality,
            modalities=encoded.modalities_present(),
        )

    def _find_clocks(self, encoded: EncodedVideo) -> dict[str, Alignment]:
        if not self.align or not self.model.settings.alignment.enabled:
            return {}
        found = encoded.embeddings()
        present = {name: pair for name, pair in found.items() if pair[1].any()}
        if "video" not in present or len(present) < 2:
            return {}
        embeddings = {name: pair[0] for name, pair in present.items()}
        masks = {name: pair[1] for name, pair in present.items()}
        return align_jointly(embeddings, masks, rate=self.model.settings.grid_rate)

    def batch(
        self,
        sources: Iterable[str | Path],
        *,
        on_error: Literal["raise", "skip", "return"] = "raise",
        **options: Any,
    ) -> Iterator[Result | Failure]:
        """Results of many files, in order, as they are ready.

        Args:
            sources: paths.
            on_error: what a file that cannot be read does: raise, be left out, or give a :class:`Failure`.
            options: those of calling the pipeline.
        """
        if on_error not in ("raise", "skip", "return"):
            raise InvalidInput(f"on_error: must be raise, skip or return, got {on_error!r}")
        for source in sources:
            try:
                yield self(source, **options)
            except AvtextError as error:
                if on_error == "raise":
                    raise
                if on_error == "return":
                    yield Failure.of(str(source), error)


class _Reading(Protocol):
    """Where windows come from."""

    name: str
    total: float | None
    start_time: float

    def clips(self) -> Iterator[Clip]: ...

    def account(self, seen: float) -> tuple[Mapping[str, Any], float]: ...


class _FileReading:
    """Windows of a file, with its cues; the quality block when it was read."""

    def __init__(
        self,
        source: str | Path | BinaryIO,
        transcript: str | Path | Sequence[Cue] | None,
        options: MediaOptions,
        limits: Limits | None,
        stack: ExitStack,
    ) -> None:
        cues = _given_cues(source, transcript)
        self._reader = stack.enter_context(MediaReader(source, options, limits))
        self.name = self._reader.name
        self.start_time = self._reader.info.start_time
        self.total = self._reader.info.duration
        self._cues = self._reader.cues if cues is None else cues

    def clips(self) -> Iterator[Clip]:
        for clip in self._reader:
            inside = tuple(cue for cue in self._cues if cue.end > clip.start and cue.start < clip.end)
            yield replace(clip, cues=inside)

    def account(self, seen: float) -> tuple[Mapping[str, Any], float]:
        quality = self._reader.quality
        end = quality.decoded_duration or seen
        if self._reader.options.end is not None:
            end = min(end, self._reader.options.end)
        return quality.to_dict(), end


class _ClipReading:
    """A clip that is already in memory, as one window."""

    start_time = 0.0

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self.name = clip.name or "clip"
        self.total: float | None = clip.end

    def clips(self) -> Iterator[Clip]:
        yield self._clip

    def account(self, seen: float) -> tuple[Mapping[str, Any], float]:
        return {"status": "ok", "reasons": []}, self._clip.end


def _given_cues(source: object, transcript: str | Path | Sequence[Cue] | None) -> tuple[Cue, ...] | None:
    """Cues that were given or lie beside the file; None where neither."""
    if transcript is None:
        beside = find_cues(Path(source)) if isinstance(source, str | os.PathLike) else None
        return None if beside is None else read_cues(beside)
    return read_cues(transcript) if isinstance(transcript, str | os.PathLike) else tuple(transcript)


def _with_last(clips: Iterable[Clip]) -> Iterator[tuple[Clip, bool]]:
    iterator = iter(clips)
    held = next(iterator, None)
    while held is not None:
        following = next(iterator, None)
        yield held, following is None
        held = following


def _clip_to(event: Event, duration: float) -> Event:
    return event if event.end <= duration else replace(event, end=max(event.start, duration))


def _describe(found: Alignment) -> dict[str, Any]:
    clock: ClockMap = found.clock
    return {
        "offset": round(clock.offset, 4),
        "drift_ppm": round(clock.drift_ppm, 2),
        "breaks": [[round(at, 3), round(jump, 3)] for at, jump in clock.breaks],
        "confidence": round(float(np.clip(found.confidence, 0, 1)), 4),
        "abstained": bool(found.abstained),
        "clock": clock.to_dict(),
    }


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise InvalidInput(f"device: {name} was asked for but no GPU is there: use cpu or auto")
    try:
        return torch.device(name)
    except RuntimeError:
        raise InvalidInput(f"device: must be auto, cpu or cuda[:n], got {name!r}") from None


def _model_folder(source: str | Path | None) -> Path:
    """A local folder, or the folder that a hub id was downloaded to."""
    if source is None:
        return DEFAULT_MODEL
    if Path(source).is_dir() or len(Path(source).parts) != 2:
        return Path(source)
    from avtext.pipeline.hub import download

    return download(str(source))


def _silent(step: str, artifact: Any = None, *, file: str, total: float | None, completed: float) -> None:
    return None


__all__ = ["DEFAULT_MODEL", "MODALITIES", "Hook", "Pipeline"]
