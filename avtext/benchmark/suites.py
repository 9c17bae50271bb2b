"""Every suite of figures there is, by name."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from avtext.benchmark.figures import Figure, table
from avtext.errors import ConfigError


class Suite(NamedTuple):
    """A module with ``run(data) -> list of Figure``, imported when it is asked for, and one line for people."""

    module: str
    about: str


SUITES: dict[str, Suite] = {
    "model": Suite("avtext.benchmark.model", "accuracy of the default model on unseen scenes and on real clips"),
    "memory": Suite("avtext.benchmark.memory", "the demo cold, and memory for an hour of video against a minute"),
    "explain": Suite("avtext.benchmark.explain", "are an event's shares what it loses without each modality"),
    "layers": Suite("avtext.benchmark.layers", "DTW, CRF and alignment, ours and the peers in turn"),
    "pipeline": Suite("avtext.benchmark.pipeline", "decoding, the student, the teacher and the naive way in turn"),
    "mosi": Suite("avtext.benchmark.mosi", "sentiment of CMU-MOSI from precomputed features"),
}


def run_suite(name: str, data: Path) -> list[Figure]:
    """Measure every figure of a suite; takes minutes.

    Args:
        name: of :data:`SUITES`.
        data: folder of real recordings.

    Raises:
        ConfigError: there is no such suite, or no such folder.
        MissingExtra: a peer that is measured is not installed.
    """
    if name not in SUITES:
        raise ConfigError(f"suite {name!r} is not known; known: {', '.join(SUITES)}")
    if not data.is_dir():
        raise ConfigError(f"{data}: no such folder of recordings: name it with --data, or set AVTEXT_DATA")
    return importlib.import_module(SUITES[name].module).run(data)


def report(figures: Sequence[Figure]) -> str:
    """Figures as a Markdown table, then how those with a limit were measured."""
    details = [f"{one.name}: {one.detail}\n" for one in figures if one.detail and one.limit is not None]
    return table([figure.to_dict() for figure in figures]) + "".join(details)
