"""The media files of a folder, by their endings; nothing is opened."""

from __future__ import annotations

from pathlib import Path

from avtext.errors import ConfigError

MEDIA_SUFFIXES = frozenset((
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".vob", ".flv", ".f4v",
    ".wmv", ".asf", ".3gp", ".3g2", ".ogv", ".mxf", ".dv", ".rm", ".rmvb",
    ".ogg", ".oga", ".opus", ".wav", ".w64", ".flac", ".mp3", ".mp2", ".m4a", ".m4b", ".mka", ".aac", ".ac3", ".eac3",
    ".wma", ".aif", ".aiff", ".caf", ".au", ".amr", ".wv", ".ape", ".tta",
))  # fmt: skip


def media_files(folder: Path) -> list[Path]:
    """The media files in a folder and below it, sorted.

    What macOS keeps beside a file on a foreign disk, ``._NAME`` with the file's own ending, is none.

    Raises:
        ConfigError: there is none, or no such folder.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder: name one with media files in it")
    named = (p for p in folder.rglob("*") if p.suffix.lower() in MEDIA_SUFFIXES and not p.name.startswith("._"))
    files = sorted(p for p in named if p.is_file())
    if not files:
        raise ConfigError(f"{folder}: no media file in this folder (known endings: {' '.join(sorted(MEDIA_SUFFIXES))})")
    return files
