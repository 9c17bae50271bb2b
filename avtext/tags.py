"""Events to tags and back: the BIO grammar, one chain per label (`overlapping`) or one for all (`exclusive`).

``overlapping``: each label has its own chain with the tags O, B, I, so that events of different labels may overlap.
``exclusive``: one chain with O and a B and I per label, so that at most one event is on at a time::

    label       0     1     2
    tags   O   B  I  B  I  B  I
           0   1  2  3  4  5  6
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from avtext.clip import Event
from avtext.errors import InvalidInput, check_kind
from avtext.timeline import span_to_steps, steps_to_span

SILENT = 1e-6  # of probability: what a modality that says nothing says
OUTSIDE, BEGIN, INSIDE = 0, 1, 2


def wanted_labels(wanted: Sequence[str] | None, known: Sequence[str]) -> frozenset[str]:
    """The labels that are asked for; all that are known where none are named.

    Raises:
        InvalidInput: one that is not known, or a text in place of several.

    Example:
        >>> sorted(wanted_labels(None, ("siren", "bell"))), sorted(wanted_labels(["bell"], ("siren", "bell")))
        (['bell', 'siren'], ['bell'])
    """
    if isinstance(wanted, str):
        raise InvalidInput(f"classes: must be several labels, got {wanted!r}: give [{wanted!r}]")
    check_kind("classes", wanted, Iterable | None, "several labels, as ['speech']")
    unknown = [name for name in (() if wanted is None else wanted) if name not in known]
    if unknown:
        near = difflib.get_close_matches(str(unknown[0]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        raise InvalidInput(f"classes: {unknown[0]!r} is not one of the model's labels; {hint}")
    return frozenset(known if wanted is None else wanted)


@dataclass(frozen=True)
class Grammar:
    """Which tags may begin a chain, end it, and follow each other (``transitions[from, to]``); all boolean."""

    starts: np.ndarray
    transitions: np.ndarray
    ends: np.ndarray


@dataclass(frozen=True)
class TagScheme:
    """How events over ``labels`` are written as tags.

    Example:
        >>> scheme = TagScheme(("bell", "dog"), "overlapping")
        >>> tags = scheme.encode([Event(0.04, 0.16, "dog")], count=5, rate=25.0)
        >>> tags.tolist()
        [[0, 0, 0, 0, 0], [0, 1, 2, 2, 0]]
        >>> scheme.spans(tags)
        [(1, 1, 4)]
    """

    labels: tuple[str, ...]
    kind: Literal["overlapping", "exclusive"] = "overlapping"

    @property
    def num_chains(self) -> int:
        """Chains that are decoded side by side."""
        return len(self.labels) if self.kind == "overlapping" else 1

    @property
    def num_tags(self) -> int:
        """Tags per chain."""
        return 3 if self.kind == "overlapping" else 1 + 2 * len(self.labels)

    def grammar(self) -> Grammar:
        """BIO: an I follows a B or I of its own label; anything may begin but an I, anything may end."""
        count = self.num_tags
        inside = np.arange(INSIDE, count, 2)
        transitions = np.ones((count, count), dtype=bool)
        transitions[:, inside] = False
        transitions[inside, inside] = True
        transitions[inside - 1, inside] = True
        starts = np.ones(count, dtype=bool)
        starts[inside] = False
        return Grammar(starts, transitions, np.ones(count, dtype=bool))

    def encode(self, events: Sequence[Event], count: int, rate: float, origin: float = 0.0) -> np.ndarray:
        """Tags of ``events`` on a grid: int64 ``(labels, count)`` or, exclusive, ``(count,)``.

        An event cut by the grid's beginning starts there with B. Where events of one chain overlap, the later
        start wins from there on.

        Raises:
            InvalidInput: an event's label is not in ``labels``.
        """
        tags = np.zeros((self.num_chains, count), dtype=np.int64)
        for event in sorted(events):
            if event.label not in self.labels:
                raise InvalidInput(f"label {event.label!r} is not one of the model's labels: {', '.join(self.labels)}")
            chain, begin = self._place(self.labels.index(event.label))
            first, last = span_to_steps(event.start, event.end, rate, count, origin)
            if last > first:
                tags[chain, first] = begin
                tags[chain, first + 1 : last] = begin + 1
                self._close(tags[chain], last)
        return tags if self.kind == "overlapping" else tags[0]

    @staticmethod
    def _close(chain: np.ndarray, last: int) -> None:
        """After an overwritten event a leftover I must not stay without its B: it begins a new event."""
        if last < len(chain) and chain[last] > 0 and chain[last] % 2 == 0:
            follows = chain[last - 1] in (chain[last], chain[last] - 1)
            if not follows:
                chain[last] -= 1

    def _place(self, label: int) -> tuple[int, int]:
        return (label, BEGIN) if self.kind == "overlapping" else (0, BEGIN + 2 * label)

    @staticmethod
    def labels_of(tags: np.ndarray) -> np.ndarray:
        """Of each tag the label that it is of, counted within its chain; -1 of O and of padding (-1).

        Example:
            >>> TagScheme.labels_of(np.arange(7)).tolist()
            [-1, 0, 0, 1, 1, 2, 2]
        """
        return np.where(tags > OUTSIDE, (tags - 1) // 2, -1)

    def spans(self, tags: np.ndarray) -> list[tuple[int, int, int]]:
        """``(label index, first step, last step + 1)`` of every event in ``tags``, ordered by first step.

        An I that does not follow its own B or I begins an event, so that any tag sequence can be read.
        """
        rows = np.atleast_2d(tags)
        if rows.shape[1] == 0:
            return []
        label = self.labels_of(rows)
        before, after = np.roll(label, 1, axis=1), np.roll(label, -1, axis=1)
        before[:, 0] = after[:, -1] = -2  # no label at all
        opens = (label >= 0) & ((label != before) | (rows % 2 == 1))
        opens_next = np.roll(opens, -1, axis=1)
        closes = (label >= 0) & ((label != after) | opens_next)
        chain, first = np.nonzero(opens)  # the k-th that opens is the k-th that closes
        last = np.nonzero(closes)[1] + 1
        of = chain if self.kind == "overlapping" else label[opens]
        order = np.lexsort((of, first))
        return list(zip(of[order].tolist(), first[order].tolist(), last[order].tolist(), strict=True))

    def activity(self, marginals: Any) -> Any:
        """Probability that each label is on at each step, ``(…, steps, labels)``.

        Args:
            marginals: ``(…, labels, steps, 3)`` or, exclusive, ``(…, steps, tags)``; an array or a tensor, as what is
                returned.
        """
        if self.kind == "overlapping":
            return 1.0 - marginals[..., OUTSIDE].swapaxes(-1, -2)
        return marginals[..., 1::2] + marginals[..., 2::2]

    def decode(
        self,
        tags: np.ndarray,
        activity: np.ndarray,
        rate: float,
        origin: float = 0.0,
        gates: np.ndarray | None = None,
        alone: np.ndarray | None = None,
    ) -> list[Event]:
        """Events of ``tags`` with scores.

        Args:
            tags: as :meth:`encode` returns.
            activity: ``(steps, labels)``, see :meth:`activity`; an event's score is its label's mean over its span.
            rate: steps per second.
            origin: seconds at which step 0 begins.
            gates: ``(steps, 3)``, what audio, video and text count at each step; their mean over the span
                becomes the event's shares where there is no ``alone``, or it says nothing.
            alone: ``(steps, labels, 3)``, how probable each label is for each of them by itself; the shares are its
                mean over the span. Taking a modality away shows that it tells better what an event needs than the
                gates do, which know of no labels (``avtext benchmark explain``).
        """
        events = []
        for label, first, last in self.spans(tags):
            start, end = steps_to_span(first, last, rate, origin)
            score = float(np.clip(activity[first:last, label].mean(), 0.0, 1.0))
            told = [] if alone is None else [alone[first:last, label].mean(0)]
            told += [] if gates is None else [gates[first:last].mean(0)]
            mean = next((values for values in told if values.sum() > SILENT), None)
            shares = None if mean is None else tuple(float(x) for x in mean / mean.sum())
            events.append(Event(start, end, self.labels[label], score, shares))  # type: ignore[arg-type]
        return events
