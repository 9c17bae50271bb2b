from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avtext.clip import Stream
from avtext.errors import ConfigError
from avtext.report.curves import Curves

BUDGET = 30_000


def stored(curves: Curves) -> Curves:
    return Curves.from_dict(json.loads(json.dumps(curves.to_dict())))


@given(st.lists(st.floats(0, 1, width=32), max_size=60), st.floats(0, 100), st.sampled_from([1.0, 12.5, 25.0]))
def test_a_short_curve_is_kept_step_by_step(values: list[float], start: float, rate: float) -> None:
    column = np.array(values, np.float32)[:, None]
    curves = stored(Curves.of(Stream(column, rate, start), ("dog",), budget=BUDGET))
    if not values:
        assert curves.high == {}
        return
    assert curves.step == pytest.approx(1 / rate)
    assert curves.start == pytest.approx(start, abs=1e-4)
    assert np.abs(curves.high["dog"] / 255 - column[:, 0]).max() <= 0.5 / 255 + 1e-6
    assert np.array_equal(curves.low["dog"], curves.high["dog"])


def test_a_long_curve_keeps_its_extremes_within_the_budget() -> None:
    values = np.full((200_000, 4), 0.5, np.float32)
    values[123_456, 1], values[77_777, 2], values[-1, 3] = 1.0, 0.0, 0.25
    curves = stored(Curves.of(Stream(values, 25.0), ("a", "b", "c", "d"), budget=BUDGET))
    assert sum(len(one) for one in (*curves.low.values(), *curves.high.values())) <= BUDGET
    bucket = int(123_456 / 25.0 / curves.step)
    assert (curves.high["b"][bucket], curves.low["b"][bucket]) == (255, 128)
    assert np.count_nonzero(curves.high["b"] == 255) == 1
    assert curves.low["c"][int(77_777 / 25.0 / curves.step)] == 0
    assert curves.low["d"][-1] == 64
    assert len(curves.low["a"]) * curves.step >= 8000.0


def test_what_is_not_finite_or_out_of_range_is_drawn_at_the_edge() -> None:
    curves = Curves.of(Stream(np.array([[np.nan], [np.inf], [-3.0], [7.0]]), 1.0), ("x",), budget=BUDGET)
    assert curves.high["x"].tolist() == [0, 0, 0, 255]


def test_labels_that_never_come_near_are_left_out() -> None:
    curves = Curves.of(Stream(np.array([[0.01, 0.2]]), 1.0), ("far", "near"), budget=BUDGET, least=0.1)
    assert list(curves.high) == ["near"]


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        {"start": 0, "step": 1},
        {"start": 0, "step": 0, "curves": {}},
        {"start": 0, "step": float("nan"), "curves": {}},
        {"start": 0, "step": 1, "curves": {"a": {"high": "not base64!"}}},
        {"start": 0, "step": 1, "curves": {"a": {"high": 3}}},
        {"start": 0, "step": 1, "curves": {"a": {"high": "AAAA"}, "b": {"high": "AAA="}}},
        {"start": 0, "step": 1, "curves": []},
    ],
)
def test_malformed_curves_are_refused(values: object) -> None:
    with pytest.raises(ConfigError, match="curves: need"):
        Curves.from_dict(values)
