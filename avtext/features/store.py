"""Feature files: one safetensors file per video, written whole, with a checksum of all that it says.

A cache of them may be shared by many processes; what is damaged counts as absent and is made again.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from avtext.clip import Stream
from avtext.errors import InvalidInput, StorageError
from avtext.features.key import SCHEMA, FeatureKey, canonical
from avtext.storage import ends_its_header, publishing
from avtext.timeline import steps_to_span, steps_within


class DamagedEntry(UserWarning):
    """A cached file is damaged and counts as absent; the message names it and says what is wrong."""


def publish_features(
    path: str | Path, streams: Mapping[str, Stream], metadata: Mapping[str, Any] | None = None
) -> None:
    """Write streams as one safetensors file, whole or not at all.

    Args:
        path: the file.
        streams: features by name, float16 or float32, or frames, uint8; every value finite (masked
            steps too).
        metadata: plain JSON values to keep beside them.

    Raises:
        InvalidInput: a value that is not finite, or of another type; names the stream and the step.
        StorageError: the file cannot be written; what was there before is unchanged.
    """
    from safetensors.numpy import save_file

    arrays = {}
    for name, stream in streams.items():
        _refuse_unsound(name, stream)
        arrays[name] = np.ascontiguousarray(stream.values)
        arrays[f"{name}.mask"] = np.ascontiguousarray(stream.real)
    header: dict[str, Any] = {
        "schema": SCHEMA,
        "streams": {name: {"rate": float(s.rate), "start": float(s.start)} for name, s in streams.items()},
        "metadata": dict(metadata or {}),
    }
    header["checksum"] = _checksum(header, arrays)
    with publishing(path) as temporary:
        save_file(arrays, temporary, metadata={"avtext": canonical(header)})


def _refuse_unsound(name: str, stream: Stream) -> None:
    if stream.values.dtype == np.uint8:  # frames
        return
    if stream.values.dtype not in (np.float16, np.float32):
        raise InvalidInput(f"features {name!r} must be float16, float32 or uint8, got {stream.values.dtype}")
    finite = np.isfinite(stream.values).all(axis=tuple(range(1, stream.values.ndim)))
    if not finite.all():
        raise InvalidInput(
            f"features {name!r} are not finite at step {int(np.argmin(finite))} and at "
            f"{int((~finite).sum())} steps in all; they are not stored: look at the media or the weights"
        )


def _checksum(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of all that a file says: the header but its checksum, each array, its name, type and shape."""
    digest = hashlib.sha256(canonical({k: v for k, v in header.items() if k != "checksum"}).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def load_features(path: str | Path) -> dict[str, Stream]:
    """The streams in a file that :func:`publish_features` wrote, verified.

    Raises:
        StorageError: the file is absent, damaged, or of another kind.
    """
    return read_features(path)[0]


def read_features(path: str | Path) -> tuple[dict[str, Stream], dict[str, Any]]:
    """Streams and metadata of a file that :func:`publish_features` wrote; raises as :func:`load_features`."""
    from safetensors import safe_open

    with _typed(path):
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {})["avtext"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        if header["checksum"] != _checksum(header, arrays) or not ends_its_header(path):
            raise ValueError("the checksum does not match")
        if header["schema"] != SCHEMA:
            raise ValueError(f"schema {header['schema']}, this version reads {SCHEMA}")
        clocks = header["streams"].items()
        streams = {n: Stream(arrays[n], c["rate"], c["start"], arrays[f"{n}.mask"]) for n, c in clocks}
        return streams, header["metadata"]


def read_window(path: str | Path, start: float, end: float) -> dict[str, Stream]:
    """The steps that overlap ``[start, end)`` seconds, of all streams; nothing else is read, nor verified.

    Raises:
        StorageError: as :func:`load_features`, where that shows without a checksum.
    """
    from safetensors import safe_open

    with _typed(path), safe_open(path, framework="numpy") as file:
        clocks = json.loads(file.metadata()["avtext"])["streams"]
        return {n: _piece(file, n, c["rate"], c["start"], start, end) for n, c in clocks.items()}


def _piece(file: Any, name: str, rate: float, origin: float, start: float, end: float) -> Stream:
    count = file.get_slice(name).get_shape()[0]
    first, last = steps_within(start, end, rate, count, origin)
    values, mask = (_rows(file, part, first, last) for part in (name, f"{name}.mask"))
    return Stream(values, rate, steps_to_span(first, last, rate, origin)[0], mask)


def _rows(file: Any, name: str, first: int, last: int) -> np.ndarray:
    rows = file.get_slice(name)
    if first < last:
        return rows[first:last]
    return rows[:1][:0] if rows.get_shape()[0] else file.get_tensor(name)  # safetensors refuses empty slices


@contextmanager
def _typed(path: str | Path) -> Iterator[None]:
    """What shows that ``path`` is absent or damaged becomes a StorageError."""
    from safetensors import SafetensorError

    try:
        yield
    except FileNotFoundError as error:
        raise StorageError(f"{path}: no such feature file", stage="read") from error
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(
            f"{path}: no sound feature file ({error}); remove it and extract again", stage="read"
        ) from error


class FeatureCache:
    """A folder of feature files, one per :class:`FeatureKey`, that many processes may share.

    Args:
        folder: made when first written to.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._sound: dict[Path, tuple[int, int]] = {}  # what was verified, with size and time of change; copies know it

    def path(self, key: FeatureKey) -> Path:
        """Where the features of ``key`` are, or would be."""
        return self._folder / f"{key.digest}.safetensors"

    def get(self, key: FeatureKey) -> dict[str, Stream] | None:
        """The features of ``key``; None if there are none or, with a :class:`DamagedEntry`, no sound ones."""
        found = self.get_with_notes(key)
        return None if found is None else found[0]

    def get_with_notes(self, key: FeatureKey) -> tuple[dict[str, Stream], dict[str, Any]] | None:
        """As :meth:`get`, and what was noted beside them."""
        path = self.path(key)
        stamp = _stamp(path)
        if stamp is None:
            return None
        try:
            streams, metadata = read_features(path)
            if metadata.get("key") != json.loads(canonical(asdict(key))):
                raise StorageError(f"{path}: belongs to another key; remove it", stage="read")
        except StorageError as error:
            warnings.warn(f"{error.message} (made again)", DamagedEntry, stacklevel=3)
            return None
        self._sound[path] = stamp
        return streams, metadata["notes"]

    def get_window(self, key: FeatureKey, start: float, end: float) -> dict[str, Stream] | None:
        """As :meth:`get`, the steps that overlap ``[start, end)`` seconds; the rest is read only to verify it once."""
        path = self.path(key)
        stamp = _stamp(path)
        if stamp is None or (self._sound.get(path) != stamp and self.get(key) is None):
            return None
        return read_window(path, start, end)

    def put(self, key: FeatureKey, streams: Mapping[str, Stream], notes: Mapping[str, Any] | None = None) -> None:
        """Keep the features of ``key``, with plain JSON values as notes; see :func:`publish_features`."""
        publish_features(self.path(key), streams, {"key": asdict(key), "notes": dict(notes or {})})


def _stamp(path: Path) -> tuple[int, int] | None:
    """Size and time of change of a file, which change with its content; None where it is not."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
