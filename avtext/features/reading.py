"""How media must be read for a set of encoders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from avtext.media.options import MediaOptions


def reading_for(encoders: Mapping[str, Any], **options: Any) -> MediaOptions:
    """Options of a :class:`avtext.media.MediaReader` that gives what ``encoders`` take.

    Args:
        encoders: by stream name; a video encoder's ``rate`` and ``frame_size`` say how frames must come.
        options: further fields of :class:`avtext.media.MediaOptions`.

    Example:
        >>> reading_for({"audio": None}).video
        False
    """
    seen = "video" in encoders or "picture" in encoders
    video = encoders.get("video")
    if video is not None:
        options |= {"frame_rate": float(video.rate), "frame_size": int(frozen(video).frame_size)}
    options |= {"audio": "audio" in encoders or not seen, "video": seen, "statistics": "picture" in encoders}
    return MediaOptions(**options)


def frozen(encoder: Any) -> Any:
    """The encoder whose features a precomputed one stands for; any other encoder itself."""
    return encoder.encoder() if getattr(encoder, "of", None) else encoder


def frozen_ones(encoders: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a model's encoders whose features are extracted once, each as the encoder that makes them.

    Example:
        >>> frozen_ones({"audio": None})
        {}
    """
    return {name: frozen(encoder) for name, encoder in encoders.items() if getattr(encoder, "of", None)}
