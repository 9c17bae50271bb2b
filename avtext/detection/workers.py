"""Several files at a time, each in a worker process: what kills a worker costs the file it was at.

Workers are started from scratch, not forked, and share nothing. Each computes and decodes in one thread, so that
results do not depend on how many there are, and a file takes the least CPU time.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from avtext.errors import AvtextError, Code, MediaError, StorageError
from avtext.media import Limits
from avtext.media.opening import shown
from avtext.media.spare import places

if TYPE_CHECKING:
    from avtext.detection.finder import EventFinder
    from avtext.detection.result import Result

_BOOTSTRAP = (  # Ctrl-C is the parent's business, which ends this process
    "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); sys.path[:] = sys.argv[3:]; "
    "from avtext.detection.workers import main; main()"
)
_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
_ONE_THREAD["OMP_THREAD_LIMIT"] = "1"  # also where the pipeline was made with more
_READY = "ready"
_EXPENDABLE = "500"  # where memory runs out, the system ends a worker before its parent


def detect_each(
    pipe: EventFinder, sources: Iterable[str | Path], jobs: int, options: Mapping[str, Any]
) -> Generator[tuple[int, Result | AvtextError], None, None]:
    """``(index, outcome)`` of every source, as they are ready.

    Args:
        pipe: copied to the workers.
        sources: paths; taken as workers become free.
        jobs: worker processes, 1 or more.
        options: of calling the pipeline.

    Raises:
        StorageError: a worker cannot be started.
    """
    todo = enumerate(sources)
    with _Crew(pipe, options) as crew:
        while True:
            while len(crew.busy) < jobs and (task := next(todo, None)) is not None:
                crew.give(*task)
            if not crew.busy:
                return
            yield from crew.finished()


@contextmanager
def deaf() -> Iterator[None]:
    """Ctrl-C waits until the end; processes begun here never hear it: it reaches all of a terminal's, and the first
    decides."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Worker:
    """A process and the line to it."""

    def __init__(self, order: Path) -> None:
        self.line, theirs = Pipe()
        with closing(theirs):
            words = [str(theirs.fileno()), str(order), *places()]
            self.process = subprocess.Popen(
                [sys.executable, "-c", _BOOTSTRAP, *words],
                pass_fds=[theirs.fileno()],
                env={**os.environ, **_ONE_THREAD},
                stdin=subprocess.DEVNULL,
            )
        self.started = False

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.line.close()


class _Crew:
    """Workers that are busy and idle, and the file that tells new ones what to do."""

    def __init__(self, pipe: EventFinder, options: Mapping[str, Any]) -> None:
        self.busy: dict[Connection, tuple[_Worker, int, str | Path]] = {}
        self._idle: list[_Worker] = []
        self._stack = ExitStack()
        with self._stack:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="avtext-")))
            self._order = folder / "order"
            try:
                with deaf(), self._order.open("wb") as file:  # torch loses an interrupt that comes as it pickles
                    pipe.pickler(file).dump((pipe, dict(options)))
            except OSError as error:
                text = f"temporary folder {folder}: {error.strerror}: free some space or set TMPDIR"
                raise StorageError(text) from error
            self._stack = self._stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in [*self._idle, *(worker for worker, _, _ in self.busy.values())]:
            worker.close()
        self._stack.close()

    def give(self, index: int, source: str | Path) -> None:
        """Let an idle worker, or a new one, analyse ``source``."""
        with deaf():  # who is started is known, or nobody would end it
            worker = self._idle.pop() if self._idle else self._started()
            self.busy[worker.line] = (worker, index, source)
        with suppress(OSError):  # a worker that is dead already is noticed when it is listened to
            worker.line.send(source)

    def _started(self) -> _Worker:
        try:
            return _Worker(self._order)
        except OSError as error:
            text = f"jobs: a worker process could not be started ({error.strerror}): try fewer jobs"
            raise StorageError(text, stage="start") from error

    def finished(self) -> Iterator[tuple[int, Result | AvtextError]]:
        """What has come from the busy workers, at least one message of one of them."""
        for line in wait(self.busy):
            assert isinstance(line, Connection)
            worker, index, source = self.busy[line]
            try:
                outcome = line.recv()
            except (EOFError, OSError):
                outcome = _post_mortem(worker, source)
            if outcome == _READY:
                worker.started = True
                continue
            del self.busy[line]
            if worker.process.poll() is None:
                self._idle.append(worker)
            else:
                worker.close()
            if isinstance(outcome, Exception) and not isinstance(outcome, AvtextError):
                raise outcome
            yield index, outcome


def _post_mortem(worker: _Worker, source: str | Path) -> MediaError:
    """What the end of a worker means for its file.

    Raises:
        StorageError: it never came to work, so that the next one would not either.
    """
    status = worker.process.wait()
    if not worker.started:
        worker.close()
        raise StorageError(f"jobs: a worker process could not start (status {status}): free some memory", stage="start")
    end = signal.Signals(-status).name if -status in set(signal.Signals) else f"exit status {status}"
    if end == "SIGKILL":
        text = f"{shown(source)}: its worker was killed, perhaps for its memory: try it alone, or with fewer jobs"
        return MediaError(text, code=Code.TOO_LARGE, stage="encode")
    return MediaError(f"{shown(source)}: its worker crashed ({end})", code=Code.CORRUPT, stage="encode")


def main() -> None:
    """Analyse the files that come over the line until it ends; a process of its own, see ``_BOOTSTRAP``."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_EXPENDABLE)
    line = Connection(int(sys.argv[1]))
    # Written by our parent into a private folder of its own a moment ago; no file of a user is ever unpickled.
    pipe, options = pickle.loads(Path(sys.argv[2]).read_bytes())
    pipe.limits = replace(pipe.limits or Limits(), threads=1)  # the other cores have files of their own
    with suppress(EOFError, BrokenPipeError):
        line.send(_READY)
        while True:
            line.send(_outcome(pipe, line.recv(), options))


def _outcome(pipe: EventFinder, source: str | Path, options: Mapping[str, Any]) -> Result | Exception:
    try:
        return pipe(source, **options)
    except AvtextError as error:
        return error
    except Exception as error:  # sent to the parent, which raises it
        if isinstance(error, MemoryError) or "can't allocate memory" in str(error) or "out of memory" in str(error):
            text = f"{shown(source)}: needs more memory than there is: try it alone, or with fewer jobs"
            return MediaError(text, code=Code.TOO_LARGE, stage="encode")
        return RuntimeError(f"{shown(source)}: {traceback.format_exc()}")
