"""WebVTT as browsers write and read it."""

from __future__ import annotations

import pytest

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats.event_set import EventSet
from avtext.formats.webvtt import read_webvtt, write_webvtt

FULL = """WEBVTT - a title

STYLE
::cue { color: red }

NOTE a comment

first
00:01.500 --> 00:02.000 align:start position:10%
<v Anna>two &amp; <i>three</i>&nbsp;&#39;a&quot; &amp;lt;

01:00:00.000 --> 01:00:01.000
on two
lines
"""


def test_notes_styles_settings_tags_and_short_times(put):
    found = read_webvtt(put("a.vtt", FULL)).events["a"]
    assert found == (Event(1.5, 2.0, "two & three\u00a0'a\" &lt;"), Event(3600, 3601, "on two\nlines"))


def test_blank_lines_in_a_text_are_not_of_the_label(put):
    said = "WEBVTT\nKind: captions\n\n00:01.000 --> 00:02.000 align:start\n \nso<00:01.500><c> it</c>\n\n"
    said += "00:02.000 --> 00:03.000\nso it\n \n\n00:03.000 --> 00:04.000\na\n<b></b>\nb\n \nname\n00:04.000 --> 00:05.000\nc\n"
    assert [(e.start, e.label) for e in read_webvtt(put("a.vtt", said)).events["a"]] == [
        (1.0, "so it"),
        (2.0, "so it"),
        (3.0, "a\nb"),
        (4.0, "c"),
    ]


def test_what_is_written(tmp_path):
    write_webvtt(tmp_path / "a.vtt", EventSet({"a": (Event(2, 3, "<b> & c"), Event(0.5, 1, "x"))}))
    assert (tmp_path / "a.vtt").read_text() == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.000\nx\n\n00:00:02.000 --> 00:00:03.000\n&lt;b&gt; &amp; c\n"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("00:00.000 --> 00:01.000\nx\n", "line 1: a WebVTT file begins with WEBVTT"),
        ("WEBVTT\n\n00:00 --> 00:01.000\nx\n", "line 3: a time must look like"),
        ("WEBVTT\n\n00:00.000 -->\nx\n", "line 3: a time must look like 00:01:02.500, got ''"),
        ("WEBVTT\n\n00:02.000 --> 00:01.000\nx\n", "line 3: Event: end must not be before start"),
        ("WEBVTT\n\n00:00.000 --> 00:01.000\n\n", "line 3: a cue has no text"),
    ],
)
def test_malformed_cues(put, content, message):
    with pytest.raises(ConfigError, match=message):
        read_webvtt(put("a.vtt", content))


def test_a_label_with_an_empty_line_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"vtt cannot hold the label .* an empty line ends a cue"):
        write_webvtt(tmp_path / "a.vtt", EventSet({"a": (Event(0, 1, "x\n\ny"),)}))
