"""The picture's statistics on a grid, against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest

from avtext.kernels.picture import LEVELS, SIZE, place_on_grid


def loop(statistics: np.ndarray, times: np.ndarray, end: float, start: float, rate: float, count: int):
    """One step after the other: the mean of levels and the first of the strongest changes that it sees."""
    values, mask = np.zeros((count, SIZE), np.float32), np.zeros(count, bool)
    for step in range(count):
        begin, stop = start + step / rate, start + (step + 1) / rate
        frames = [
            k
            for k, time in enumerate(times)
            if time < stop - 1e-9 and (k + 1 == len(times) or times[k + 1] > begin + 1e-9)
        ]
        if not frames or begin >= end - 1e-9:
            continue
        mask[step] = True
        for column in range(SIZE):
            seen = statistics[frames, column]
            values[step, column] = seen.mean() if column < len(LEVELS) else max(seen, key=abs)
    return values, mask


@pytest.mark.parametrize("seed", range(20))
def test_all_at_once_is_as_one_by_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    times = np.unique(random.uniform(0.0, 2.0, int(random.integers(0, 90))))
    statistics = np.round(random.standard_normal((len(times), SIZE)) * 2).astype(np.float32)  # with ties
    end = float(times[-1] + random.uniform(0.0, 0.5)) if len(times) else 0.0
    place = (end, float(random.uniform(-0.5, 1.0)), 25.0, 50)
    expected, expected_mask = loop(statistics, times, *place)
    values, mask = place_on_grid(statistics, times, *place)
    assert (mask == expected_mask).all()
    assert (values[:, len(LEVELS) :] == expected[:, len(LEVELS) :]).all()
    assert np.allclose(values, expected, atol=1e-6)
