"""SubRip as players write it."""

from __future__ import annotations

import pytest

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats.event_set import EventSet
from avtext.formats.srt import read_srt, write_srt
from avtext.media import read_cues


def test_windows_files(put):
    content = "\ufeff1\r\n00:00:00,500 --> 00:00:01,000\r\ntwo\r\nlines\r\n\r\n2\r\n00:00:02,0 --> 00:00:03.25\r\nx"
    assert read_srt(put("a.srt", content)).events["a"] == (Event(0.5, 1, "two\nlines"), Event(2, 3.25, "x"))


def test_blank_lines_do_not_end_a_text_as_they_do_not_in_players(put):
    said = "1\n00:00:01,000 --> 00:00:02,000\none\n\ntwo\n\n2\n00:00:03,000 --> 00:00:04,000\n\n7\n \n\n3\n\n"
    path = put("a.srt", f"{said}00:00:05,000 --> 00:00:06,000\nthree\n4\n\n\n4\n")
    assert [e.label for e in read_srt(path).events["a"]] == ["one\ntwo", "7", "three\n4"]
    assert [cue.text for cue in read_cues(put("b.srt", said.replace("3\n\n", "")))] == ["one\ntwo", "7"]


def test_what_is_written(tmp_path):
    write_srt(tmp_path / "a.srt", EventSet({"a": (Event(2, 3.0004, "b"), Event(0.5, 1, "x"))}))
    assert (tmp_path / "a.srt").read_text() == (
        "1\n00:00:00,500 --> 00:00:01,000\nx\n\n2\n00:00:02,000 --> 00:00:03,000\nb\n"
    )


def test_refusals(put, tmp_path):
    with pytest.raises(ConfigError, match="line 1: no subtitle found"):
        read_srt(put("a.srt", "hello\n"))
    with pytest.raises(ConfigError, match="line 2: a time must look like"):
        read_srt(put("b.srt", "1\n00:00:99,000 --> 00:01:00,000\nx\n"))
    with pytest.raises(ConfigError, match="line 2: a cue has no text"):
        read_srt(put("d.srt", "1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:03,000 --> 00:00:04,000\nx\n"))
    with pytest.raises(ConfigError, match="--> marks a line of times"):
        write_srt(tmp_path / "c.srt", EventSet({"c": (Event(0, 1, "a --> b"),)}))
