"""One pass over a file: packets in, windows of sound and picture out, and an account of what was missing."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import av
import numpy as np
from av.bitstream import BitStreamFilterContext

from avtext.clip import AUDIO_RATE
from avtext.errors import Code, MediaError
from avtext.media.account import Account, Tally
from avtext.media.clock import Clock, Stamps
from avtext.media.container import Source, only
from avtext.media.diagnosis import refuse_memory
from avtext.media.frames import Pictures
from avtext.media.options import Limits, MediaOptions
from avtext.media.track import Track
from avtext.media.waveform import Waveform
from avtext.media.windows import Windows
from avtext.timeline import GRID_RATE

Send = Callable[[dict[str, Any], dict[str, np.ndarray]], None]
_HEARTBEAT = 0.5  # seconds between signs of life
_MAX_READ_ERRORS = 20  # in a row; then the rest of the file is given up
_CLOCKLESS = ("aac", "ac3", "eac3", "mp3")  # FFmpeg makes up their time stamps from the first frame's sample rate
_UNPACKING = {  # bitstream filters for codecs that transport streams pack, with their parameters, otherwise than MP4
    "h264": "h264_mp4toannexb,filter_units=pass_types=1-5",
    "hevc": "hevc_mp4toannexb,filter_units=pass_types=0-31",
    "aac": "aac_adtstoasc",
}
_KEYFRAMES_APART = 0.5  # seconds; some codecs have nothing else
_PREROLL = 5.0  # seconds before the wanted start, for decoders to find their feet


class SoughtTooFar(Exception):  # noqa: N818  (no error: the file is read from its beginning instead)
    """A seek went past the wanted start in one of the streams."""


def packets(source: Source, streams: list[Any], account: Account, send: Send) -> Iterator[Any]:
    """Packets of ``streams``, going on after an unreadable place, with signs of life now and then."""
    errors, alive = 0, time.monotonic()
    only(source.container, streams)
    while errors < _MAX_READ_ERRORS:
        try:
            for packet in source.container.demux(streams):
                if time.monotonic() > alive + _HEARTBEAT:
                    alive = time.monotonic()
                    send({"kind": "alive"}, {})
                if packet.size:
                    errors = 0
                    yield packet
                elif packet.dts is not None:  # an empty packet repeats a frame; it would flush the decoder
                    account.of(packet.stream).count(packet)
            return
        except IndexError:  # a stream that appeared in the middle of the file: PyAV fails at the very end
            return
        except av.error.FFmpegError as error:
            refuse_memory(source.info.path, error)
            errors += 1
            account.unreadable += 1


def packets_sha256(source: Source, send: Send) -> str:
    """SHA-256 of what the packets of the sound and of the picture hold, whichever container they lie in."""
    streams = [stream for stream in (source.audio, source.video) if stream is not None]
    digests = {stream.index: hashlib.sha256() for stream in streams}
    unpacked = {stream.index: _unpacking(stream) for stream in streams}
    for packet in packets(source, streams, Account(source), send):
        digests[packet.stream_index].update(unpacked[packet.stream_index](packet))
    return hashlib.sha256(b"".join(digest.digest() for digest in digests.values())).hexdigest()


def _unpacking(stream: Any) -> Callable[[Any], bytes]:
    """What gives the content of a stream's packets without what its container added; of a damaged one all."""
    name = _UNPACKING.get(stream.codec_context.name)
    try:
        content = None if name is None else BitStreamFilterContext(name, stream)
    except (av.error.FFmpegError, ValueError):  # the stream does not tell its parameters, or not well
        content = None
    if content is None:
        return bytes

    def unpacked(packet: Any) -> bytes:
        whole = bytes(packet)
        try:
            return b"".join(bytes(part) for part in content.filter(packet))
        except av.error.FFmpegError:
            return whole

    return unpacked


class Decoding:
    """Decodes a source and sends its windows.

    Args:
        source: an open container.
        options: what to give.
        limits: what it may cost.
        send: takes a message and its arrays.
    """

    def __init__(self, source: Source, options: MediaOptions, limits: Limits, send: Send) -> None:
        self._source = source
        self._options = options
        self._limits = limits
        self._send = send
        self._account = Account(source, options.is_partial, options.keyframes)
        joined = source.container.format.flags & av.format.Flags.ts_discont.value
        self._clock = Clock(source.origin, bool(joined))
        self._stamps = Stamps()
        self._furthest = options.start or 0.0  # seconds reached by any stream
        self._unverified: set[str] = set()  # streams that were sought and gave no frame yet
        self._last_keyframe, self._last_end = -math.inf, 0.0  # of the video, where keyframes alone are decoded
        begin = options.first_step / GRID_RATE
        self._audio: Waveform | None = None
        self._video: Pictures | None = None
        if source.audio is not None:
            self._audio = Waveform(Track((), np.float32, AUDIO_RATE, first=round(begin * AUDIO_RATE)))
        if source.video is not None:
            rate = options.frame_rate
            first = math.floor(begin * rate + 1e-6)
            track = Track((*options.size, 3), np.uint8, math.ceil(rate), first=first)
            self._video = Pictures(track, options.size, rate, options.statistics, held=not options.keyframes)
        self._windows = Windows(options, self._audio, self._video, send)

    def run(self, seek: bool = False) -> None:
        """Decode to the end and send every window.

        Args:
            seek: jump to the wanted start, where the container has an index.

        Raises:
            MediaError: nothing could be decoded, or a limit was hit.
            SoughtTooFar: the jump missed; begin anew without it.
        """
        streams = [stream for stream in (self._source.audio, self._source.video) if stream is not None]
        if seek:
            self._seek(streams)
        for packet in packets(self._source, streams, self._account, self._send):
            if self._options.keyframes and self._passed_over(packet):
                continue
            self._decode(packet.stream, packet)
            if self._windows.give_out(self._limits.buffer_bytes):
                break
        else:
            for stream in streams:
                self._decode(stream, None)
        self._finish()

    def _seek(self, streams: list[Any]) -> None:
        target = min(self._options.start or 0.0, self._limits.max_duration) - _PREROLL  # FFmpeg takes 64 bits
        if target > _PREROLL and self._source.info.seekable:
            self._source.container.seek(round((target + self._source.origin) * av.time_base))
            self._unverified = {self._account.of(stream).name for stream in streams}

    def _passed_over(self, packet: Any) -> bool:
        """Whether a packet is no keyframe of the video, or one too many; the video lasts as long as the last of all."""
        if packet.stream is not self._source.video:
            return False
        tally = self._account.video
        time = tally.seconds(packet.pts or 0)
        end = time + tally.seconds(packet.duration or 0) - self._source.origin
        if not packet.is_discard and self._believed(end):
            self._last_end = max(self._last_end, end)
            self._furthest = max(self._furthest, end)
        if not packet.is_keyframe or abs(time - self._last_keyframe) < _KEYFRAMES_APART:
            return True
        self._last_keyframe = time
        return False

    def _decode(self, stream: Any, packet: Any | None) -> None:
        """Decode one packet, or what a decoder still holds where ``packet`` is None."""
        tally = self._account.of(stream)
        tally.count(packet)
        try:
            decoded = stream.codec_context.decode(packet)
        except av.error.EOFError:
            return
        except (av.error.FFmpegError, ValueError) as error:
            refuse_memory(self._source.info.path, error)
            tally.skipped += packet is not None
            tally.encrypted += packet is not None and packet.has_sidedata("encryption_info")
            return
        for frame in decoded:
            start = self._time_of(frame, tally)
            if start is not None and not self._believed(start):
                tally.disbelieved += 1
                continue
            try:
                self._place(frame, stream, start)
            except (
                av.error.FFmpegError,
                ValueError,
            ) as error:  # a sample or pixel format that is not converted
                refuse_memory(self._source.info.path, error)
                tally.undecodable += 1

    def _place(self, frame: Any, stream: Any, start: float | None) -> None:
        tally = self._account.of(stream)
        tally.decoded += 1
        tally.corrupt += bool(frame.is_corrupt)
        if self._audio is not None and stream is self._source.audio:
            self._audio.add(frame, start)
            self._furthest = max(self._furthest, self._audio.end)
        elif self._video is not None:
            if frame.width * frame.height > self._limits.max_pixels:
                message = f"{self._source.info.path}: a frame of {frame.width}x{frame.height} pixels is too large"
                raise MediaError(message, code=Code.TOO_LARGE, stage="decode")
            tally.interlaced += frame.interlaced_frame
            tally.last_duration = tally.seconds(frame.duration or 0)
            self._video.add(frame, start)
            self._furthest = max(self._furthest, start or 0.0)

    def _time_of(self, frame: Any, tally: Tally) -> float | None:
        stamp = frame.pts if frame.pts is not None else frame.dts
        if tally is self._account.video:
            stamp = self._stamps.chosen(frame.pts, frame.dts)
        if stamp is None or self._made_up(frame, tally):
            return None
        part = self._audio if tally is self._account.audio else self._video
        start = self._clock.time(tally.name, tally.seconds(stamp), part.expected if part is not None else None)
        if tally.name in self._unverified:
            self._unverified.discard(tally.name)
            if start > self._options.first_step / GRID_RATE:
                raise SoughtTooFar
        return start

    def _made_up(self, frame: Any, tally: Tally) -> bool:
        """Whether a frame's time was reckoned with another sample rate than the one it has."""
        info = self._source.info
        return info.format in _CLOCKLESS and tally is self._account.audio and frame.sample_rate != info.sample_rate

    def _believed(self, start: float) -> bool:
        if self._limits.max_duration < start <= self._furthest + self._limits.max_gap:
            message = f"{self._source.info.path}: longer than the {self._limits.max_duration:.0f} s allowed"
            raise MediaError(message, code=Code.TOO_LARGE, stage="decode")
        return -self._limits.max_gap <= start <= self._furthest + self._limits.max_gap

    def _finish(self) -> None:
        """Send what is left and the account of it all."""
        account = self._account
        if not (account.audio.decoded or account.video.decoded):
            raise account.nothing_decoded()
        if self._audio is not None:
            self._audio.close()
        if self._video is not None:
            self._video.close(account.video.last_duration)
            self._video.end = max(self._video.end, self._last_end)
        end = max(part.end for part in (self._audio, self._video) if part is not None)
        begin = self._options.start or 0.0
        if end <= begin:
            code = Code.CONFIG if begin else Code.CORRUPT
            text = f"{self._source.info.path}: nothing to read from {begin:g} s on, it ends at {end:.2f} s"
            raise MediaError(text, code=code, stage="decode")
        self._windows.give_out_rest(end)
        account.num_jumps = self._clock.num_jumps
        account.gave_up = self._windows.gave_up
        quality = account.summary(self._audio, self._video, end)
        rotation = self._video.turns * 90 if self._video is not None else 0
        self._send({"kind": "end", "quality": quality.to_dict(), "rotation": rotation}, {})
