"""What a file says about itself and what was really found in it: :class:`MediaInfo` and :class:`Quality`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

MAX_FRAMES_LOST = 0.02  # of the frames; more makes a file degraded
MAX_AUDIO_LOST = 0.05  # of the seconds of audio
_SEEKABLE = ("mov", "matroska", "avi")  # containers with an index that tells the truth


@dataclass(frozen=True)
class MediaInfo:
    """A file as its headers describe it; none of it is verified by decoding.

    Args:
        path: the file as messages name it: on one line, and ``"file object"`` where it has no name.
        format: the container's name, such as ``"mov,mp4,m4a,3gp,3g2,mj2"``.
        duration: declared seconds; None where the file does not say.
        start_time: seconds of the container's clock that presentation time 0 stands for.
        has_audio, has_video: whether a stream that can be decoded was chosen.
        fps: average frames per second, 0 where not known.
        width, height: pixels as stored, before rotation.
        rotation: degrees counterclockwise by which frames are turned, one of 0, 90, 180, 270; known once the
            file was decoded, so 0 in a probe.
        sample_rate: Hz as stored.
        channels: as stored.
        codecs: names of the chosen streams' decoders, audio first.
        subtitles: ``(stream index, codec, language)`` of every text subtitle stream.
        unsupported: codecs of streams that would have been chosen but cannot be decoded.
    """

    path: str
    format: str = ""
    duration: float | None = None
    start_time: float = 0.0
    has_audio: bool = False
    has_video: bool = False
    fps: float = 0.0
    width: int = 0
    height: int = 0
    rotation: int = 0
    sample_rate: int = 0
    channels: int = 0
    codecs: tuple[str, ...] = ()
    subtitles: tuple[tuple[int, str, str], ...] = ()
    unsupported: tuple[str, ...] = ()

    @property
    def seekable(self) -> bool:
        """Whether a part in the middle is found without reading what comes before."""
        return self.format.split(",")[0] in _SEEKABLE

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MediaInfo:
        """The inverse of :meth:`to_dict`, also after a trip through JSON."""
        lists = {name: tuple(values[name]) for name in ("codecs", "unsupported")}
        return cls(**{**values, **lists, "subtitles": tuple(map(tuple, values["subtitles"]))})


@dataclass(frozen=True)
class Quality:
    """How much of a file was found and what was done about the rest.

    Args:
        declared_duration: seconds that the headers promise; None where they do not.
        decoded_duration: last presentation end minus the start, in seconds.
        gaps: ``(stream, start, end)`` in seconds where a stream has nothing between two parts; 100 at most.
        num_gaps: how many there are.
        skipped_packets: packets that could not be read or decoded.
        samples_sanitised: audio samples that were not finite and became 0.
        frames_expected, frames_decoded: video frames that the file holds and that were decoded.
        frames_damaged: frames that the decoder marked as damaged.
        audio_expected, audio_decoded: seconds of audio, likewise.
        modalities: ``"audio"`` and ``"video"`` where something was decoded.
        reasons: why the file is degraded, one sentence each; empty when it is not.
        pictures_seen: spans in seconds whose pictures were decoded, where the file was skimmed; None: all.

    Example:
        >>> Quality(reasons=("8 of 100 video frames are missing",)).status
        'degraded'
    """

    declared_duration: float | None = None
    decoded_duration: float = 0.0
    gaps: tuple[tuple[str, float, float], ...] = ()
    num_gaps: int = 0
    skipped_packets: int = 0
    samples_sanitised: int = 0
    frames_expected: int = 0
    frames_decoded: int = 0
    frames_damaged: int = 0
    audio_expected: float = 0.0
    audio_decoded: float = 0.0
    modalities: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    pictures_seen: tuple[tuple[float, float], ...] | None = None

    @property
    def status(self) -> str:
        """``"ok"`` or ``"degraded"``."""
        return "degraded" if self.reasons else "ok"

    @property
    def frames_lost(self) -> int:
        """Video frames that are missing."""
        return max(0, self.frames_expected - self.frames_decoded)

    @property
    def audio_lost(self) -> float:
        """Seconds of audio that are missing."""
        return max(0.0, self.audio_expected - self.audio_decoded)

    def to_dict(self) -> dict[str, Any]:
        """Plain values with the status, for JSON; without ``pictures_seen`` where that is None."""
        values = {"status": self.status, **asdict(self)}
        if self.pictures_seen is None:
            del values["pictures_seen"]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Quality:
        """The inverse of :meth:`to_dict`, also after a trip through JSON."""
        lists = {name: tuple(values[name]) for name in ("modalities", "reasons")}
        gaps = tuple((str(name), float(start), float(end)) for name, start, end in values["gaps"])
        seen = values.get("pictures_seen")
        spans = None if seen is None else tuple((float(start), float(end)) for start, end in seen)
        plain = {name: value for name, value in values.items() if name != "status"}
        return cls(**{**plain, **lists, "gaps": gaps, "pictures_seen": spans})
