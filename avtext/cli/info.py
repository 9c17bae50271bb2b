"""``avtext info``: what is installed, and what is in a model or a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from avtext.cli.options import Debug, Verbose


def info(
    what: Annotated[
        Path | None, typer.Argument(help="A model folder or a media file; without it: this installation.")
    ] = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Say what is installed, or what a model or a media file is.

    Example: avtext info video.mp4
    """
    from avtext.cli.progress import waiting
    from avtext.cli.tables import print_lines

    with waiting("looking"):
        lines = _installation() if what is None else _about(what)
    print_lines(lines)


def _about(place: Path) -> list[str]:
    from avtext.runtime.folder import is_runtime_folder

    if is_runtime_folder(place):
        return _graphs(place)
    return _model(place) if place.is_dir() else _media(place)


def _installation() -> list[str]:
    import platform

    from avtext import __version__
    from avtext.cli.environment import EXTRAS, NEEDED, version_of

    lines = [f"avtext {__version__}, Python {platform.python_version()}"]
    versions = {name: version_of(name) for name in (*NEEDED, *EXTRAS.values())}
    lines += [f"{name} {version}" if version else f"{name}: not installed" for name, version in versions.items()]
    if not versions["torch"]:
        return lines

    import torch

    from avtext.pipeline import DEFAULT_MODEL

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return [*lines, f"GPU: {gpu}", f"default model: {DEFAULT_MODEL}"]


def _model(folder: Path) -> list[str]:
    from avtext.model import load_detector

    model = load_detector(folder)
    parts = [f"  {name}: {count:,}" for name, count in model.num_parameters().items()]
    labels = ", ".join(model.settings.labels)
    return [f"{folder}: {model.settings.scheme} labels: {labels}", "parameters:", *parts]


def _graphs(folder: Path) -> list[str]:
    from avtext.runtime.folder import read_manifest

    manifest = read_manifest(folder)
    own = {*manifest.streams, *(f"tower-{modality}" for modality in manifest.modalities), "fuse"}
    sizes = {path.stem: path.stat().st_size for path in sorted(folder.glob("*.onnx")) if path.stem in own}
    parts = [f"  {name}: {size:,}" for name, size in {**sizes, "total": sum(sizes.values())}.items()]
    labels = ", ".join(manifest.settings.labels)
    kind = f"ONNX, {manifest.precision}, of {', '.join(manifest.modalities)}"
    return [f"{folder}: {manifest.settings.scheme} labels: {labels}", kind, "bytes:", *parts]


def _media(path: Path) -> list[str]:
    from avtext.media import probe

    return [f"{name}: {value}" for name, value in probe(path).to_dict().items()]
