"""A run of two processes on the CPU that keeps the weights each of them ends with: ``python -m tests.training.parallel``."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from avtext.checkpoint import save_tensors
from avtext.training.loop import _Run
from tests.training.test_faults import SMALL
from tests.training.test_loop import SOURCE, run


def main(folder: Path) -> None:
    """One clip of two modalities, from which clocks learn, and three of one, in two steps of two: one teaches nothing."""
    clips = [SOURCE[0], *(replace(SOURCE[i], video=None, picture=None, name="wav") for i in (1, 2, 3))]
    how = {"model": SMALL, "learn": ["embedders"], "steps": 2, "batch_size": 1, "devices": 2}
    training = _Run(run(folder / "run", **how), clips, None, "", None)
    training.go()
    save_tensors(folder / f"{training.fabric.global_rank}.safetensors", training.model.state_dict())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
