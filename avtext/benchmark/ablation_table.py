"""The ablation's results as figures: the mean of every row over its seeds, and what each link adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from avtext.benchmark.figures import Figure

SINGLES = ("audio", "video", "text")
PAIRS = ("audio_video", "audio_text", "video_text")
LONGEST = 600.0  # CPU seconds of a row: five minutes on two cores
NOT_EARNED = "does not earn its place here"
Cell = tuple[str, str, str]  # row, test, score


class Link(NamedTuple):
    """What is compared for one link of the chain.

    Args:
        name: of the figure.
        better: what should be more.
        worse: what it is compared with.
        limit: points by which it should be.
        about: how it was measured.
    """

    name: str
    better: Cell
    worse: Cell
    limit: float
    about: str


ALL: Cell = ("all", "in_sync", "f1")
LATE: Cell = ("late", "in_sync", "f1")
WHOLE: Cell = ("no_modality_dropout", "in_sync", "f1")
LINKS = (
    Link("cross_over_late", ALL, LATE, 0.0, "fusion: modalities see each other"),
    Link("co_attention_over_late", ("co_attention", "in_sync", "f1"), LATE, 0.0, "fusion: and themselves, too"),
    Link("late_over_early", LATE, ("early", "in_sync", "f1"), 0.0, "fusion: mixed after, not before"),
    Link("attention", ALL, ("no_attention", "in_sync", "f1"), 1.0, "cross-modal attention, against gates alone"),
    Link("dtw_under_offset", ("all", "offset_aligned", "f1"), ("all", "offset", "f1"), 20.0, "clocks up to 2 s apart"),
    Link("dtw_under_drift", ("all", "drift_aligned", "f1"), ("all", "drift", "f1"), 20.0, "and drift, and breaks"),
    Link("dtw_in_sync", ("all", "in_sync_aligned", "f1"), ALL, 0.0, "alignment of what needs none"),
    Link("crf_event_f1", ALL, ("softmax", "in_sync", "f1"), 2.0, "against the best tag of each step"),
    Link("crf_edit", ("all", "in_sync", "edit"), ("softmax", "in_sync", "edit"), 0.0, "edit score of the same"),
    Link("tcn", ALL, ("no_tcn", "in_sync", "f1"), 1.0, "against projections alone"),
    Link("stage1", ALL, ("no_stage1", "in_sync", "f1"), 1.0, "against no self-supervised stage"),
    Link("stage1_under_offset", ("all", "offset_aligned", "f1"), ("no_stage1", "offset_aligned", "f1"), 1.0, "aligned"),
    Link("soft_dtw", ("soft_dtw", "in_sync", "f1"), ALL, 1.0, "a term of the loss: one course at any pace"),
    Link(
        "soft_dtw_under_offset", ("soft_dtw", "offset_aligned", "f1"), ("all", "offset_aligned", "f1"), 1.0, "aligned",
    ),
    Link("modality_dropout", ALL, WHOLE, 1.0, "a tenth of the scenes lacks a stream"),
    Link(
        "modality_dropout_missing", ("all", "given", "f1"), ("no_modality_dropout", "given", "f1"), 1.0,
        "mean over the six subsets of modalities that a test gives",
    ),
)  # fmt: skip


def figures_of(results: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """Every row's scores, and every comparison whose rows are there.

    Args:
        results: of :func:`avtext.benchmark.ablation.run_rows`, in any order.
    """
    scores = _by_cell(results)
    figures = [*_modalities(scores), *(figure for link in LINKS for figure in _compared(link, scores))]
    for (row, test, score), seeds in sorted(scores.items()):
        values = list(seeds.values())
        detail = f"{_spread(values)}, seeds {', '.join(map(str, sorted(seeds)))}"
        figures.append(Figure(f"row_{row}_{test}_{score}", float(np.mean(values)), "%", detail=detail))
    if results:
        most = max(results, key=lambda result: result["cpu_seconds"])
        detail = f"of a row with all its tests, the most: {most['row']}; training and thresholds alone "
        detail += f"{max(result['train_cpu_seconds'] for result in results):.0f} s at most"
        figures.append(Figure("cpu_seconds", most["cpu_seconds"], "s", LONGEST, "at_most", detail))
    return figures


def _by_cell(results: Sequence[Mapping[str, Any]]) -> dict[Cell, dict[int, float]]:
    """Scores by row, test and kind, then by seed; the test ``given`` is the mean over subsets of modalities."""
    cells: dict[Cell, dict[int, float]] = {}
    for result in results:
        tests = dict(result["tests"])
        given = [scores["f1"] for name, scores in tests.items() if name.startswith("given_")]
        if given:
            tests["given"] = {"f1": float(np.mean(given))}
        for test, scores in tests.items():
            for kind, value in scores.items():
                cells.setdefault((result["row"], test, kind), {})[result["seed"]] = value
    return cells


def _modalities(scores: Mapping[Cell, Mapping[int, float]]) -> list[Figure]:
    """All over the best pair over the best single one."""

    def best(rows: Sequence[str]) -> Cell | None:
        cells = {row: (row, "in_sync", "f1") for row in rows}
        if any(cell not in scores for cell in cells.values()):
            return None
        row = max(rows, key=lambda name: float(np.mean(list(scores[cells[name]].values()))))
        return cells[row]

    pair, single = best(PAIRS), best(SINGLES)
    if pair is None or single is None:
        return []
    links = (
        Link("all_over_best_pair", ALL, pair, 0.0, f"the best pair is {pair[0]}"),
        Link("best_pair_over_best_single", pair, single, 15.0, f"the best single one is {single[0]}"),
        Link("all_over_best_single", ALL, single, 15.0, f"the best single one is {single[0]}"),
    )
    return [figure for link in links for figure in _compared(link, scores)]


def _compared(link: Link, scores: Mapping[Cell, Mapping[int, float]]) -> list[Figure]:
    """The mean difference of the seeds that both rows have; nothing where a row is missing."""
    one, other = scores.get(link.better, {}), scores.get(link.worse, {})
    seeds = sorted(set(one) & set(other))
    if not seeds:
        return []
    gains = [one[seed] - other[seed] for seed in seeds]
    mean = float(np.mean(gains))
    detail = f"{link.about}; {_spread(gains)} over seeds {', '.join(map(str, seeds))}"
    if mean < link.limit:
        detail += f"; {NOT_EARNED}"
    return [Figure(f"gain_{link.name}", mean, "points", link.limit, detail=detail)]


def _spread(values: Sequence[float]) -> str:
    """Mean and standard deviation in words."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return f"{np.mean(values):.2f} ± {deviation:.2f}"
