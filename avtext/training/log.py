"""Figures of a run, as CSV and for TensorBoard."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from types import TracebackType

from avtext.errors import StorageError

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
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
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
        self._file = self._open.enter_context(path.open("a", newline="", encoding="utf-8"))
        self._rows = csv.DictWriter(self._file, COLUMNS, restval="")
        if not self._file.tell():  # new, or of a run that was killed before its first row
            self._rows.writeheader()
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self._board = None
        else:
            self._board = self._open.enter_context(SummaryWriter(str(folder / "tensorboard")))

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


@contextmanager
def _typed(folder: Path) -> Iterator[None]:
    """What the system refuses to write becomes a StorageError."""
    try:
        yield
    except OSError as error:
        text = f"{folder}: the log cannot be written ({error.strerror or error}): free some space, start again to go on"
        raise StorageError(text) from error
