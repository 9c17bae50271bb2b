"""INT8 by calibration: static, per channel, as QDQ nodes that ONNX Runtime fuses; convolutions included.

What is small and decides (the emissions, the gates) stays in float32, and so do the CRF and the DTW, which are no part
of any graph. Dynamic quantisation is not offered: it makes convolutions ten times slower.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from avtext.backends.onnx_int8 import Feed, quantize_graph
from avtext.checkpoint import publishing_folder
from avtext.compression.export import Say
from avtext.detection import EventFinder
from avtext.errors import ConfigError, MediaError, counted
from avtext.runtime.folder import publish_manifest, read_manifest
from avtext.runtime.network import OnnxNetwork

PER_GRAPH = 12  # windows of calibration that a graph sees at most


class RecordingNetwork(OnnxNetwork):
    """Keeps some of what every graph is given: drawn from all of each file, and as many of one file as of another."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__(folder)
        self._shares: dict[str, list[list[Feed]]] = {name: [[]] for name in self._sessions}  # per graph and file
        self._given = dict.fromkeys(self._sessions, 0)
        self._draw = random.Random(0)

    @property
    def feeds(self) -> dict[str, list[Feed]]:
        """Per graph that was given any, its inputs by name, ``PER_GRAPH`` times at most."""
        self._even_out()
        return {
            name: [feed for share in shares for feed in share] for name, shares in self._shares.items() if any(shares)
        }

    def begin(self, most: int) -> bool:
        """Expect a file; whether there is a graph that fewer than ``most`` files before it have reached."""
        self._even_out()
        for shares in self._shares.values():
            shares[:] = [*filter(None, shares), []]  # PER_GRAPH at most of the files before it, however many they are
        self._given = dict.fromkeys(self._sessions, 0)
        return min(sum(map(bool, shares)) for shares in self._shares.values()) < most

    def _even_out(self) -> None:
        """Leave out what is too much, of the files that have most: a short one beside them leaves its room to them."""
        for shares in self._shares.values():
            while sum(map(len, shares)) > PER_GRAPH:
                longest = max(shares, key=len)
                longest.pop(self._draw.randrange(len(longest)))

    def _run(self, name: str, *arguments: np.ndarray) -> list[np.ndarray]:
        share, place = self._shares[name][-1], self._given[name]
        self._given[name] += 1
        if place >= PER_GRAPH:  # each of the file is kept with the same chance (reservoir sampling)
            place = self._draw.randrange(self._given[name])
        if place < PER_GRAPH:
            names = (node.name for node in self._sessions[name].get_inputs())
            share[place : place + 1] = [dict(zip(names, arguments, strict=True))]
        return super()._run(name, *arguments)


def record_feeds(folder: str | Path, files: Sequence[str | Path], say: Say | None = None) -> dict[str, list[Feed]]:
    """What the graphs of a runtime folder are given when events are found in ``files``, at most ``PER_GRAPH`` times
    each and spread over all of them; ``say`` is told of the files that cannot be read.

    Raises:
        ConfigError: no file can be read, or a graph was given nothing by any (its modality is in none of them).
    """
    network = RecordingNetwork(folder)
    finder, faults = EventFinder(network), []
    for number, file in enumerate(files, 1):
        if not network.begin(math.ceil(PER_GRAPH * number / len(files))):
            continue  # of more files than windows some are left out, and need not be read
        try:
            finder(file)
        except MediaError as error:
            faults.append(error.message)
    feeds = network.feeds
    if "fuse" not in feeds:
        raise ConfigError(f"calibration: no file could be read: {'; '.join(faults[:3]) or 'none was given'}")
    if faults and say:
        say(f"calibration: {len(faults)} of {counted(len(files), 'file')} left out: {'; '.join(faults[:3])}")
    missing = [name for name in network._sessions if name not in feeds]
    if missing:
        raise unreached(missing[0], network.modalities)
    return feeds


def unreached(name: str, modalities: Sequence[str]) -> ConfigError:
    """The error for clips without that which a graph, or the model, takes."""
    return ConfigError(
        f"calibration: nothing in these files reaches {name!r}: add clips with every modality of the model "
        f"({', '.join(modalities)}; subtitles may lie beside a video)"
    )


def quantize_folder(
    source: str | Path, files: Sequence[str | Path], target: str | Path, say: Say | None = None
) -> None:
    """An INT8 twin of a float32 runtime folder.

    Args:
        source: as :func:`avtext.compression.export.export_detector` writes it.
        files: clips to calibrate on, as what the model will be used for.
        target: where; replaced in one step.
        say: told of the clips that cannot be read.

    Raises:
        ConfigError: the clips are of no use; see :func:`record_feeds`.
        MissingExtra: onnx or onnxruntime is not installed.
        StorageError: the folder cannot be written.
    """
    source = Path(source)
    manifest = read_manifest(source)
    feeds = record_feeds(source, files, say)
    with publishing_folder(target) as temporary:
        for name, rows in feeds.items():
            quantize_graph(source / f"{name}.onnx", rows, temporary / f"{name}.onnx")
        publish_manifest(temporary, replace(manifest, precision="int8"))
