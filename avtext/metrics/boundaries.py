"""How far the borders of events are off, in milliseconds, and how F1 depends on what is tolerated.

F1 at generous overlaps does not feel a small constant offset; these numbers do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avtext.errors import InvalidInput
from avtext.metrics.columns import EventsByFile, check_events, file_names, labels_in, table_of
from avtext.metrics.matching import SLACK, first_come, meeting_pairs, tiou
from avtext.metrics.sound_events import event_based

COLLARS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # seconds


@dataclass(frozen=True)
class BoundaryError:
    """Errors of starts or ends, in milliseconds; NaN where nothing was matched.

    Args:
        median_ms: median of the absolute error.
        p90_ms: its 90th percentile.
        bias_ms: median of the signed error; positive where the estimate is late.
    """

    median_ms: float
    p90_ms: float
    bias_ms: float


@dataclass(frozen=True)
class BoundaryScores:
    """Boundary errors of the events that were found.

    Args:
        both: starts and ends together.
        starts: of starts.
        ends: of ends.
        num_matched: pairs of a true event and the estimate that stands for it.
        matched_share: of the true events; the errors say nothing about the rest. NaN without a reference.
    """

    both: BoundaryError
    starts: BoundaryError
    ends: BoundaryError
    num_matched: int
    matched_share: float


def boundary_errors(reference: EventsByFile, estimate: EventsByFile, *, min_overlap: float = 0.1) -> BoundaryScores:
    """Median and 90th percentile of the boundary error of matched events.

    An estimate may stand for a true event of its file and label that it overlaps; the best overlaps are
    paired first, one to one.

    Args:
        reference: file name to true events.
        estimate: file name to estimated events.
        min_overlap: temporal intersection over union from which a pair counts, in [0, 1].

    Raises:
        InvalidInput: an overlap out of range, or events that are not a mapping.

    Example:
        >>> from avtext.clip import Event
        >>> found = boundary_errors({"a.wav": [Event(1, 2, "bell")]}, {"a.wav": [Event(1.1, 2, "bell")]})
        >>> round(found.starts.bias_ms), round(found.both.median_ms)
        (100, 50)
    """
    check_events("reference", reference)
    check_events("estimate", estimate)
    if not 0 <= min_overlap <= 1:
        raise InvalidInput(f"min_overlap: must lie in [0, 1], got {min_overlap}")
    names, files = labels_in(reference, estimate), file_names(reference, estimate)
    truth, guess = (table_of(side, files, names) for side in (reference, estimate))
    left, right = meeting_pairs(truth.spans, guess.spans)
    same = truth.labels[left] == guess.labels[right]
    left, right = left[same], right[same]
    overlap = tiou(truth.spans, guess.spans, (left, right))
    order = np.lexsort((guess.starts[right], truth.starts[left], -overlap))
    order = order[overlap[order] >= max(min_overlap - SLACK, 1e-12)]  # spans that only touch are no match
    got = first_come((left[order], right[order]), len(truth.starts), len(guess.starts))
    found = got >= 0
    starts = guess.starts[found] - truth.starts[got[found]]
    ends = guess.ends[found] - truth.ends[got[found]]
    return BoundaryScores(
        both=_error(np.concatenate([starts, ends])),
        starts=_error(starts),
        ends=_error(ends),
        num_matched=int(found.sum()),
        matched_share=float(found.sum()) / len(truth.starts) if len(truth.starts) else math.nan,
    )


def _error(seconds: np.ndarray) -> BoundaryError:
    if not len(seconds):
        return BoundaryError(math.nan, math.nan, math.nan)
    ms = 1000.0 * seconds
    return BoundaryError(
        median_ms=float(np.median(np.abs(ms))),
        p90_ms=float(np.percentile(np.abs(ms), 90)),
        bias_ms=float(np.median(ms)),
    )


def offset_tolerance(
    reference: EventsByFile, estimate: EventsByFile, collars: Sequence[float] = COLLARS
) -> dict[float, float]:
    """Micro F1 where both borders must lie within a collar: it rises with the collar.

    Args:
        reference: file name to true events.
        estimate: file name to estimated events.
        collars: seconds, not negative.

    Raises:
        InvalidInput: a collar out of range, or events that are not a mapping.

    Example:
        >>> from avtext.clip import Event
        >>> truth = {"a.wav": [Event(1, 2, "bell")]}
        >>> offset_tolerance(truth, {"a.wav": [Event(1.1, 2, "bell")]}, (0.05, 0.2))
        {0.05: 0.0, 0.2: 1.0}
    """
    return {
        collar: event_based(reference, estimate, onset_collar=collar, offset_collar=collar, offset_share=0.0).micro.f1
        for collar in collars
    }
