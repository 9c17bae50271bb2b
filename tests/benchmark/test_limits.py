"""Limits of the suites are those of their tables."""

from __future__ import annotations

from types import ModuleType

import pytest

from avtext.benchmark import layers_limits, pipeline_limits

LAYERS_AT_LEAST = {
    "row01a": 20, "row01b": 8, "row05": 2, "row06": 50, "row08": 40, "row12": 0.9, "row13": 0, "row14": 0.97,
}  # fmt: skip
LAYERS_AT_MOST = {
    "row02": 0.35, "row03": 0.25, "row04": 0.45, "row07": 4.4, "row09a": 1.2, "row09b": 1.2, "row10a": 0.035,
    "row10b": 0.14, "row11a": 0.06, "row11b": 0.06,
}  # fmt: skip
PIPELINE_AT_LEAST = {"row01a": 10, "row01b": 4, "row02": 3.5, "row04": 100, "row07a": 1.6, "row08": 20, "row13b": 0.99}
PIPELINE_AT_MOST = {
    "row03": 1.15, "row05a": 1.15, "row05b": 1.15, "row05c": 1.25, "row06a": 1, "row06b": 1, "row06c": 1,
    "row07b": 0, "row09": 1.2, "row10a": 0.25, "row10b": 0.6, "row11a": 10.5, "row11b": 1.1,
    "row12": 0.5, "row13a": 0.5,  # the gate of every speed-up
}  # fmt: skip


@pytest.mark.parametrize(
    ("suite", "at_least", "at_most"),
    [
        (layers_limits, LAYERS_AT_LEAST, LAYERS_AT_MOST),
        (pipeline_limits, PIPELINE_AT_LEAST, PIPELINE_AT_MOST),
    ],
)
def test_limits_are_those_of_the_table(suite: ModuleType, at_least: dict, at_most: dict) -> None:
    by_row = {name.split("_")[0]: limit for name, limit in suite.LIMITS.items()}
    assert {name: limit.value for name, limit in by_row.items() if limit.sense == "at_least"} == at_least
    assert {name: limit.value for name, limit in by_row.items() if limit.sense == "at_most"} == at_most
    assert list(suite.LIMITS) == sorted(suite.LIMITS)


@pytest.mark.parametrize("suite", [layers_limits, pipeline_limits])
def test_a_row_that_was_not_measured_is_missed(suite: ModuleType) -> None:
    name, limit = next(iter(suite.LIMITS.items()))
    assert suite.row(name, None, "why").met is False
    assert suite.row(name, limit.value, "").met is True
    with pytest.raises(KeyError):
        suite.row("row99_unheard_of", 1.0, "")
