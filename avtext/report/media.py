"""How a page shows the video: by a relative address, or with its bytes inside the page."""

from __future__ import annotations

import base64
import mimetypes
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from avtext.errors import ConfigError

EMBED_LIMIT = 64 << 20  # bytes of a video that goes into a page: browsers keep the whole page in memory
# Endings that not every system's table of types has, or has otherwise.
_TYPES = {".mkv": "video/x-matroska", ".m4v": "video/mp4", ".ogv": "video/ogg", ".opus": "audio/ogg",
          ".m4a": "audio/mp4", ".flac": "audio/flac", ".ts": "video/mp2t", ".mts": "video/mp2t"}  # fmt: skip


@dataclass(frozen=True)
class PageMedia:
    """The media element of a page.

    Args:
        address: for ``src``.
        kind: ``"video"`` or ``"audio"``, the element.
        name: of the file, for people.
    """

    address: str
    kind: str
    name: str


def page_media(media: Path, page: Path, *, embed: bool = False) -> PageMedia:
    """How ``page`` shows ``media``, which need not be there: the page says so then.

    Args:
        media: a video or audio file.
        page: where the page will lie.
        embed: whether the file's bytes go into the page.

    Raises:
        ConfigError: a file that is to be embedded is missing or too large.

    Example:
        >>> page_media(Path("clips/a b#1.mp4"), Path("out/a.html")).address
        '../clips/a%20b%231.mp4'
    """
    type = media_type(media)
    kind = type.partition("/")[0]
    return PageMedia(_embedded(media, type) if embed else _relative(media, page), kind, media.name)


def media_type(media: Path) -> str:
    """The MIME type that the ending says; ``video/mp4`` where it says none.

    Example:
        >>> media_type(Path("a.MKV")), media_type(Path("a.wav")), media_type(Path("a"))
        ('video/x-matroska', 'audio/x-wav', 'video/mp4')
    """
    type = _TYPES.get(media.suffix.lower()) or mimetypes.guess_type(f"a{media.suffix.lower()}")[0] or ""
    return type if type.startswith(("video/", "audio/")) else "video/mp4"


def find_media(file: str, folder: Path) -> Path:
    """Where the file that results in ``folder`` name lies: as named, else beside them, whether it is there or not."""
    there = os.path.isfile(file)  # noqa: PTH113  (unlike Path's, it takes any string: the name comes from a results file)
    return Path(file) if there else folder / Path(file).name


def _relative(media: Path, page: Path) -> str:
    path = os.path.relpath(media.absolute(), page.absolute().parent)
    return quote(os.fsencode(path), safe="/")


def _embedded(media: Path, type: str) -> str:
    try:
        size = media.stat().st_size
        if size > EMBED_LIMIT:
            raise ConfigError(
                f"embed: {media}: has {size >> 20} MiB, a page takes {EMBED_LIMIT >> 20}: leave embed out and keep "
                "the video beside the page"
            )
        content = media.read_bytes()
    except OSError as error:
        raise ConfigError(f"embed: {media}: cannot be read ({error.strerror}): name the video") from None
    return f"data:{type};base64,{base64.b64encode(content).decode('ascii')}"
