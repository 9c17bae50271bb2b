"""What was encoded of a file, kept: another question about it is answered without decoding it again.

A question may change what comes after the encoders: the threshold, the classes, whether clocks are aligned.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from avtext.clip import Clip, Cue, Stream
from avtext.detection.reading import Reading
from avtext.detection.windows import EncodedVideo
from avtext.errors import StorageError
from avtext.features import DamagedEntry, FeatureKey, publish_features
from avtext.features.store import read_features
from avtext.media import MediaOptions, Quality

LONGEST = 1800.0  # seconds; what is longer is not kept, since a whole file is held in memory to be written


class StoredReading:
    """A :class:`avtext.detection.reading.Reading` of a file whose windows were encoded earlier.

    Args:
        name: of the file as it is given now: a copy of it may have been encoded, under another name.
        metadata: kept with what was encoded.
    """

    def __init__(self, name: str, metadata: Mapping[str, Any]) -> None:
        self.name, self.start_time = name, float(metadata["start_time"])
        self.total: float | None = float(metadata["duration"])
        self.cues = tuple(Cue(**cue) for cue in metadata["cues"])
        self._quality = Quality.from_dict(metadata["quality"])

    def clips(self) -> Iterator[Clip]:
        """None: they were encoded."""
        return iter(())

    def account(self, seen: float) -> tuple[Mapping[str, Any], float]:
        """See :class:`avtext.detection.reading.Reading`."""
        return self._quality.to_dict(), float(self.total or seen)


def place_of(folder: Path, file: str | Path, identity: str, options: MediaOptions, cues: Sequence[Cue] | None) -> Path:
    """Where what is encoded of a file is kept: another content, network, reading or cues is another place.

    Args:
        folder: of the cache.
        file: the video; it is read once to be hashed.
        identity: of the network.
        options: how the file is read.
        cues: given with it; None where those inside it are taken.

    Raises:
        OSError: the file cannot be read.
    """
    how = {**options.to_dict(), "cues inside": cues is None}
    key = FeatureKey.of(file, {"network": identity}, how, cues or ())
    return folder / f"{key.digest}.safetensors"


def keep(place: Path, encoded: EncodedVideo, reading: Reading) -> None:
    """Write what was encoded of a file that was read to its end.

    Raises:
        StorageError: the folder cannot be written.
    """
    quality, duration = reading.account(encoded.start + len(encoded) / encoded.rate)
    if duration > LONGEST:
        return
    metadata = {
        "start_time": reading.start_time,
        "duration": duration,
        "cues": [asdict(cue) for cue in reading.cues],
        "quality": dict(quality),
        "modalities": encoded.modalities_present(),
    }
    rows = Stream(encoded.rows(), encoded.rate, encoded.start)
    publish_features(place, {"encoded": rows}, metadata)


def recall(place: Path, encoded: EncodedVideo, name: str) -> StoredReading | None:
    """Fill ``encoded`` with what is kept of a file, which is called ``name`` now.

    None where nothing is kept or, with a ``DamagedEntry``, nothing sound.
    """
    if not place.exists():
        return None
    try:
        streams, metadata = read_features(place)
        reading = StoredReading(name, metadata)
        stored = streams["encoded"]
        encoded.restore(np.asarray(stored.values), stored.start, metadata["modalities"])
    except (StorageError, KeyError, TypeError, ValueError) as error:
        warnings.warn(f"{place}: {error} (made again)", DamagedEntry, stacklevel=2)
        return None
    return reading
