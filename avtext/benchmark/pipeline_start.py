"""How soon a command answers and the torch-free runtime is ready, against importing torch, in new processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from avtext.benchmark.figures import Figure
from avtext.benchmark.pipeline_limits import row
from avtext.benchmark.timing import Bystanders, first_call

IMPORT = "import torch"
HELP = """
import contextlib, os, sys
from avtext.cli import main
sys.argv = ["avtext", "--help"]
with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.suppress(SystemExit):
    main()
"""
READY = "from avtext.runtime import Runtime; Runtime({folder!r}, threads=1)"


def measure(folder: Path, rounds: int) -> Iterator[Figure]:
    """Row 10.

    Args:
        folder: of a model for the runtime.
        rounds: new processes of each kind, in turn.
    """
    codes = {"torch": IMPORT, "help": HELP, "ready": READY.format(folder=str(folder))}
    bystanders = Bystanders()
    taken = [{name: first_call(code).wall for name, code in codes.items()} for _ in range(rounds)]
    times = {name: median(one[name] for one in taken) for name in codes}
    detail = (
        f"from the start of a process, medians of {rounds} in turn: import torch {times['torch']:.2f} s, "
        f"avtext --help {times['help']:.2f} s, runtime ready {times['ready']:.2f} s; {bystanders.describe()}"
    )
    yield row("row10a_help_against_importing_torch", times["help"] / times["torch"], detail)
    yield row("row10b_runtime_ready_against_importing_torch", times["ready"] / times["torch"], detail)
