"""Every suite of figures there is, by name."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from avtext.benchmark.figures import Figure, table
from avtext.errors import ConfigError


class Suite(NamedTuple):
    """A module with ``run(data) -> list of Figure``, imported when it is asked for, and one line for people.

    Where it ``takes_model``, it is ``run(data, other)`` with the folder of another model, or None. One that
    ``needs_gpu`` is skipped on a machine without.
    """

    module: str
    about: str
    takes_model: bool = False
    needs_gpu: bool = False


SUITES: dict[str, Suite] = {
    "model": Suite(
        "avtext.benchmark.model",
        "accuracy of the default model, or --model, on unseen scenes and on real clips",
        takes_model=True,
    ),
    "memory": Suite("avtext.benchmark.memory", "the demo cold, and memory for an hour of video against a minute"),
    "explain": Suite("avtext.benchmark.explain", "are an event's shares what it loses without each modality"),
    "layers": Suite("avtext.benchmark.layers", "DTW, CRF and alignment, ours and the peers in turn"),
    "robustness": Suite(
        "avtext.benchmark.robustness", "missing streams, attacks before and after --model, damage", takes_model=True
    ),
    "pipeline": Suite(
        "avtext.benchmark.pipeline",
        "decoding, the student, the teacher and the naive way in turn; INT8 of a trained teacher, --model",
        takes_model=True,
    ),
    "gpu": Suite("avtext.benchmark.gpu", "equal to the CPU, the teacher at full size, training", needs_gpu=True),
    "mosi": Suite("avtext.benchmark.mosi", "sentiment of CMU-MOSI from precomputed features"),
}


def why_skipped(name: str) -> str | None:
    """Why a suite cannot be measured on this machine, in words; None where it can."""
    if name in SUITES and SUITES[name].needs_gpu:
        import torch

        if not torch.cuda.is_available():
            return f"{name}: skipped: PyTorch finds no CUDA device on this machine"
    return None


def run_suite(name: str, data: Path, other: Path | None = None) -> list[Figure]:
    """Measure every figure of a suite; takes minutes.

    Args:
        name: of :data:`SUITES`.
        data: folder of real recordings.
        other: folder of another model, for a suite that takes one.

    Raises:
        ConfigError: there is no such suite, no such folder, or another model for a suite that takes none.
        MissingExtra: a peer that is measured is not installed.
    """
    if name not in SUITES:
        raise ConfigError(f"suite {name!r} is not known; known: {', '.join(SUITES)}")
    if not data.is_dir():
        raise ConfigError(f"{data}: no such folder of recordings: name it with --data, or set AVTEXT_DATA")
    if other is not None and not SUITES[name].takes_model:
        able = ", ".join(known for known, suite in SUITES.items() if suite.takes_model)
        raise ConfigError(f"--model {other}: suite {name} measures the default model alone; it is for {able}")
    run = importlib.import_module(SUITES[name].module).run
    return run(data, other) if SUITES[name].takes_model else run(data)


def report(figures: Sequence[Figure]) -> str:
    """Figures as a Markdown table, then how those with a limit were measured."""
    details = [f"{one.name}: {one.detail}\n" for one in figures if one.detail and one.limit is not None]
    return table([figure.to_dict() for figure in figures]) + "".join(details)
