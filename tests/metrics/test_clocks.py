import numpy as np
import pytest

from avtext.errors import InvalidInput
from avtext.metrics.clocks import clock_error
from avtext.timeline import ClockMap


def test_error_counts_only_what_lies_in_the_video():
    true = ClockMap((0.0, 10.0), (0.0, 10.0), (1.0, 1.0))  # from 10 s on, ten seconds are missing
    assert clock_error(true, true, 20.0) == 0.0
    assert clock_error(ClockMap.shift(), true, 20.0) == 0.0  # what was missed lies after the end
    assert clock_error(ClockMap.shift(), true, 40.0) == pytest.approx(10 * 20 / 30)
    assert np.isnan(clock_error(true, ClockMap.shift(100.0), 20.0))
    assert np.isnan(clock_error(true, ClockMap.shift(-25.0), 20.0))  # what lies in the video comes after its duration


@pytest.mark.parametrize("duration", [0.05, 0.4, 0.6, 1.7])
def test_short_videos_are_compared_within_their_length(duration):
    assert clock_error(ClockMap.shift(0.1), ClockMap.shift(), duration) == pytest.approx(0.1)


@pytest.mark.parametrize("duration", [float("nan"), float("inf"), -1.0])
def test_durations_that_are_none_are_refused(duration):
    with pytest.raises(InvalidInput, match="duration: must be seconds, finite and not negative, got"):
        clock_error(ClockMap.shift(), ClockMap.shift(), duration)
