"""Batches in worker processes: the same results in the same order, and a worker that dies costs one file."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import weakref
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from avtext.detection import EventFinder
from avtext.detection.batch import in_order, part_of
from avtext.detection.workers import detect_each
from avtext.errors import Code, InvalidInput, MediaError, StorageError
from avtext.media import Limits
from avtext.pipeline import Failure, Pipeline, Result
from avtext.runtime import Runtime
from avtext.storage import publish_json
from tests.robustness.trial import descendants
from tests.tiny import talkative, write_wav


@pytest.fixture(scope="module")
def pipe() -> Pipeline:
    return Pipeline(talkative(), device="cpu")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sounds")
    return [write_wav(folder / f"{number}.wav", 1.0 + number % 2) for number in range(4)]


def test_workers_give_what_one_process_gives(pipe: Pipeline, sounds: list[Path], tmp_path: Path) -> None:
    paths = [sounds[0], tmp_path / "none.wav", *sounds[1:]]
    alone = [*pipe.batch(paths, on_error="return")]
    together = [*pipe.batch(paths, on_error="return", jobs=2)]
    assert [one.to_dict() for one in alone] == [one.to_dict() for one in together]
    assert [type(one) for one in together] == [Result, Failure, Result, Result, Result]


def test_workers_run_without_torch_too(graphs: Path, sounds: list[Path]) -> None:
    runtime = Runtime(graphs / "onnx", threads=1)
    alone = [one.to_dict() for one in runtime.batch(sounds[:2])]
    assert [one.to_dict() for one in runtime.batch(sounds[:2], jobs=2)] == alone


def test_a_worker_computes_in_one_thread_whatever_the_runtime_was_made_with(graphs: Path, sounds: list[Path]) -> None:
    counts = []
    for threads in (1, 3):
        with closing(detect_each(Runtime(graphs / "onnx", threads=threads), sounds[:1], 1, {})) as outcomes:
            assert isinstance(next(outcomes)[1], Result)
            (worker,) = (p for p in descendants(os.getpid()) if b"avtext.detection.workers" in _words(p))
            counts.append(len([*Path(f"/proc/{worker}/task").iterdir()]))
    assert counts[0] == counts[1]


class Telling:
    """In the place of a pipeline: what it finds in a file is how many threads may decode it."""

    limits = Limits(threads=4, max_streams=3)
    pickler = EventFinder.pickler

    def __call__(self, source: str) -> Result:
        return Result(f"{source}: {self.limits.threads} threads, {self.limits.max_streams} streams")


def test_a_worker_decodes_in_one_thread() -> None:
    ((_, found),) = detect_each(Telling(), ["a.mp4"], 1, {})  # type: ignore[arg-type]
    assert isinstance(found, Result)
    assert found.file == "a.mp4: 1 threads, 3 streams"


def test_a_stop_that_comes_as_the_workers_order_is_written_is_heard_after_it() -> None:
    """Torch loses one that comes as it pickles."""
    written = []

    class Stopped(pickle.Pickler):
        def dump(self, value: object) -> None:
            signal.raise_signal(signal.SIGINT)
            written.append(value)

    class Stopping(Telling):
        pickler = Stopped

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        list(detect_each(Stopping(), ["a.mp4"], 1, {}))  # type: ignore[arg-type]
    signal.signal(signal.SIGINT, before)
    assert len(written) == 1


def test_a_worker_that_is_killed_costs_its_file(pipe: Pipeline, sounds: list[Path]) -> None:
    outcomes = detect_each(pipe, sounds, 1, {})
    assert isinstance(next(outcomes)[1], Result)
    (worker,) = (p for p in descendants(os.getpid()) if b"avtext.detection.workers" in _words(p))
    os.kill(worker, signal.SIGKILL)
    rest = [outcome for _, outcome in outcomes]
    (lost,) = (outcome for outcome in rest if isinstance(outcome, MediaError))
    assert lost.code == Code.TOO_LARGE
    assert str(sounds[1]) in str(lost)
    assert len(rest) == 3


def _words(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_options_that_are_wrong_are_raised_from_a_worker(pipe: Pipeline, sounds: list[Path]) -> None:
    with pytest.raises(InvalidInput, match="classes: 'dgo'"):
        list(pipe.batch(sounds, jobs=1, classes=["dgo"]))


def test_a_share_and_what_is_skipped(pipe: Pipeline, sounds: list[Path]) -> None:
    found = pipe.batch(sounds, shard=(2, 2), skip=lambda path: str(path).endswith("3.wav"))
    assert [Path(one.file).name for one in found] == ["1.wav"]


def test_workers_are_given_paths_only(pipe: Pipeline, sounds: list[Path]) -> None:
    with (
        sounds[0].open("rb") as stream,
        pytest.raises(InvalidInput, match=r"by their paths, got BufferedReader: leave"),
    ):
        pipe.batch([sounds[0], stream], jobs=1)  # type: ignore[list-item]


def test_the_failure_of_any_file_name_can_be_written(pipe: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "\udcff.wav"
    (failure,) = pipe.batch([path], on_error="return")
    publish_json(tmp_path / "a.json", failure.to_dict())
    assert failure.file == f"{tmp_path}/?.wav"


@pytest.mark.parametrize("shard", [(0, 2), (3, 2), (1, 0), "1/2", (1, 2, 3), ("1", "2"), (1.5, 2)])
def test_shares_that_are_none(shard: Any) -> None:
    with pytest.raises(InvalidInput, match="shard: must be i/n"):
        part_of("abc", shard)


def test_shares_are_everything_once() -> None:
    assert sorted("".join("".join(part_of("abcdefg", (i, 3))) for i in (1, 2, 3))) == list("abcdefg")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jobs": 0}, "jobs: must be 1 or more, got 0"),
        ({"jobs": "2"}, "jobs: must be 1 or more, got '2'"),
        ({"jobs": 2.5}, r"jobs: must be 1 or more, got 2\.5"),
        ({"jobs": 1, "hook": print}, "jobs: does not go with hook: leave one of them out"),
    ],
)
def test_jobs_that_cannot_be(pipe: Pipeline, options: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        pipe.batch(["a.wav"], **options)


def test_a_worker_that_cannot_be_started(
    pipe: Pipeline, sounds: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(StorageError, match=r"jobs: a worker process could not be started \(No such file .*fewer jobs"):
        list(pipe.batch(sounds, jobs=1))


def test_values_come_in_order_as_soon_as_they_can() -> None:
    taken = []

    def numbered():
        for index in (1, 0, 3, 2):
            taken.append(index)
            yield index, index

    values = in_order(numbered())
    assert next(values) == 0
    assert taken == [1, 0]
    assert [*values] == [1, 2, 3]


def test_values_that_come_early_are_not_held_in_memory() -> None:
    given: list[weakref.ref[Result]] = []

    def numbered() -> Generator[tuple[int, Result], None, None]:
        for index in (3, 2, 1, 0):
            one = Result(f"{index}.mp4")
            given.append(weakref.ref(one))
            yield index, one
            del one
            assert [ref() for ref in given[:-1]] == [None] * (len(given) - 1)

    assert [one.file for one in in_order(numbered())] == ["0.mp4", "1.mp4", "2.mp4", "3.mp4"]
    assert len(given) == 4


def test_errors_that_come_early_are_given_as_they_are() -> None:
    early = MediaError("a.mp4: empty file", code=Code.NOT_MEDIA, stage="open")
    assert [*in_order(pair for pair in [(1, early), (2, "c"), (0, "a")])] == ["a", early, "c"]
