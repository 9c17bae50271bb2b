"""Files, folders and ``@lists`` of the command line, as paths; and the names of what is written for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from avtext.errors import ConfigError

MEDIA_SUFFIXES = frozenset(
    [
        ".mp4",
        ".m4v",
        ".mov",
        ".mkv",
        ".webm",
        ".avi",
        ".ts",
        ".mts",
        ".mpg",
        ".mpeg",
        ".flv",
        ".wmv",
        ".3gp",
        ".ogv",
        ".ogg",
        ".oga",
        ".opus",
        ".wav",
        ".flac",
        ".mp3",
        ".m4a",
        ".aac",
        ".wma",
    ]
)


def expand(words: Sequence[str]) -> list[Path]:
    """The files that ``words`` name, in order, each once.

    A folder stands for the media files in it and below it, sorted; ``@list.txt`` for the paths on its lines (blank
    lines and lines that begin with ``#`` are passed over). A file that does not exist stays in: it fails by itself.

    Raises:
        ConfigError: a list that cannot be read, or a folder without a media file.
    """
    found: dict[Path, None] = {}
    for word in words:
        if word.startswith("@"):
            found |= dict.fromkeys(expand(_lines(Path(word[1:]))))
        elif Path(word).is_dir():
            found |= dict.fromkeys(_media_in(Path(word)))
        else:
            found[Path(word)] = None
    return list(found)


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"@{path}: the list cannot be read: {error}") from None
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _media_in(folder: Path) -> list[Path]:
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in MEDIA_SUFFIXES and p.is_file())
    if not files:
        raise ConfigError(
            f"{folder}: no media file in this folder (known endings: {' '.join(sorted(MEDIA_SUFFIXES))})"
        )
    return files


def result_names(paths: Sequence[Path]) -> dict[Path, str]:
    """For each input the name of its results less the ending: its stem, or its whole name where two share a stem.

    Example:
        >>> list(result_names([Path("a/x.mp4"), Path("b/x.mkv"), Path("y.mp4")]).values())
        ['x.mp4', 'x.mkv', 'y']
    """
    stems = Counter(path.stem for path in paths)
    names = {path: path.stem if stems[path.stem] == 1 else path.name for path in paths}
    taken = Counter(names.values())
    seen: Counter[str] = Counter()
    for path, name in names.items():
        if taken[name] > 1:  # the same file name in two folders: number them
            seen[name] += 1
            names[path] = f"{name}.{seen[name]}"
    return names
