"""Moment retrieval: where in its file a query happens. A query is the label of an event.

As the evaluation of QVHighlights (Lei, Berg and Bansal 2021): every query of every file counts the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from avtext.metrics.columns import EventsByFile, Table, check_events, file_names, labels_in, table_of
from avtext.metrics.detection import TIOU_GRIDS, average_precisions, checked_thresholds, rank_within, surest_first
from avtext.metrics.matching import SLACK, meeting_pairs, tiou
from avtext.metrics.rates import nan_mean

MOST_MOMENTS = 10  # of a query: its surest, as there


@dataclass(frozen=True)
class QueryScores:
    """How well the moments of queries are found.

    Args:
        recall_at_1: overlap to the share of queries whose surest estimate overlaps a true moment that much.
        mean_ap: mean over queries and overlaps of the average precision.
        by_threshold: overlap to the mean over queries.
        num_queries: pairs of a file and a query that the reference has; all shares are NaN where it is 0.
    """

    recall_at_1: Mapping[float, float]
    mean_ap: float
    by_threshold: Mapping[float, float]
    num_queries: int


def moment_retrieval(
    reference: EventsByFile,
    estimate: EventsByFile,
    *,
    recall_thresholds: Sequence[float] = (0.5, 0.7),
    thresholds: Sequence[float] = TIOU_GRIDS["activitynet"],
) -> QueryScores:
    """R1 at temporal overlaps and mean average precision over queries.

    Args:
        reference: file name to the true moments, labelled with their query.
        estimate: file name to scored moments; those of a query that the reference does not have in that file
            are left out, as nobody asked for them, and so are all but the ten surest of each.
        recall_thresholds: overlaps for R1.
        thresholds: overlaps for the average precision.

    Raises:
        InvalidInput: a threshold out of range, or events that are not a mapping.

    Example:
        >>> from avtext.clip import Event
        >>> truth = {"a.mp4": [Event(0, 10, "a dog barks")]}
        >>> moment_retrieval(truth, {"a.mp4": [Event(0, 6, "a dog barks", 0.9)]}).recall_at_1
        {0.5: 1.0, 0.7: 0.0}
    """
    check_events("reference", reference)
    check_events("estimate", estimate)
    recall_thresholds, thresholds = checked_thresholds(recall_thresholds), checked_thresholds(thresholds)
    files, names = sorted(file_names(reference, estimate)), labels_in(reference)
    truth = table_of(reference, files, names)
    guess = surest_first(table_of(estimate, files, names))
    queries, asked = np.unique(_query(truth, len(names)), return_inverse=True)
    of_query = _query(guess, len(names))
    guess = guess.only(np.isin(of_query, queries) & (rank_within(of_query) < MOST_MOMENTS))
    answered = np.searchsorted(queries, _query(guess, len(names)))
    table = average_precisions(truth, guess, asked, answered, len(queries), thresholds)
    best = _best_of_first(truth, guess, asked, answered, len(queries))
    by_threshold = {low: nan_mean(column) for low, column in zip(thresholds, table.T.tolist(), strict=True)}
    return QueryScores(
        recall_at_1={low: float(np.mean(best >= low - SLACK)) if len(best) else math.nan for low in recall_thresholds},
        mean_ap=nan_mean(by_threshold.values()),
        by_threshold=by_threshold,
        num_queries=len(queries),
    )


def _query(table: Table, num_labels: int) -> np.ndarray:
    """One number per pair of a file and a label."""
    return table.files * num_labels + table.labels


def _best_of_first(truth: Table, guess: Table, asked: np.ndarray, answered: np.ndarray, num_queries: int) -> np.ndarray:
    """The best overlap of each query's surest estimate with one of its moments; 0 without an estimate."""
    _, first = np.unique(answered, return_index=True)  # estimates come surest first
    pairs = meeting_pairs(truth.spans, guess.spans)
    same = (asked[pairs[0]] == answered[pairs[1]]) & np.isin(pairs[1], first)
    left, right = pairs[0][same], pairs[1][same]
    best = np.zeros(num_queries)
    np.maximum.at(best, asked[left], tiou(truth.spans, guess.spans, (left, right)))
    return best
