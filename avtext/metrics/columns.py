"""Events of many files as numpy columns, the shape in which the metrics compare them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from typing import NamedTuple

import numpy as np

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.metrics.matching import Spans

EventsByFile = Mapping[str, Sequence[Event]]  # a file without events has an empty sequence

MOST_SECONDS = 31 * 86_400  # of a file, where every step of its time is compared


class Columns(NamedTuple):
    """Events of one file, in the order given.

    Args:
        starts: seconds, float64 ``(events,)``.
        ends: seconds, float64 ``(events,)``.
        labels: positions in the list of label names, int64 ``(events,)``.
        scores: in [0, 1], float64 ``(events,)``.
    """

    starts: np.ndarray
    ends: np.ndarray
    labels: np.ndarray
    scores: np.ndarray

    def only(self, index: np.ndarray) -> Columns:
        """The events that ``index`` (positions or a boolean mask) picks."""
        return Columns(self.starts[index], self.ends[index], self.labels[index], self.scores[index])


def columns_of(events: Sequence[Event], position: Mapping[str, int]) -> Columns:
    """Columns of ``events``; ``position`` maps every label that occurs to an integer.

    Example:
        >>> columns_of([Event(0.0, 1.0, "bell", 0.5)], {"bell": 0}).scores.tolist()
        [0.5]
    """
    table = np.array([(e.start, e.end, position[e.label], e.score) for e in events], dtype=np.float64)
    table = table.reshape(len(events), 4)
    return Columns(table[:, 0], table[:, 1], table[:, 2].astype(np.int64), table[:, 3])


def activity_of(side: Columns, num_labels: int, count: int, resolution: float) -> np.ndarray:
    """Which classes are active in which of ``count`` segments: boolean ``(labels, segments)``.

    Example:
        >>> activity_of(columns_of([Event(0.5, 1.0, "bell")], {"bell": 0}), 1, 3, 0.5).tolist()
        [[False, True, False]]
    """
    first = np.clip(np.floor(side.starts / resolution), 0, count).astype(np.int64)
    last = np.clip(np.ceil(side.ends / resolution), 0, count).astype(np.int64)
    real = last > first
    steps = np.zeros((num_labels, count + 1), dtype=np.int32)
    np.add.at(steps, (side.labels[real], first[real]), 1)
    np.add.at(steps, (side.labels[real], last[real]), -1)
    return np.cumsum(steps, axis=1, dtype=np.int32)[:, :count] > 0


def scores_at_even_ranks(events: EventsByFile, limit: int = 50) -> list[float]:
    """Scores that occur, ascending: all of them, or ``limit`` at even ranks where there are more."""
    scores = sorted({event.score for values in events.values() for event in values})
    ranks = np.linspace(0, len(scores) - 1, min(limit, len(scores))).round().astype(int)
    return [scores[rank] for rank in ranks]


def check_events(argument: str, events: EventsByFile) -> None:
    """Refuse anything but a mapping from file names to events that can be gone through more than once.

    Raises:
        InvalidInput: says which argument and what it was.
    """
    if not isinstance(events, Mapping):
        raise InvalidInput(f"{argument}: must map file names to events, got {type(events).__name__}")
    for name, values in events.items():
        if not isinstance(values, Sized):  # an iterator would be used up here, and be empty when it is compared
            raise InvalidInput(f"{argument}[{name!r}]: must be a sequence of events, got {type(values).__name__}")
        for value in values:
            if not isinstance(value, Event):
                raise InvalidInput(f"{argument}[{name!r}]: must hold Event values, got {type(value).__name__}")


def length_of(file: str, last: float, durations: Mapping[str, float] | None) -> float:
    """Seconds of a file that is compared step by step: what ``durations`` say, or up to the end of its last event.

    Raises:
        InvalidInput: ``durations`` lack the file, or it is so long that its steps fill the memory.
    """
    if durations is not None and file not in durations:
        raise InvalidInput(f"durations: {file!r} is missing; every file needs its seconds")
    seconds = float(last if durations is None else durations[file])
    if not seconds <= MOST_SECONDS:
        raise InvalidInput(
            f"{file}: lasts {seconds:g} s, files of up to {MOST_SECONDS:,} s (31 days) are compared step by step: "
            "are its times in seconds?"
        )
    return max(0.0, seconds)


def labels_in(*sets: EventsByFile) -> list[str]:
    """Every label that occurs, sorted.

    Example:
        >>> labels_in({"a.wav": [Event(0, 1, "dog")]}, {"a.wav": [Event(0, 1, "cat")]})
        ['cat', 'dog']
    """
    return sorted({event.label for events in sets for values in events.values() for event in values})


def asked_labels(labels: Iterable[str] | None, default: Iterable[str]) -> list[str]:
    """The classes that a caller asks for, sorted and each once; ``default`` where none are named.

    Raises:
        InvalidInput: a text in place of several labels.

    Example:
        >>> asked_labels(None, ["dog", "cat"]), asked_labels(["dog", "dog"], [])
        (['cat', 'dog'], ['dog'])
    """
    if isinstance(labels, str):
        raise InvalidInput(f"labels: must be several labels, got {labels!r}: give [{labels!r}]")
    return sorted(set(default if labels is None else labels))


def file_names(reference: EventsByFile, estimate: EventsByFile) -> list[str]:
    """Every file of the reference, then those that only the estimate has."""
    return list(dict.fromkeys([*reference, *estimate]))


def paired(
    reference: EventsByFile, estimate: EventsByFile, names: Iterable[str]
) -> Iterator[tuple[str, Columns, Columns]]:
    """``(file, reference columns, estimate columns)`` of every file; one that a side lacks is empty there."""
    position = {name: k for k, name in enumerate(names)}
    for file in file_names(reference, estimate):
        yield (
            file,
            columns_of(reference.get(file, ()), position),
            columns_of(estimate.get(file, ()), position),
        )


class Table(NamedTuple):
    """Events of all files as one set of columns.

    Args:
        files: positions in the list of files, int64 ``(events,)``.
        starts: seconds, float64 ``(events,)``.
        ends: seconds, float64 ``(events,)``.
        labels: positions in the list of label names, int64 ``(events,)``.
        scores: in [0, 1], float64 ``(events,)``.
    """

    files: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    labels: np.ndarray
    scores: np.ndarray

    def only(self, index: np.ndarray) -> Table:
        """The events that ``index`` (positions or a boolean mask) picks."""
        return Table(*(column[index] for column in self))

    @property
    def spans(self) -> Spans:
        """Only where and when."""
        return Spans(self.files, self.starts, self.ends)

    @property
    def durations(self) -> np.ndarray:
        """Seconds of each event."""
        return self.ends - self.starts


def table_of(events: EventsByFile, files: Sequence[str], names: Sequence[str]) -> Table:
    """One table of the events of ``files`` whose labels are among ``names``, file by file in the order given.

    Example:
        >>> table_of({"a.wav": [Event(0, 1, "dog"), Event(2, 3, "cat")]}, ["a.wav"], ["cat"]).starts.tolist()
        [2.0]
    """
    position = {name: k for k, name in enumerate(names)}
    rows = [
        (k, event.start, event.end, position[event.label], event.score)
        for k, file in enumerate(files)
        for event in events.get(file, ())
        if event.label in position
    ]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 5)
    integers = table[:, [0, 3]].astype(np.int64)
    return Table(integers[:, 0], table[:, 1], table[:, 2], integers[:, 1], table[:, 4])
