"""A model folder of the runtime: one ONNX file per graph, and ``config.json``, which describes and seals them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from avtext.config import ModelSettings, parse
from avtext.errors import ModelError
from avtext.storage import publish_json, sha256_of

FORMAT = "avtext.onnx/1"
_KIND = FORMAT.partition("/")[0]  # of any version
CONFIG = "config.json"
SEAL = "config_sha256"  # of all else in config.json; absent from older folders


@dataclass(frozen=True)
class StreamReading:
    """How a stream is read and where its features lie.

    Args:
        rate: steps per second of its features; of video also frames per second.
        start: seconds from the stream's first value to the beginning of step 0.
        frame_size: pixels, height and width of frames; None for what is no picture.
        num_mels: mel bands; None for what is no sound.
        num_buckets: of hashed sub-words; None for what is no text.
    """

    rate: float = 0.0
    start: float = 0.0
    frame_size: int | None = None
    num_mels: int | None = None
    num_buckets: int | None = None


@dataclass(frozen=True)
class Chain:
    """The CRF's scores: ``start`` and ``end`` (chains, tags), ``transitions`` (chains, tags, tags); None forbids."""

    start: list[list[float | None]]
    transitions: list[list[list[float | None]]]
    end: list[list[float | None]]


@dataclass(frozen=True)
class Manifest:
    """What ``config.json`` says.

    Args:
        settings: of the model.
        modalities: in the order in which ``fuse`` takes them.
        streams: by name.
        encoding_halo: grid steps that encoded features depend on to either side.
        fusion_halo: grid steps that emissions depend on to either side.
        chain: the CRF; None for a model that decodes by softmax.
        precision: ``"float32"`` or ``"int8"``.
    """

    settings: ModelSettings
    modalities: tuple[str, ...]
    streams: Mapping[str, StreamReading]
    encoding_halo: int
    fusion_halo: int
    chain: Chain | None
    precision: str = "float32"


def is_runtime_folder(folder: str | Path) -> bool:
    """Whether ``config.json`` in ``folder`` says that its model is for the runtime."""
    return _document(Path(folder)) is not None


def _document(folder: Path) -> dict[str, Any] | None:
    """What ``config.json`` holds; None where it is not there, no JSON, or of another format, whatever its version."""
    try:
        document = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    known = isinstance(document, dict) and str(document.get("format")).partition("/")[0] == _KIND
    return document if known else None


def publish_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``config.json`` for the ONNX files that are in ``folder``, with their checksums.

    Raises:
        StorageError: the folder cannot be written.
    """
    files = {path.name: sha256_of(path) for path in sorted(folder.glob("*.onnx"))}
    values: dict[str, Any] = {
        "format": FORMAT,
        "files": files,
        "precision": manifest.precision,
        "modalities": list(manifest.modalities),
        "streams": {name: asdict(stream) for name, stream in manifest.streams.items()},
        "encoding_halo": manifest.encoding_halo,
        "fusion_halo": manifest.fusion_halo,
        "chain": None if manifest.chain is None else asdict(manifest.chain),
        "model": manifest.settings.model_dump(mode="json"),
    }
    publish_json(folder / CONFIG, {**values, SEAL: _seal(values)})


def _seal(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def read_manifest(folder: str | Path) -> Manifest:
    """The manifest of a folder whose files are all there and unchanged.

    Raises:
        ModelError: no such folder, another format, or a file that is missing, damaged or cannot be read.
        ConfigError: its settings are not those of this version.
    """
    folder = Path(folder)
    document = _document(folder)
    if document is None:
        raise ModelError(f"{folder}: not a model folder of format {FORMAT}: make one with: avtext compress MODEL")
    if document["format"] != FORMAT:
        raise ModelError(
            f"{folder}: is of format {document['format']}, this version reads {FORMAT}: make it again with: avtext "
            "compress MODEL, or use the version of avtext that made it"
        )
    if SEAL in document and document.pop(SEAL) != _seal(document):
        raise ModelError(
            f"{folder / CONFIG}: damaged: its checksum does not match: copy it again, or remove its {SEAL} if you "
            "changed it yourself"
        )
    settings = parse(ModelSettings, document.get("model"), str(folder))
    try:
        for name, digest in document["files"].items():
            if Path(name).name != name or not (folder / name).is_file():
                raise ModelError(f"{folder / name}: no such file: copy the folder again")
            if _sum_of(folder / name) != digest:
                raise ModelError(f"{folder / name}: damaged: its checksum is not the one in {CONFIG}; copy it again")
        chain = document["chain"]
        return Manifest(
            settings=settings,
            modalities=tuple(document["modalities"]),
            streams={name: StreamReading(**values) for name, values in document["streams"].items()},
            encoding_halo=int(document["encoding_halo"]),
            fusion_halo=int(document["fusion_halo"]),
            chain=None if chain is None else Chain(**chain),
            precision=str(document["precision"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ModelError(f"{folder / CONFIG}: damaged ({type(error).__name__}: {error}): copy it again") from None


def _sum_of(graph: Path) -> str:
    try:
        return sha256_of(graph)
    except OSError as error:
        raise ModelError(f"{graph}: cannot be read: {error.strerror or error}") from None
