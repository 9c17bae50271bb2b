"""One root for every error this package raises on purpose, each with a code a program can act on.

A message says which argument or file, what it was, what is allowed, and what to do next.
"""

from __future__ import annotations

from enum import StrEnum
from types import UnionType


class Code(StrEnum):
    """Why something was refused or failed; stable names, safe to compare in programs."""

    NOT_MEDIA = "NOT_MEDIA"
    UNSAFE = "UNSAFE"
    TRUNCATED = "TRUNCATED"
    CORRUPT = "CORRUPT"
    UNSUPPORTED = "UNSUPPORTED"
    TOO_LARGE = "TOO_LARGE"
    TIMEOUT = "TIMEOUT"
    NO_STREAMS = "NO_STREAMS"
    STORAGE = "STORAGE"
    MODEL_REFUSED = "MODEL_REFUSED"
    CONFIG = "CONFIG"


class AvtextError(Exception):
    """Root of all errors raised on purpose.

    Args:
        message: one line: what, where, what is allowed, what to do next.
        code: a :class:`Code`.
        stage: the step that failed, such as ``"open"``, ``"decode"``, ``"encode"`` or ``"write"``.

    Example:
        >>> error = MediaError("a.mp4: empty file", code=Code.NOT_MEDIA, stage="open")
        >>> error.code.value, error.stage, str(error)
        ('NOT_MEDIA', 'open', 'a.mp4: empty file')
    """

    def __init__(self, message: str, *, code: Code = Code.CONFIG, stage: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.stage = stage


class MediaError(AvtextError):
    """A media or subtitle file cannot be read; ``code`` says why."""


class StorageError(AvtextError):
    """A file cannot be written or a stored one is damaged."""

    def __init__(self, message: str, *, code: Code = Code.STORAGE, stage: str = "write") -> None:
        super().__init__(message, code=code, stage=stage)


# About one file: a batch of many goes on without it. All others are about how it was asked, and end it.
FILE_ERRORS: tuple[type[AvtextError], ...] = (MediaError, StorageError)


class ModelError(AvtextError):
    """A model folder is refused: missing, damaged, of another kind, or not safe to load."""

    def __init__(self, message: str, *, code: Code = Code.MODEL_REFUSED, stage: str = "load") -> None:
        super().__init__(message, code=code, stage=stage)


class ConfigError(AvtextError, ValueError):
    """An option, a config, a manifest or an event file says something that is not allowed."""


class InvalidInput(AvtextError, ValueError):  # noqa: N818 (it says what happened)
    """A value given to a function or a constructor is out of its range or of the wrong shape."""


def check_kind(name: str, value: object, kind: type | UnionType, allowed: str) -> None:
    """Refuse a value of another kind.

    Args:
        name: of the argument.
        value: what it was.
        kind: a class, or several with ``|``.
        allowed: what it may be, in words.

    Raises:
        InvalidInput: names the three.

    Example:
        >>> check_kind("cache", 5, str | None, "a folder")
        Traceback (most recent call last):
        avtext.errors.InvalidInput: cache: must be a folder, got 5
    """
    if not isinstance(value, kind):
        raise InvalidInput(f"{name}: must be {allowed}, got {value!r}")


def counted(number: int, noun: str) -> str:
    """How many there are, in words.

    Example:
        >>> counted(1, "file"), counted(0, "file")
        ('1 file', '0 files')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class MissingExtra(AvtextError, ImportError):  # noqa: N818
    """An optional dependency is not installed; the message says which extra brings it."""

    @classmethod
    def of(cls, package: str, extra: str) -> MissingExtra:
        """The error for ``package``, which ``pip install "avtext[extra]"`` brings."""
        return cls(f'{package} is not installed: pip install "avtext[{extra}]"', code=Code.UNSUPPORTED)
