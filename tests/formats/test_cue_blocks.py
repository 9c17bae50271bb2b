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


@pytest.mark.parametrize("label", ["", " ", "a\n\nb", "a\n", "\na", "a\rb"])
def test_labels_that_would_end_a_block_are_refused(label):
    with pytest.raises(ConfigError, match="an empty line ends a cue"):
        check_text(HERE, "srt", label)
