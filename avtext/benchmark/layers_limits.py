"""What the layers must reach, in one table."""

from __future__ import annotations

from typing import Literal, NamedTuple

from avtext.benchmark.figures import Figure


class Limit(NamedTuple):
    """The least or the most that is allowed of a figure, and its unit."""

    value: float
    sense: Literal["at_least", "at_most"]
    unit: str


LIMITS = {
    "row01a_dtw_path_against_librosa": Limit(20.0, "at_least", "x as fast"),
    "row01b_dtw_path_against_dtw_python": Limit(8.0, "at_least", "x as fast"),
    "row02_dtw_band_against_full": Limit(0.35, "at_most", "of the time"),
    "row03_dtw_first_call_against_tslearn": Limit(0.25, "at_most", "of the time"),
    "row04_dtw_memory_against_librosa": Limit(0.45, "at_most", "of the memory"),
    "row05_soft_dtw_against_pysdtw": Limit(2.0, "at_least", "x as fast"),
    "row06_crf_loss_against_torchcrf": Limit(50.0, "at_least", "x as fast"),
    "row07_crf_loss_growth": Limit(4.4, "at_most", "x the time"),
    "row08_viterbi_against_torchcrf": Limit(40.0, "at_least", "x as fast"),
    "row09a_ragged_loss_against_full": Limit(1.2, "at_most", "of the time"),
    "row09b_ragged_viterbi_against_full": Limit(1.2, "at_most", "of the time"),
    "row10a_offset_error_median": Limit(0.035, "at_most", "s"),
    "row10b_offset_error_90th": Limit(0.140, "at_most", "s"),
    "row11a_drift_error_10_minutes": Limit(0.060, "at_most", "s"),
    "row11b_drift_error_1_hour": Limit(0.060, "at_most", "s"),
    "row12_break_found": Limit(0.9, "at_least", "of the files"),
    "row13_f1_in_sync_gain": Limit(0.0, "at_least", "F1"),
    "row14_f1_under_offset": Limit(0.97, "at_least", "of that with the true shift"),
}


def row(name: str, value: float | None, detail: str) -> Figure:
    """The figure of one row of the table.

    Example:
        >>> row("row07_crf_loss_growth", 4.0, "").met
        True
    """
    limit = LIMITS[name]
    return Figure(name, None if value is None else float(value), limit.unit, limit.value, limit.sense, detail)
