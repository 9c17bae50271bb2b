"""Whether this installation can do its work: packages, extras, GPU, default model, a folder for the cache."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from avtext.errors import AvtextError

NEEDED = (
    *("torch", "torchaudio", "torchvision", "transformers", "pytorchvideo", "pytorch-crf", "librosa", "av"),
    *("numpy", "numba", "safetensors", "huggingface_hub"),
)
EXTRAS = {  # the package that tells whether an extra is installed
    "train": "lightning",
    "onnx": "onnxruntime",
    "openvino": "openvino",
    "plot": "matplotlib",
    "bench": "scenedetect-headless",
}
LEAST_SPACE = 1e9  # bytes free


class Check(NamedTuple):
    """One thing that was looked at: what was found, and what to do about it (empty where all is well)."""

    found: str
    remedy: str = ""


def check_environment() -> Iterator[Check]:
    """Every check of the installation, in order; nothing is fetched and nothing is left behind.

    What takes a package that is missing is not looked at.

    Example:
        >>> [check.found for check in check_environment()][0].startswith("avtext ")
        True
    """
    from avtext import __version__

    yield Check(f"avtext {__version__}, Python {platform.python_version()}, {os.cpu_count()} cores")
    for name in NEEDED:
        version = version_of(name)
        yield Check(f"{name} {version}") if version else Check(f"{name} is missing", "pip install -e . once more")
    yield from (_extra(name, package) for name, package in EXTRAS.items())
    if version_of("torch"):
        yield _gpu()
        yield _model()
    yield _writable("temporary folder", Path(tempfile.gettempdir()), "set TMPDIR to a folder with space")
    if version_of("huggingface_hub"):
        yield _writable("hub cache", hub_cache(), "set HF_HOME to a folder with space")


def version_of(package: str) -> str:
    """The version that is installed; empty where none is."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _extra(name: str, package: str) -> Check:
    version = version_of(package)
    return Check(
        f"extra {name}: {package} {version}" if version else f'extra {name}: no (pip install "avtext[{name}]")'
    )


def _gpu() -> Check:
    import torch

    if torch.cuda.is_available():
        return Check(f"GPU: {torch.cuda.get_device_name()}")
    if Path("/dev/nvidiactl").exists():
        return Check("GPU: there is one, but PyTorch cannot use it", "install its driver, or a PyTorch for this CUDA")
    return Check("GPU: none; the CPU is used")


def _model() -> Check:
    from avtext.model import load_detector
    from avtext.pipeline.pipeline import DEFAULT_MODEL

    try:
        model = load_detector(DEFAULT_MODEL)
    except AvtextError as error:
        return Check(error.message, "install the package again")
    return Check(f"default model: {len(model.settings.labels)} labels, whole ({DEFAULT_MODEL})")


def hub_cache() -> Path:
    """Where models of the hub are kept."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _writable(what: str, folder: Path, remedy: str) -> Check:
    place = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            free = shutil.disk_usage(place).free
    except OSError as error:
        return Check(f"{what} {folder} cannot be written: {error.strerror or error}", remedy)
    found = f"{what} {folder}: {free / 1e9:.0f} GB free"
    return Check(found, remedy if free < LEAST_SPACE else "")
