"""A run of two processes on the CPU that keeps the weights each of them is stopped with:
``python -m tests.training.parallel FOLDER``.
"""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path

from avtext.checkpoint import save_tensors
from avtext.model import Batch
from avtext.training.loop import _Run
from tests.training.test_faults import SMALL
from tests.training.test_loop import SOURCE, run


class _Stopped(_Run):
    """A run of which one process hears Ctrl-C, in the second step."""

    def _step(self, step: int, batch: Batch) -> dict[str, float]:
        if step == 1 and self.fabric.global_rank == 1:
            signal.raise_signal(signal.SIGINT)
        return super()._step(step, batch)


def main(folder: Path) -> None:
    """One clip of two modalities, from which clocks learn, and three of one, in two steps of two: one teaches nothing."""
    clips = [SOURCE[0], *(replace(SOURCE[i], video=None, picture=None, name="wav") for i in (1, 2, 3))]
    how = {"model": SMALL, "learn": ["embedders"], "steps": 4, "checkpoint_every": 4, "batch_size": 1, "devices": 2}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which what starts the tests may have turned off
    training = _Stopped(run(folder / "run", **how), clips, None, "", None)
    try:
        training.go()
    except KeyboardInterrupt:
        save_tensors(folder / f"{training.fabric.global_rank}.safetensors", training.model.state_dict())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
