"""Model folders: ``model.safetensors``, ``config.json`` and a model card; never a pickle.

A folder is written whole beside its place and renamed into it. ``config.json`` carries the weights' SHA-256, so that
a damaged or half-copied folder is refused instead of answering nonsense.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from avtext.errors import ModelError, StorageError
from avtext.storage import ends_its_header, flush, publish_json, publish_text, sha256_of, system_error, temporary_beside

FORMAT = "avtext.model/1"
_RUNTIME = "avtext.onnx/1"  # avtext.runtime.folder.FORMAT
WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
_KEYS = {"format", "sha256", "model", "model_sha256"}  # of config.json; the last is absent from older folders
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """SHA-256 over names, types, shapes, bytes and metadata: one flipped bit anywhere is noticed."""
    digest = hashlib.sha256(json.dumps(sorted(metadata.items())).encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors and their checksum as safetensors, in sorted order: equal tensors give equal bytes."""
    from safetensors.torch import save_file

    contiguous = {name: tensors[name].detach().cpu().contiguous() for name in sorted(tensors)}
    words = dict(metadata or {})
    save_file(contiguous, path, metadata={**words, "sha256": _digest(contiguous, words)})


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a file that :func:`save_tensors` wrote, verified.

    Raises:
        ModelError: missing, not a whole safetensors file, or changed since it was written.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as handle:
            tensors = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118
            metadata = dict(handle.metadata() or {})
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path}: not a whole safetensors file ({error}): copy it again") from None
    if metadata.pop("sha256", None) != _digest(tensors, metadata) or not ends_its_header(path):
        raise ModelError(f"{path}: damaged: its checksum does not match: copy it again")
    return tensors, metadata


def publish_model(
    folder: str | Path,
    tensors: Mapping[str, Tensor],
    config: Mapping[str, Any],
    card: str,
    *,
    half: bool = False,
) -> None:
    """Write a model folder; what was there before is replaced in one step.

    Args:
        folder: where.
        tensors: a state dict.
        config: the model's settings, as plain values.
        card: Markdown: what it finds, what it learnt from, how well, what it cannot do.
        half: store floating-point weights as float16 (half the bytes; loaded as float32) where that can hold them.

    Raises:
        StorageError: the folder's parent cannot be written.
    """
    stored = {n: _half(t) if half and t.is_floating_point() else t for n, t in tensors.items()}
    with publishing_folder(folder) as temporary:
        save_tensors(temporary / WEIGHTS, stored)
        (temporary / WEIGHTS).chmod(0o644)
        publish_text(temporary / CARD, card)
        document = {"format": FORMAT, "sha256": sha256_of(temporary / WEIGHTS), "model": dict(config)}
        publish_json(temporary / CONFIG, {**document, "model_sha256": _sum(document["model"])})


def _half(values: Tensor) -> Tensor:
    """Float16, or as they are where one is beyond its 65,504, as a variance of BatchNorm can be."""
    short = values.half()
    return short if bool(short.isfinite().all()) else values


@contextmanager
def publishing_folder(folder: str | Path) -> Iterator[Path]:
    """Give a new folder beside ``folder``; on a clean exit it takes its place in one step, else it is removed.

    Raises:
        StorageError: the folder's parent cannot be written, the disk is full, or what is there is no model, which would
            be lost; it is as before.
    """
    folder = Path(folder)
    try:
        if folder.exists() and not _is_ours(folder) and not (folder.is_dir() and not any(folder.iterdir())):
            raise StorageError(f"{folder}: holds something else than a model, which would be lost: name a new folder")
        with temporary_beside(folder, folder=True) as temporary:
            yield temporary
            for file in temporary.iterdir():
                flush(file)
            temporary.chmod(0o755)
            _swap(temporary, folder)
            flush(folder.parent)
    except Exception as error:
        refused = system_error(error)
        if refused is None:
            raise
        text = f"{folder}: the model cannot be written: {refused.strerror or refused}; what was there is unchanged"
        raise StorageError(text) from error


def _is_ours(folder: Path) -> bool:
    """Whether a model of this package lies there; other programs have a ``config.json``, too."""
    try:
        document = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("format") in (FORMAT, _RUNTIME)


def _sum(settings: Any) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _swap(new: Path, place: Path) -> None:
    """Put a folder in its place, so that there is one at any time; ``new`` then holds what was there before.

    Where a file system cannot exchange two folders, there is none for a moment.
    """
    if place.exists() and _exchanged(new, place):
        return
    old = place.with_name(f".{place.name}.old-{os.getpid()}")
    if place.exists():
        place.rename(old)
    try:
        new.rename(place)
    except OSError:
        if old.exists():
            old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    try:
        rename = ctypes.CDLL(None).renameat2
    except (OSError, AttributeError):  # another system than Linux
        return False
    return rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0


def weights_sha256(folder: str | Path) -> str:
    """What the ``config.json`` of a model folder says of its weights; :func:`read_model` has verified it."""
    return str(json.loads((Path(folder) / CONFIG).read_text(encoding="utf-8"))["sha256"])


def read_model(folder: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Settings (plain values) and float32 weights of a model folder, verified.

    Raises:
        ModelError: no such folder, a missing file, another format, or weights that do not match their checksum.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such model folder; training leaves one as 'best' in its 'out'")
    try:
        document = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{folder}: not a model folder: it has no {CONFIG}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{folder / CONFIG}: not readable JSON: {error}") from None
    if isinstance(document, dict) and document.get("format") == _RUNTIME:
        raise ModelError(
            f"{folder}: holds graphs, no weights for torch: use avtext.runtime.Runtime or avtext detect -m"
        )
    if not isinstance(document, dict) or document.get("format") != FORMAT or "model" not in document:
        raise ModelError(f"{folder / CONFIG}: not a config of format {FORMAT}: save the model again with this version")
    if set(document) - _KEYS or document.get("model_sha256", _sum(document["model"])) != _sum(document["model"]):
        raise ModelError(
            f"{folder / CONFIG}: damaged: its checksum does not match: copy it again, or remove its model_sha256 if "
            "you changed the settings yourself"
        )
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise ModelError(f"{folder}: not a model folder: it has no {WEIGHTS}")
    if sha256_of(weights) != document.get("sha256"):
        raise ModelError(f"{weights}: damaged: its checksum is not the one in {CONFIG}; copy it again")
    tensors, _ = load_tensors(weights)
    return document["model"], {n: t.float() if t.dtype == torch.float16 else t for n, t in tensors.items()}
