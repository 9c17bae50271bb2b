"""Opening a container in the child process and choosing what to decode: listed formats and codecs only.

The list of containers leaves out everything that makes the reader open a second file or a network connection
(playlists, concatenations, session descriptions) and everything that is one picture.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import av
import numpy as np

from avtext.errors import Code, MediaError
from avtext.media.diagnosis import num_log_lines, open_error
from avtext.media.options import Limits, MediaOptions
from avtext.media.quality import MediaInfo
from avtext.media.soundness import complaints, length_known

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,wav,w64,flac,mp3,aac,ac3,eac3,asf,aiff,au,caf,"
    "amr,amrnb,amrwb,dv,ivf,mxf,rm,wv,ape,tta"
)
VIDEO_CODECS = (
    "h264,hevc,vvc,av1,libdav1d,libaom-av1,vp8,vp9,libvpx,libvpx-vp9,vp6,vp6f,vp6a,mpeg1video,mpeg2video,"
    "mpegvideo,mpeg4,msmpeg4,msmpeg4v1,msmpeg4v2,wmv1,wmv2,wmv3,vc1,h261,h263,h263i,h263p,flv,theora,mjpeg,mjpegb,"
    "prores,dnxhd,dvvideo,ffv1,huffyuv,ffvhuff,utvideo,rawvideo,v210,cinepak,svq1,svq3,qtrle,indeo3,indeo5,"
    "rv10,rv20,rv30,rv40,cfhd"
)
AUDIO_CODECS = (
    "aac,aac_fixed,aac_latm,mp3,mp3float,mp2,mp2float,mp1,mp1float,ac3,ac3_fixed,eac3,dca,truehd,mlp,flac,alac,"
    "opus,libopus,vorbis,libvorbis,wmav1,wmav2,wmapro,wmalossless,wmavoice,amrnb,amrwb,libopencore_amrnb,"
    "libopencore_amrwb,speex,libspeex,gsm,gsm_ms,cook,ra_144,ra_288,sipr,nellymoser,qdm2,qdmc,mace3,mace6,tta,"
    "wavpack,ape,tak,shorten"
)
TEXT_CODECS = "mov_text,srt,subrip,ass,ssa,webvtt,text"
_FAMILIES = ("pcm_", "adpcm_")  # of plain sample formats
_ALLOWED = frozenset(",".join((VIDEO_CODECS, AUDIO_CODECS, TEXT_CODECS)).split(","))
_ENCRYPTED = ("encv", "enca", "drmi", "drms")  # tags that stand in the place of the codec's
_PROBE_BYTES = 5_000_000
_STREAM_END = re.compile(r"(\d{1,6}):(\d\d):(\d\d(?:\.\d+)?)")  # hours, minutes and seconds
_MAX_SAMPLES = str(1 << 24)  # in one audio frame
_MAX_RATE = 768_000  # Hz; more is a damaged header, and a second of it is gigabytes


def codec_allowed(name: str) -> bool:
    """Whether a decoder of that name may run."""
    return name in _ALLOWED or name.startswith(_FAMILIES)


def _codec_whitelist() -> str:
    return ",".join(sorted(name for name in av.codecs_available if codec_allowed(name)))


@dataclass(frozen=True)
class Source:
    """An open container and the streams chosen from it.

    Args:
        container: an ``av`` container.
        info: what its headers say.
        audio, video: the chosen streams; None where there is none.
        subtitles: all text subtitle streams.
        origin: presentation time 0 on the container's clock, in seconds.
        length_known: whether the headers say how long the file is; otherwise FFmpeg guesses from its bytes.
        complaints: what is wrong with the file as it stands, one sentence each.
    """

    container: Any
    info: MediaInfo
    audio: Any | None
    video: Any | None
    subtitles: tuple[Any, ...]
    origin: float
    length_known: bool = True
    complaints: tuple[str, ...] = ()

    def promised_seconds(self, stream: Any) -> float:
        """Where a stream ends by the headers: with the file, or before it where Matroska's tags say so.

        Sound, picture or subtitles that last longer are no loss to the others.
        """
        whole = self.info.duration or 0.0
        tags = stream.metadata if self.info.format.startswith("matroska") else {}
        said = _STREAM_END.fullmatch(tags.get("DURATION") or tags.get("DURATION-eng") or "")  # the latter is older
        if said is None:
            return whole
        hours, minutes, seconds = map(float, said.groups())
        return min(whole, max(0.0, 3600 * hours + 60 * minutes + seconds - self.origin))


@contextmanager
def opened(path: str, name: str, options: MediaOptions, limits: Limits) -> Iterator[Source]:
    """Open ``path`` with the lists above and choose the best stream of each kind.

    Args:
        path: resolved and absolute.
        name: what messages call it.
        options: which kinds are wanted.
        limits: what is too large.

    Raises:
        MediaError: not a regular file, not a listed container, damaged, or nothing in it that can be decoded.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116  (a path may hold bytes that are not UTF-8)
        raise MediaError(f"{name}: not a regular file", code=Code.NOT_MEDIA, stage="open")
    settings = {
        "format_whitelist": FORMATS,
        "codec_whitelist": _codec_whitelist(),
        "protocol_whitelist": "file",
        "probesize": str(_PROBE_BYTES),
        "max_streams": str(limits.max_streams + 1),  # what is beyond is left out in silence: let it show
        "max_pixels": str(limits.max_pixels),
    }
    try:
        container = av.open(f"file:{path}", options=settings, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError) as error:
        raise open_error(path, name, error) from error
    try:
        source = _choose(name, container, options, limits)
        known = length_known(path, source.info.format)
        yield replace(source, length_known=known, complaints=tuple(_complaints(path, source)))
    finally:
        container.close()


def _complaints(path: str, source: Source) -> Iterator[str]:
    if num_log_lines():  # FFmpeg says nothing about the headers of a file that is whole
        yield "the headers are damaged: something may be missing"
    kind = source.info.format.split(",")[0]
    yield from complaints(path, kind, has_both=source.audio is not None and source.video is not None)


def only(container: Any, streams: Sequence[Any]) -> None:
    """Let the container drop the packets of all other streams as early as it can."""
    wanted = {stream.index for stream in streams}
    for stream in container.streams:
        stream.discard = av.stream.Discard.default if stream.index in wanted else av.stream.Discard.all


def _choose(name: str, container: Any, options: MediaOptions, limits: Limits) -> Source:
    if len(container.streams) > limits.max_streams:
        message = f"{name}: {len(container.streams)} streams, more than the {limits.max_streams} allowed"
        raise MediaError(message, code=Code.TOO_LARGE, stage="open")
    unsupported: list[str] = []
    video = _best(container, "video", unsupported) if options.video else None
    audio = _best(container, "audio", unsupported) if options.audio else None
    if audio is None and video is None:
        raise _nothing_to_decode(name, container, options, unsupported)
    _set_up(name, audio, video, limits)
    texts = TEXT_CODECS.split(",")
    subtitles = tuple(s for s in container.streams.subtitles if s.codec_context and s.codec_context.name in texts)
    origin = _origin(container, [s for s in (audio, video) if s is not None])
    info = _describe(name, container, audio, video, subtitles, origin, unsupported)
    if (info.duration or 0.0) > limits.max_duration:
        message = f"{name}: {info.duration:.0f} s, longer than the {limits.max_duration:.0f} s allowed"
        raise MediaError(message, code=Code.TOO_LARGE, stage="open")
    return Source(container, info, audio, video, subtitles, origin)


def _best(container: Any, kind: str, unsupported: list[str]) -> Any | None:
    """FFmpeg's choice of a stream first, then the others in their order; pictures of covers are no video."""
    streams = list(getattr(container.streams, kind))
    favourite = container.streams.best(kind)
    for stream in sorted(streams, key=lambda s: (favourite is None or s.index != favourite.index, s.index)):
        if stream.disposition & av.stream.Disposition.attached_pic:
            continue
        name = stream.codec_context.name if stream.codec_context is not None else "unknown codec"
        if _encrypted(stream):
            name = f"encrypted {name}"
        elif kind == "audio" and stream.codec_context is not None and stream.codec_context.sample_rate > _MAX_RATE:
            name = f"{name} at {stream.codec_context.sample_rate} Hz"
        elif stream.codec_context is not None and codec_allowed(name):
            return stream
        unsupported.append(f"{kind}: {name}")
    return None


def _encrypted(stream: Any) -> bool:
    """Whether the container says that a stream's packets cannot be read without a key."""
    try:
        return stream.codec_context is not None and stream.codec_context.codec_tag in _ENCRYPTED
    except UnicodeDecodeError:  # a tag that is not made of letters
        return False


def _nothing_to_decode(name: str, container: Any, options: MediaOptions, unsupported: Sequence[str]) -> MediaError:
    if unsupported:
        names = ", ".join(sorted(set(unsupported)))
        remedy = "decrypt it first" if "encrypted" in names else "convert it to H.264 and AAC, or another common codec"
        message = f"{name}: cannot be decoded ({names}); {remedy}"
        return MediaError(message, code=Code.UNSUPPORTED, stage="open")
    wanted = " or ".join(name for name in ("audio", "video") if getattr(options, name))
    kinds = sorted({stream.type or "unknown" for stream in container.streams}) or ["none"]
    message = f"{name}: no {wanted} stream in it (streams: {', '.join(kinds)})"
    return MediaError(message, code=Code.NO_STREAMS, stage="open")


def _set_up(name: str, audio: Any | None, video: Any | None, limits: Limits) -> None:
    """Check sizes and set the decoders' own limits, which hold for what comes later in the stream, too."""
    for stream in (audio, video):
        if stream is not None:
            stream.codec_context.options = {"max_pixels": str(limits.max_pixels), "max_samples": _MAX_SAMPLES}
    if video is None:
        return
    video.codec_context.thread_type = "AUTO"
    video.codec_context.thread_count = limits.threads
    width, height = video.codec_context.width, video.codec_context.height
    if width * height > limits.max_pixels:
        message = f"{name}: frames of {width}x{height}, more than the {limits.max_pixels} pixels allowed"
        raise MediaError(message, code=Code.TOO_LARGE, stage="open")


def _origin(container: Any, streams: Sequence[Any]) -> float:
    """The container's start in seconds; rounded to microseconds, unlike a stream that starts just there."""
    exact = [float(s.start_time * s.time_base) for s in streams if s.start_time is not None]
    if container.start_time is None:
        return min(exact, default=0.0)
    origin = container.start_time / av.time_base
    return min((start for start in exact if abs(start - origin) < 2e-6), default=origin)


def _duration(container: Any, origin: float) -> float | None:
    """Declared seconds; Matroska counts them from 0, wherever its first time stamp is."""
    if container.duration is None or container.duration < 0:
        return None
    counted_from = origin if container.format.name.startswith("matroska") else 0.0
    return max(0.0, container.duration / av.time_base - max(counted_from, 0.0))


def _describe(
    name: str,
    container: Any,
    audio: Any | None,
    video: Any | None,
    subtitles: Sequence[Any],
    origin: float,
    unsupported: Sequence[str],
) -> MediaInfo:
    rate = video.average_rate if video is not None else None
    return MediaInfo(
        path=name,
        format=container.format.name,
        duration=_duration(container, origin),
        start_time=origin,
        has_audio=audio is not None,
        has_video=video is not None,
        fps=float(np.clip(float(rate), 0.0, 1e6)) if rate else 0.0,
        width=video.codec_context.width if video is not None else 0,
        height=video.codec_context.height if video is not None else 0,
        sample_rate=audio.codec_context.sample_rate if audio is not None else 0,
        channels=audio.codec_context.channels if audio is not None else 0,
        codecs=tuple(s.codec_context.name for s in (audio, video) if s is not None),
        subtitles=tuple((s.index, s.codec_context.name, s.metadata.get("language", "")[:16]) for s in subtitles),
        unsupported=tuple(sorted(set(unsupported))),
    )
