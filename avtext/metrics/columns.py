"""Events of many files as numpy columns, the shape in which the metrics compare them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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


def check_events(argument: str, events: EventsByFile) -> None:
    """Refuse anything but a mapping from file names to sequences of events.

    Raises:
        InvalidInput: says which argument and what it was.
    """
    if not isinstance(events, Mapping):
        raise InvalidInput(f"{argument}: must map file names to events, got {type(events).__name__}")
    for name, values in events.items():
        for value in values:
            if not isinstance(value, Event):
                raise InvalidInput(f"{argument}[{name!r}]: must hold Event values, got {type(value).__name__}")


def check_length(file: str, seconds: float) -> float:
    """``seconds``, refused where a file is so long that its steps fill the memory.

    Raises:
        InvalidInput: names the file.
    """
    if not seconds <= MOST_SECONDS:
        raise InvalidInput(
            f"{file}: lasts {seconds:g} s, files of up to {MOST_SECONDS:,} s (31 days) are compared step by step: "
            "are its times in seconds?"
        )
    return seconds


def labels_in(*sets: EventsByFile) -> list[str]:
    """Every label that occurs, sorted.

    Example:
        >>> labels_in({"a.wav": [Event(0, 1, "dog")]}, {"a.wav": [Event(0, 1, "cat")]})
        ['cat', 'dog']
    """
    return sorted({event.label for events in sets for values in events.values() for event in values})


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
