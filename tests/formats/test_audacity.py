"""Audacity's labels."""

from __future__ import annotations

import pytest

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats.audacity import read_audacity, write_audacity
from avtext.formats.event_set import EventSet


def test_labels_with_frequencies(put):
    found = read_audacity(put("a.txt", "0.5\t1.0\tdog barks\n\\\t100.0\t200.0\n2\t2\tpoint\n"))
    assert found.events["a"] == (Event(0.5, 1, "dog barks"), Event(2, 2, "point"))


def test_refusals(put, tmp_path):
    with pytest.raises(ConfigError, match="line 2: a label is start, end and text with tabs"):
        read_audacity(put("a.txt", "0\t1\tx\n0 1 x\n"))
    with pytest.raises(ConfigError, match=r"audacity cannot hold the label 'a\\tb' because of '\\t'"):
        write_audacity(tmp_path / "b.txt", EventSet({"b": (Event(0, 1, "a\tb"),)}))
