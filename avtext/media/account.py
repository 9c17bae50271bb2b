"""The account of a file: what it promised, what came out, and whether the difference is worth telling.

Three things are compared: packets against what was decoded from them, time stamps against what lies between
them, and the headers' promises against the last thing found. Formats that only estimate their length are not
held to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from avtext.errors import Code, MediaError
from avtext.media.container import Source
from avtext.media.diagnosis import num_log_lines
from avtext.media.frames import Pictures
from avtext.media.quality import MAX_AUDIO_LOST, MAX_FRAMES_LOST, Quality
from avtext.media.waveform import Waveform

_MAX_GAPS = 100  # listed; all are counted
_MIN_GAP = 0.015  # seconds; shorter ones are not worth telling
_SLACK = 1.5  # packets by which encoders pad and prime, which is no loss
_MAX_SLACK = 0.07  # seconds
_LONG_PACKET = 1.0  # seconds
_NOTHING = 0.001  # seconds
_REORDERED = 5.0  # seconds that a frame is decoded before it is shown, at most
_BELIEVED = 100  # times the frames that are expected: the most that a damaged header is believed to have had
_HIDDEN = 10  # packets; a few before the start are usual


@dataclass
class Tally:
    """Counts of one stream while it is decoded.

    Args:
        name: ``"audio"`` or ``"video"``.
        tick: seconds per unit of the stream's time stamps.
        frame_seconds: that each packet lasts; 0 where they differ, or nobody knows.
    """

    name: str
    tick: Fraction = Fraction(1)
    frame_seconds: float = 0.0
    packets: int = 0  # that should give something to show or to hear
    unshown: int = 0  # packets that rightly give nothing: before an edit list's start, empty, invisible
    packet_ticks: int = 0  # how long the packets last
    unshown_ticks: int = 0  # and those that give nothing
    skipped: int = 0
    decoded: int = 0
    encrypted: int = 0  # packets that could not be decoded and say that they are encrypted
    interlaced: int = 0
    corrupt: int = 0  # frames that the decoder itself marked as damaged
    disbelieved: int = 0  # frames with impossible times
    undecodable: int = 0  # frames in a format that cannot be converted
    last_duration: float = 0.0

    def count(self, packet: Any | None) -> None:
        """Count a packet before it is decoded."""
        if packet is None:
            return
        if packet.is_discard or not packet.size or _invisible(packet):
            self.unshown += 1
            self.unshown_ticks += packet.duration or 0
            late = 0 if packet.pts is None or packet.dts is None else abs(packet.pts - packet.dts)
            self.disbelieved += self.seconds(late) > _REORDERED
            return
        self.packets += 1
        self.packet_ticks += packet.duration or 0

    def seconds(self, ticks: int) -> float:
        """Seconds that so many units are; as exact as with fractions, and much faster."""
        return ticks * self.tick.numerator / self.tick.denominator

    @property
    def packet_seconds(self) -> float:
        """Seconds that the packets should last."""
        return self.seconds(self.packet_ticks)

    @property
    def packet_duration(self) -> float:
        """Average seconds per packet."""
        return self.packet_seconds / self.packets if self.packets else 0.0

    @property
    def expected(self) -> int:
        """Frames that the packets should give; interlaced video may come as two packets per frame."""
        fields = self.interlaced > self.decoded / 2 and self.packets > 1.5 * self.decoded
        return max(self.decoded, (self.packets + 1) // 2 if fields else self.packets)


def _invisible(packet: Any) -> bool:
    """Whether a VP8 packet holds a frame that is only there for others to refer to."""
    return packet.stream.codec_context.name in ("vp8", "libvpx") and not memoryview(packet)[0] & 0x10


@dataclass
class Account:
    """What was expected of a file and what was found; becomes a :class:`Quality`."""

    source: Source
    partial: bool = False  # whether a part of the file is all that is wanted: nothing can be said about its length
    keyframes: bool = False  # whether keyframes alone of the video are: nothing can be said about the others
    unreadable: int = 0  # places where the container could not be read
    num_jumps: int = 0  # of the container's clock, that were undone
    gave_up: set[str] = field(default_factory=set)  # streams that lagged too far behind
    audio: Tally = field(init=False)
    video: Tally = field(init=False)

    def __post_init__(self) -> None:
        audio, video = self.source.audio, self.source.video
        self.audio = Tally("audio", (audio and audio.time_base) or Fraction(1), _frame_seconds(audio))
        self.video = Tally("video", (video and video.time_base) or Fraction(1))

    def of(self, stream: Any) -> Tally:
        """The tally of a stream."""
        return self.audio if stream is self.source.audio else self.video

    def nothing_decoded(self) -> MediaError:
        """The error for a file in which nothing was found."""
        info = self.source.info
        found = self.audio.packets + self.video.packets
        if self.audio.encrypted + self.video.encrypted:
            text = f"{info.path}: is encrypted; decrypt it first"
            return MediaError(text, code=Code.UNSUPPORTED, stage="decode")
        if self._promised > 2 * found or not found:
            text = f"{info.path}: holds headers but hardly any media ({found} packets); it was cut off"
            return MediaError(text, code=Code.TRUNCATED, stage="decode")
        text = f"{info.path}: nothing in it could be decoded ({found} packets of {', '.join(info.codecs)} tried)"
        return MediaError(text, code=Code.CORRUPT, stage="decode")

    def summary(self, audio: Waveform | None, video: Pictures | None, end: float) -> Quality:
        """The final account.

        Args:
            audio, video: what was placed.
            end: last presentation end in seconds.
        """
        # an AVI's reader goes on behind a hole without a word
        damaged = self._damaged() or (self.source.info.format == "avi" and audio is not None and bool(audio.gaps))
        gaps = [("audio", *gap) for gap in (audio.gaps if audio is not None else ()) if gap[1] - gap[0] >= _MIN_GAP]
        if damaged and video is not None and not self.keyframes:
            gaps += [("video", *pause) for pause in video.pauses]
        quality = Quality(
            declared_duration=self.source.info.duration,
            decoded_duration=end,
            gaps=tuple(gaps[:_MAX_GAPS]),
            num_gaps=len(gaps),
            skipped_packets=self.audio.skipped + self.video.skipped + self.unreadable,
            samples_sanitised=audio.sanitised if audio is not None else 0,
            frames_expected=0 if video is None else self._frames_expected(video, end, damaged),
            frames_decoded=self.video.decoded,
            frames_damaged=self.video.corrupt,
            audio_expected=0.0 if audio is None else self._audio_expected(audio, end),
            audio_decoded=audio.seconds if audio is not None else 0.0,
            modalities=tuple(tally.name for tally in (self.audio, self.video) if tally.decoded),
        )
        return replace(quality, reasons=tuple(self._reasons(quality, audio, video)))

    @property
    def _promised(self) -> int:
        """Packets that the headers speak of, sound's and picture's."""
        return sum(stream.frames for stream in (self.source.audio, self.source.video) if stream is not None)

    def _damaged(self) -> bool:
        """Whether anything went wrong at all, FFmpeg's own complaints in the log included."""
        counted = self.unreadable + self.audio.skipped + self.video.skipped + self.video.corrupt
        return counted > 0 or num_log_lines() > 0

    def _missing_end(self, stream: Any, end: float, file_end: float) -> float:
        """Seconds between where a stream ends and where it or the file should."""
        if self.partial or self.num_jumps or not self.source.length_known:
            return 0.0
        if stream.duration and self.source.info.format.startswith("mov"):
            declared = float(((stream.start_time or 0) + stream.duration) * stream.time_base)
            return max(0.0, declared - self.source.origin - end)
        reached = end if self._damaged() else file_end  # a stream of a whole file may end before the others
        return max(0.0, self.source.promised_seconds(stream) - reached)

    def _frames_expected(self, video: Pictures, file_end: float, damaged: bool) -> int:
        stream: Any = self.source.video
        tally = self.video
        if self.partial or self.keyframes:  # the decoder may still hold frames that were not wanted
            return tally.decoded + tally.skipped
        interval = video.usual_interval or tally.packet_duration or 0.04
        missing = self._missing_end(stream, video.end, file_end)
        short = missing > _SLACK * interval
        expected = tally.expected + (round(missing / interval) if short else 0)
        if damaged or short:
            promised = stream.frames - tally.unshown
            skipped = video.num_skipped if damaged else 0
            expected = max(expected, tally.decoded + skipped, min(promised, _BELIEVED * max(expected, 1)))
        return expected

    def _audio_expected(self, audio: Waveform, file_end: float) -> float:
        slack = min(_SLACK * max(self.audio.packet_duration, 0.02), _MAX_SLACK)
        missing_end = self._missing_end(self.source.audio, audio.end, file_end)
        gaps = sum(b - a for a, b in audio.gaps)
        undecoded = 0.0 if self.partial else self.audio.packet_seconds - audio.seconds
        lost = max(undecoded - slack, gaps + (missing_end if missing_end > slack else 0.0))
        return audio.seconds + max(0.0, lost)

    def _reasons(self, quality: Quality, audio: Waveform | None, video: Pictures | None) -> Iterator[str]:
        frames, seconds = quality.frames_expected, quality.audio_expected
        if quality.frames_lost > MAX_FRAMES_LOST * frames:
            yield f"{quality.frames_lost} of {frames} video frames are missing"
        if quality.frames_damaged > MAX_FRAMES_LOST * frames:
            yield f"{quality.frames_damaged} of {frames} video frames are damaged"
        share = MAX_FRAMES_LOST if self._damaged() else MAX_AUDIO_LOST  # a whole file's clocks may be that far apart
        if quality.audio_lost > share * seconds:
            yield f"{quality.audio_lost:.2f} of {seconds:.2f} s of audio are missing"
        yield from self.source.complaints
        promised = self._promised
        if self.source.length_known and promised > _HIDDEN and 0 < (self.source.info.duration or 0.0) < _NOTHING:
            yield f"the headers say that {promised} packets last {self.source.info.duration:.6f} s together"
        streams: tuple[Any, Any] = (self.source.audio, self.source.video)
        for tally, part, stream in zip((self.audio, self.video), (audio, video), streams, strict=True):
            if part is not None:
                known = not (self.partial or (self.keyframes and part is video))
                yield from _stream_reasons(tally, part, stream.frames if known else 0)
        info = self.source.info
        for kind, there in (("audio", info.has_audio), ("video", info.has_video)):
            codecs = [name for name in info.unsupported if name.startswith(kind)]
            if codecs and not there:
                yield f"the {kind} was left out, there is no decoder for it ({codecs[0]})"
        for kind in sorted(self.gave_up):
            yield f"the {kind} lies too far from the rest of the file; parts of it were left out"


def _frame_seconds(audio: Any | None) -> float:
    codec = None if audio is None else audio.codec_context
    return 0.0 if codec is None or not codec.sample_rate else (codec.frame_size or 0) / codec.sample_rate


def _stream_reasons(tally: Tally, part: Waveform | Pictures, promised: int) -> Iterator[str]:
    """What is wrong with one stream, of which the headers promise so many packets (0 where nobody knows)."""
    if not tally.decoded:
        yield f"nothing of the {tally.name} could be decoded"
    hidden = max(tally.unshown, promised - tally.packets)  # those behind the edit list's end are not even read
    if hidden > tally.packets and tally.packet_duration > _LONG_PACKET:
        yield f"the edit list hides {hidden} {tally.name} packets, of seconds each: the track's time scale is wrong"
    if tally.unshown > _HIDDEN and tally.seconds(tally.unshown_ticks) < 0.5 * tally.unshown * tally.frame_seconds:
        yield f"the edit list hides {tally.unshown} {tally.name} packets that are said to last no time"
    if tally.undecodable:
        yield f"{tally.undecodable} {tally.name} frames have a format that cannot be converted"
    if tally.disbelieved > MAX_FRAMES_LOST * tally.decoded:
        yield f"{tally.disbelieved} {tally.name} frames have impossible times"
    if isinstance(part, Waveform) and part.overlapped > MAX_AUDIO_LOST * (part.overlapped + part.seconds):
        yield f"{part.overlapped:.2f} s of audio have the times of others and were left out"
    if isinstance(part, Pictures) and part.out_of_order > MAX_FRAMES_LOST * part.num_frames:
        yield f"{part.out_of_order} video frames came out of order and were left out"
