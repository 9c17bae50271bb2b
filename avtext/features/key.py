"""What a video's features depend on, as one hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avtext.clip import Cue
from avtext.storage import sha256_of

if TYPE_CHECKING:
    from torch import nn

SCHEMA = 2  # of the feature files; raised when their shape changes
MEDIA_SCHEMA = 4  # raised when avtext.media would give other values for the same file


@dataclass(frozen=True)
class FeatureKey:
    """What a video's features depend on.

    Args:
        content: SHA-256 of the media file.
        encoders: stream name to :func:`fingerprint` of its encoder.
        reading: how the file is read, plain JSON values (``MediaOptions.to_dict()``).
        cues: SHA-256 of the cues; see :meth:`of`.
        decoder: versions of PyAV and of our media code.

    Example:
        >>> a = FeatureKey("00ff", {"audio": "1", "video": "2"}, {"window": 60.0})
        >>> b = FeatureKey("00ff", {"video": "2", "audio": "1"}, {"window": 60.0})
        >>> a.digest == b.digest, a.digest == FeatureKey("00fe", a.encoders, a.reading).digest
        (True, False)
    """

    content: str
    encoders: Mapping[str, str]
    reading: Mapping[str, Any] = field(default_factory=dict)
    cues: str = ""
    decoder: str = field(default_factory=lambda: f"av {version('av')}, media {MEDIA_SCHEMA}")

    @classmethod
    def of(
        cls,
        path: str | Path,
        encoders: Mapping[str, str],
        reading: Mapping[str, Any] | None = None,
        cues: Sequence[Cue] = (),
    ) -> FeatureKey:
        """The key of the media file ``path``, which is read once to be hashed."""
        said = digest_of([[cue.start, cue.end, cue.text] for cue in cues]) if cues else ""
        return cls(sha256_of(path), dict(encoders), dict(reading or {}), said)

    @property
    def digest(self) -> str:
        """SHA-256 of the whole key, in hexadecimal: the name of its file."""
        return digest_of({"schema": SCHEMA, **asdict(self)})


def fingerprint(encoder: nn.Module) -> str:
    """SHA-256 of an encoder's class, plain public attributes (``settings`` among them) and all weights.

    Example:
        >>> from torch import nn
        >>> one, same, other = (fingerprint(nn.Flatten(first)) for first in (0, 0, 1))
        >>> one == same, one == other
        (True, False)
    """
    import torch

    plain = {
        name: value
        for name, value in vars(encoder).items()
        if not name.startswith("_")
        and name != "training"
        and isinstance(value, str | int | float | list | tuple | dict)
    }
    digest = hashlib.sha256(f"{type(encoder).__module__}.{type(encoder).__qualname__} {canonical(plain)}".encode())
    for name, value in sorted(encoder.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def canonical(value: Any) -> str:
    """JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def digest_of(value: Any) -> str:
    """SHA-256 of a plain JSON value, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
