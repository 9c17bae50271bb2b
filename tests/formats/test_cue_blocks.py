"""Blocks of subtitles."""

from __future__ import annotations

from pathlib import Path

import pytest

from avtext.errors import ConfigError
from avtext.formats.cues import check_text, cue_blocks

HERE = Path("a.srt")


def test_blocks_know_their_lines():
    text = "9\n00:01.0 --> 00:02.0\na\nb\n\n\n00:03.0 --> 00:04.0 line:1\nc"
    first, second = cue_blocks(HERE, text)
    assert (first.line, first.start, first.text) == (2, 1.0, "a\nb")
    assert (second.line, second.end, second.text) == (7, 4.0, "c")
    assert list(cue_blocks(HERE, "")) == []


@pytest.mark.parametrize("blank", ["", " ", "\t", "\u00a0", None])
def test_a_cue_ends_at_a_blank_line_or_at_the_next_times(blank):
    between = [] if blank is None else [blank]
    lines = [
        "1",
        "00:01.0 --> 00:02.0",
        "dog",
        "7",
        *between,
        "2",
        "00:03.0 --> 00:04.0",
        "8",
        "00:05.0 --> 00:06.0",
        "cat",
    ]
    found = list(cue_blocks(HERE, "\n".join(lines), numbered=True))
    assert [(c.start, c.text) for c in found] == [(1.0, "dog\n7"), (3.0, "8"), (5.0, "cat")]


def test_only_numbered_cues_have_their_number_before_the_times():
    text = "00:01.0 --> 00:02.0\ndog\n2\n00:03.0 --> 00:04.0\ncat"
    assert [c.text for c in cue_blocks(HERE, text)] == ["dog\n2", "cat"]
    assert [c.text for c in cue_blocks(HERE, text, numbered=True)] == ["dog", "cat"]


@pytest.mark.parametrize("label", ["", " ", "a\n\nb", "a\n", "\na", "a\rb"])
def test_labels_that_would_end_a_block_are_refused(label):
    with pytest.raises(ConfigError, match="an empty line ends a cue"):
        check_text(HERE, "srt", label)
