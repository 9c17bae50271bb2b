"""Text and numbers with errors that say where."""

from __future__ import annotations

from pathlib import Path

import pytest

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats.lines import check_label, event, number, read_text

HERE = Path("a.txt")


def test_text(put):
    assert read_text(put("a", "x\r\ny\rz")) == "x\ny\nz"
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_text(Path("/no/such/file"))


def test_numbers():
    assert number(HERE, 1, "start", " 1e-3 ") == 0.001
    for text in ("inf", "nan", "1,5", "", None, "1 2"):
        with pytest.raises(ConfigError, match=r"a\.txt: line 4: start must be"):
            number(HERE, 4, "start", text)


def test_events():
    assert event(HERE, 1, "0", "1", "x", "") == Event(0, 1, "x")
    with pytest.raises(ConfigError, match=r"^a\.txt: line 2: Event: end must not be before start"):
        event(HERE, 2, 1, 0, "x")


def test_labels():
    assert check_label(HERE, "f", "a b", "\t") == "a b"
    with pytest.raises(
        ConfigError, match=r"f cannot hold the label 'a\\tb' because of '\\t'; choose json, or rename the label"
    ):
        check_label(HERE, "f", "a\tb", "\t\n")
