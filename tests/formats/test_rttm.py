"""RTTM of diarization tools."""

from __future__ import annotations

import pytest

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats.event_set import EventSet
from avtext.formats.rttm import read_rttm, write_rttm
from avtext.formats.textgrid import write_textgrid


def test_foreign_lines(put):
    text = ";; made by hand\nSPKR-INFO a 1 <NA> <NA> <NA> unknown x <NA>\nSPEAKER a 1 1.5 2 <NA> <NA> Anna <NA> <NA>\n"
    found = read_rttm(put("a.rttm", text))
    assert found.events == {"a": (Event(1.5, 3.5, "Anna"),)}
    assert "left aside: 1 line of other kinds than SPEAKER" in found.notes[0]


def test_turns_that_follow_each_other_meet(put, tmp_path):
    turns = [("0.1", "0.2"), ("0.3", "0.4"), ("0.7", "0.1"), ("0.8", "0.2")]  # sums of floats are above and below
    lines = [f"SPEAKER a 1 {start} {length} <NA> <NA> Anna <NA> <NA>\n" for start, length in turns]
    found = read_rttm(put("a.rttm", "".join(lines)))
    assert [one.end for one in found.events["a"]] == [0.3, 0.7, 0.8, 1.0]
    write_textgrid(tmp_path / "a.TextGrid", found)
    assert (tmp_path / "a.TextGrid").read_text().splitlines()[5:12] == [
        *("<exists>", "1", '"IntervalTier"', '"Anna"', "0", "1.000000", "5")  # silence, and a turn each
    ]


def test_spaces_and_percents_are_escaped(tmp_path):
    path = tmp_path / "a.rttm"
    write_rttm(path, EventSet({"my clip": (Event(0, 1, "50% off\u2003x", 0.5),)}))
    assert path.read_text() == ("SPEAKER my%20clip 1 0.000000 1.000000 <NA> <NA> 50%25%20off%E2%80%83x 0.5 <NA>\n")
    assert read_rttm(path).events == {"my clip": (Event(0, 1, "50% off\u2003x", 0.5),)}


def test_what_is_no_escape_stays(put):
    found = read_rttm(put("a.rttm", "SPEAKER a 1 0 1 <NA> <NA> 100%_%ff <NA> <NA>\n"))
    assert found.events["a"][0].label == "100%_%ff"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("SPEAKER a 1 0 1", "line 1: a SPEAKER line has type, file, channel"),
        ("SPEAKER a 1 0 -1 <NA> <NA> x <NA> <NA>", "line 1: Event: end must not be before start"),
        ("SPEAKER a 1 x 1 <NA> <NA> x <NA> <NA>", "line 1: start must be a number, got 'x'"),
    ],
)
def test_malformed_lines(put, line, message):
    with pytest.raises(ConfigError, match=message):
        read_rttm(put("a.rttm", line))
