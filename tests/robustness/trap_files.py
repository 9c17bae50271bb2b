"""Files that would make a careless reader open others, call out, or fill the memory; see ``traps.py``.

``{file}`` stands for a media file whose openings are watched, ``{url}`` for a server that counts its visitors.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from tests.media.media_files import steady, write

_HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"
_MPD = (
    "<?xml version='1.0'?>\n<MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static' mediaPresentationDuration='PT9S'>"
    "<Period><AdaptationSet mimeType='video/mp4'><Representation id='1' bandwidth='1'><BaseURL>{}</BaseURL>"
    "</Representation></AdaptationSet></Period></MPD>"
)

TEXTS = {
    "ffconcat.mp4": "ffconcat version 1.0\nfile '{file}'\n",
    "ffconcat_url.mp4": "ffconcat version 1.0\nfile '{url}'\n",
    "ffconcat_mark.mkv": "\ufeffffconcat version 1.0\nfile '{file}'\n",
    "ffconcat_blank.mp4": "\n\n   ffconcat version 1.0\nfile '{file}'\n",
    "concat_list.mp4": "file '{file}'\nfile '{file}'\n",
    "concat_comment.mp4": "# a list\nfile '{file}'\n",
    "hls.mp4": _HLS.format("{file}"),
    "hls_url.ts": _HLS.format("{url}"),
    "hls_mark.mp4": "\ufeff" + _HLS.format("{file}"),
    "hls_crlf.mp4": _HLS.format("{url}").replace("\n", "\r\n"),
    "hls_master.m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}\n",
    "hls_key.mp4": _HLS.format("{file}").replace("#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF'),
    "hls_map.mp4": _HLS.format("{file}").replace("#EXTINF", '#EXT-X-MAP:URI="{url}"\n#EXTINF'),
    "dash.mp4": _MPD.format("{file}"),
    "dash_url.mpd": _MPD.format("{url}"),
    "smooth.mp4": "<?xml version='1.0'?><SmoothStreamingMedia><StreamIndex Url='{url}'/></SmoothStreamingMedia>",
    "pls.mp3": "[playlist]\nFile1={file}\nNumberOfEntries=1\n",
    "asx.wmv": "<asx version='3.0'><entry><ref href='{url}'/></entry></asx>",
    "xspf.mp4": "<?xml version='1.0'?><playlist><trackList><track><location>{url}</location></track></trackList></playlist>",
    "smil.mp4": "<smil><body><video src='{url}'/></body></smil>",
    "sdp.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "quicktime_url.mov": "RTSPtext\r{url}\r",
    "imf.xml": "<?xml version='1.0'?><CompositionPlaylist><Id>urn:uuid:0</Id></CompositionPlaylist>",
    "avisynth.avs": 'AVISource("{file}")\n',
    "vapoursynth.vpy": "import os\nos.system('touch {file}.ran')\n",
    "ffmetadata.mp4": ";FFMETADATA1\ntitle={url}\n",
    "svg.mp4": "<svg xmlns='http://www.w3.org/2000/svg'><image href='{url}'/></svg>",
    "html.mp4": "<!doctype html><meta http-equiv=refresh content='0;url={url}'>",
}  # fmt: skip

NAMES = (  # given instead of a path
    "{url}", "file:{file}", "concat:{file}|{file}", "subfile,,start,0,end,0,,:{file}", "crypto:{file}", "cache:{url}",
    "async:{url}", "data:video/mp4;base64,AAAA", "tcp://127.0.0.1:9", "pipe:0", "%03d.png", "{file}\0.txt",
)  # fmt: skip


def _id3(text: str) -> Callable[[Path, str, str], Path]:
    """A list behind a title that FFmpeg passes over when it looks what a file is."""

    def make(path: Path, file: str, url: str) -> Path:
        tag = b"ID3\x04\0\0" + bytes([0, 0, 0x1F, 0x76]) + bytes(31 * 128 + 0x76)
        path.write_bytes(tag + text.format(file=file, url=url).encode())
        return path

    return make


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _elsewhere(path: Path, file: str, url: str) -> Path:
    """A QuickTime movie whose media lies in another file, named by an alias."""
    content = write(path, steady(5)).read_bytes()
    name = file.encode()
    alias = (
        bytes(14) + b"\0" + bytes(27 + 12) + bytes([4]) + b"a.mp".ljust(63, b"\0") + bytes(16) + b"\0\1\0\1" + bytes(16)
    )
    alias += struct.pack(">HH", 2, len(name)) + name + bytes(len(name) % 2) + b"\xff\xff\0\0"
    data = _box(b"dref", bytes(4) + struct.pack(">I", 1) + _box(b"alis", alias))
    old = content.find(b"dinf") - 4
    grown = content[:old] + _box(b"dinf", data) + content[old + 36 :]
    for kind in (b"moov", b"trak", b"mdia", b"minf"):  # all that hold it are longer now
        at = grown.find(kind) - 4
        size = struct.unpack(">I", grown[at : at + 4])[0] + len(data) + 8 - 36
        grown = grown[:at] + struct.pack(">I", size) + grown[at + 4 :]
    path.write_bytes(grown)
    return path


def _movie_of_references(path: Path, file: str, url: str) -> Path:
    reference = _box(b"rdrf", bytes(4) + b"url " + struct.pack(">I", len(url) + 1) + url.encode() + b"\0")
    path.write_bytes(_box(b"ftyp", b"qt  " + bytes(4)) + _box(b"moov", _box(b"rmra", _box(b"rmda", reference))))
    return path


def _compressed_index(path: Path, file: str, url: str) -> Path:
    """An index of a few kilobytes that says it unpacks to a gigabyte."""
    packed = zlib.compress(bytes(1 << 22))
    body = _box(b"dcom", b"zlib") + _box(b"cmvd", struct.pack(">I", 1 << 30) + packed)
    path.write_bytes(_box(b"ftyp", b"qt  " + bytes(4)) + _box(b"moov", _box(b"cmov", body)))
    return path


def _deep(path: Path, file: str, url: str) -> Path:
    inner = b""
    for _ in range(3000):
        inner = _box(b"moov", inner)
    path.write_bytes(_box(b"ftyp", b"isom" + bytes(4)) + inner)
    return path


def _avi_of(path: Path, file: str, url: str) -> Path:
    """A raw picture of 60000 x 60000 pixels, says the header."""
    form = struct.pack("<IiiHHIIiiII", 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0)
    head = b"vidsDIB " + bytes(12) + struct.pack("<III", 1, 25, 0) + bytes(24)
    streams = b"LIST" + struct.pack("<I", 4 + 16 + len(head) + len(form)) + b"strl"
    streams += b"strh" + struct.pack("<I", len(head)) + head + b"strf" + struct.pack("<I", len(form)) + form
    main = b"avih" + struct.pack("<I", 56) + bytes(24) + struct.pack("<I", 1) + bytes(28)
    header = b"LIST" + struct.pack("<I", 4 + len(main) + len(streams)) + b"hdrl" + main + streams
    movie = b"LIST" + struct.pack("<I", 4 + 8 + 64) + b"movi00db" + struct.pack("<I", 64) + bytes(64)
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(header) + len(movie)) + b"AVI " + header + movie)
    return path


def _wav_of_channels(path: Path, file: str, url: str) -> Path:
    form = struct.pack("<HHIIHH", 3, 65_535, 0xFFFFFFFF, 0xFFFFFFFF, 65_535, 64)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", 1 << 20) + bytes(1 << 20)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def _giant_frames(path: Path, file: str, url: str) -> Path:
    """A small VP8 video whose frames say that they are 16383 pixels wide and high."""
    content = write(path, steady(5), video_codec="libvpx").read_bytes()
    path.write_bytes(content.replace(b"\x9d\x01\x2a\x40\x00\x40\x00", b"\x9d\x01\x2a\xff\x3f\xff\x3f"))
    return path


def _bytes(content: bytes) -> Callable[[Path, str, str], Path]:
    def make(path: Path, file: str, url: str) -> Path:
        path.write_bytes(content)
        return path

    return make


BINARIES: dict[str, Callable[[Path, str, str], Path]] = {
    "id3_ffconcat.mp3": _id3("ffconcat version 1.0\nfile '{file}'\n"),
    "id3_hls.mp3": _id3(_HLS.format("{url}")),
    "utf16_hls.mp4": _bytes(_HLS.format("a.ts").encode("utf-16")),
    "media_elsewhere.mov": _elsewhere,
    "movie_of_references.mov": _movie_of_references,
    "compressed_index.mov": _compressed_index,
    "boxes_in_boxes.mp4": _deep,
    "giant_index.mp4": _bytes(_box(b"ftyp", b"isom" + bytes(4)) + b"\xff\xff\xff\xf0moov" + bytes(64)),
    "raw_60000.avi": _avi_of,
    "channels.wav": _wav_of_channels,
    "giant_frames.ivf": _giant_frames,
    "png_30000.mp4": _bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x75\x30\0\0\x75\x30\x08\x02\0\0\0" + bytes(4)),
    "gif_65535.gif": _bytes(b"GIF89a\xff\xff\xff\xff\xf7\0\0" + bytes(800)),
    "zip.mp4": _bytes(b"PK\x03\x04" + zlib.compress(bytes(1 << 24))),
}

_LAUGHS = "".join(f'<!ENTITY a{k} "{f"&a{k - 1};" * 10}">' for k in range(1, 10))
READ: dict[str, tuple[str, str]] = {  # what reads it, and its text
    "laughs.eaf": ("events", f'<!DOCTYPE x [<!ENTITY a0 "ha">{_LAUGHS}]><ANNOTATION_DOCUMENT>&a9;</ANNOTATION_DOCUMENT>'),
    "entity.eaf": ("events", '<!DOCTYPE x [<!ENTITY a SYSTEM "{url}">]><ANNOTATION_DOCUMENT>&a;</ANNOTATION_DOCUMENT>'),
    "deep.json": ("events", "[" * 200_000),
    "digits.json": ("events", '{{"schema": "avtext.events/1", "file": "a", "duration": ' + "9" * 20_000 + "}}"),
    "intervals.textgrid": ("events", 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n1\n<exists>\n999999999\n'),
    "deep_words.json": ("cues", "[" * 200_000),
    "laughs.yaml": ("config", "a0: &a0 [x, x]\n" + "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 12))),
    "deep.yaml": ("config", "a: " + "[" * 5_000),
    "itself.yaml": ("config", "a: &a [*a]\n"),
    "python.yaml": ("config", "a: !!python/object/apply:os.system ['touch {file}.ran']\n"),
    "deep.jsonl": ("manifest", "[" * 200_000),
    "outside.jsonl": ("manifest", json.dumps({"path": "URL", "events": []}).replace("{", "{{").replace("}", "}}").replace("URL", "{url}")),
}  # fmt: skip
