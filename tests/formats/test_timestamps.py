"""Clock times."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avtext.errors import ConfigError
from avtext.formats.timestamps import clock, parse_clock


@given(st.integers(0, 10**9))
def test_milliseconds_come_back(ms):
    assert parse_clock(Path("a"), 1, clock(ms / 1000)) == pytest.approx(ms / 1000)


@pytest.mark.parametrize(
    "text", ["", "1", "1:2", "00:60.000", "00:00:00", "-1:00.000", "00:00.0000", "9" * 400 + ":00:00.000"]
)
def test_other_texts_are_refused(text):
    with pytest.raises(ConfigError, match="a: line 7: a time must look like"):
        parse_clock(Path("a"), 7, text)
