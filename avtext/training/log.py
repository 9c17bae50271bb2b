"""Figures of a run, as CSV and for TensorBoard."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from types import TracebackType

from avtext.errors import StorageError
from avtext.storage import publishing

COLUMNS = (
    *(
        "step",
        "loss",
        "crf",
        "frame",
        "alone",
        "alignment",
        "distillation",
        "attacked",
        "gradient_norm",
        "learning_rate",
    ),
    *("seconds", "wait_share", "f1", "macro_f1"),
    *("matching", "masked", "presence", "soft_dtw"),  # last: logs of older runs go on
)


class RunLog:
    """``log.csv``, and TensorBoard event files in ``tensorboard/`` where tensorboard is installed.

    Args:
        folder: of the run; None writes nothing (all processes of a run but the first).
        step: from which the run goes on: what a run that was killed wrote of later ones is left out.
    """

    def __init__(self, folder: Path | None, step: int) -> None:
        self._folder, self._step = folder, step
        self._open = ExitStack()

    def __enter__(self) -> RunLog:
        if self._folder is None:
            return self
        with _typed(self._folder):
            self._start(self._folder)
        return self

    def _start(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "log.csv"
        _leave_out_after(self._step, path)
        self._file = self._open.enter_context(path.open("a", newline="", encoding="utf-8"))
        self._rows = csv.DictWriter(self._file, COLUMNS, restval="")
        if not self._file.tell():  # new, or of a run that was killed before its first row
            self._rows.writeheader()
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self._board = None
        else:
            self._board = self._open.enter_context(
                SummaryWriter(str(folder / "tensorboard"), purge_step=self._step + 1)
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with nullcontext() if error is None else suppress(OSError):  # a full disk refuses once more; that was said
            self._open.close()

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """One row; every figure is a column of ``COLUMNS``.

        Raises:
            StorageError: the disk is full.
        """
        if self._folder is None:
            return
        with _typed(self._folder):
            self._rows.writerow({"step": step, **{k: f"{v:.6g}" for k, v in figures.items()}})
            self._file.flush()
            for name, value in figures.items() if self._board else ():
                self._board.add_scalar(name, value, step)  # type: ignore[union-attr]


def _leave_out_after(step: int, path: Path) -> None:
    """Take the rows of later steps out of a log, and one that was cut short."""

    def is_kept(line: bytes) -> bool:
        number = line.partition(b",")[0]
        return line.endswith(b"\n") and not (number.isdigit() and int(number) > step)

    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    kept = [*filter(is_kept, lines)]
    if kept != lines:
        with publishing(path) as temporary:
            temporary.write_bytes(b"".join(kept))


@contextmanager
def _typed(folder: Path) -> Iterator[None]:
    """What the system refuses to write becomes a StorageError."""
    try:
        yield
    except OSError as error:
        text = f"{folder}: the log cannot be written ({error.strerror or error}): free some space, start again to go on"
        raise StorageError(text) from error
