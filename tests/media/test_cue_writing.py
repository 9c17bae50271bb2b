from __future__ import annotations

from pathlib import Path

import pytest

from avtext.clip import Cue
from avtext.errors import ConfigError, StorageError
from avtext.media.cue_writing import write_cues
from avtext.media.cues import read_cues

CUES = (
    Cue(0.0, 0.001, "first"),
    Cue(59.9996, 61.5, "two\nlines"),
    Cue(3599.9999, 7325.25, "über — 犬"),
)


@pytest.mark.parametrize("name", ["a.srt", "a.vtt", "a.SRT"])
def test_written_and_read_again(tmp_path: Path, name: str) -> None:
    write_cues(tmp_path / "deep" / name, CUES)
    again = read_cues(tmp_path / "deep" / name)
    assert [cue.text for cue in again] == [cue.text for cue in CUES]
    for a, b in zip(again, CUES, strict=True):
        assert (a.start, a.end) == pytest.approx((b.start, b.end), abs=0.0006)


def test_a_second_that_is_rounded_up_is_carried(tmp_path: Path) -> None:
    write_cues(tmp_path / "a.srt", CUES[1:])
    text = (tmp_path / "a.srt").read_text()
    assert "00:01:00,000 --> 00:01:01,500" in text
    assert "01:00:00,000 --> 02:02:05,250" in text


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("1 --> 2", "1 → 2"),
        ("one\n\n\ntwo", "one\ntwo"),
        ("one\r\n \r\ntwo", "one\ntwo"),
        ("00:00:09,000 --> 00:00:10,000", "00:00:09,000 → 00:00:10,000"),
    ],
)
@pytest.mark.parametrize("name", ["a.srt", "a.vtt"])
def test_text_cannot_end_its_cue_or_begin_another(tmp_path: Path, name: str, said: str, read: str) -> None:
    write_cues(tmp_path / name, [Cue(1.0, 2.0, said), Cue(3.0, 4.0, "after")])
    assert [cue.text for cue in read_cues(tmp_path / name)] == [read, "after"]


@pytest.mark.parametrize("text", ["a < b & c > d", "<b>not bold</b>", "&amp;", "<00:01.000>"])
def test_webvtt_has_no_tags_in_it(tmp_path: Path, text: str) -> None:
    write_cues(tmp_path / "a.vtt", [Cue(1.0, 2.0, text)])
    assert read_cues(tmp_path / "a.vtt") == (Cue(1.0, 2.0, text),)
    assert "<" not in (tmp_path / "a.vtt").read_text()


def test_times_before_the_beginning_are_the_beginning(tmp_path: Path) -> None:
    write_cues(tmp_path / "a.srt", [Cue(-2.0, 1.0, "early")])
    assert read_cues(tmp_path / "a.srt") == (Cue(0.0, 1.0, "early"),)


def test_a_cue_shorter_than_a_millisecond_gets_one(tmp_path: Path) -> None:
    write_cues(tmp_path / "a.srt", [Cue(1.0, 1.0004, "short"), Cue(2.0, 2.0, "none")])
    assert read_cues(tmp_path / "a.srt") == (Cue(1.0, 1.001, "short"), Cue(2.0, 2.001, "none"))


def test_nothing_is_a_file_too(tmp_path: Path) -> None:
    for name in ("a.srt", "a.vtt"):
        write_cues(tmp_path / name, [])
        assert read_cues(tmp_path / name) == ()
    assert (tmp_path / "a.vtt").read_text().startswith("WEBVTT")


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"subtitles are written as \.srt or \.vtt"):
        write_cues(tmp_path / "a.ass", CUES)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        write_cues(tmp_path / "file" / "a.srt", CUES)
