from __future__ import annotations

from pathlib import Path

import pysubs2
import pytest

from avtext.alignment import retime
from avtext.clip import Cue
from avtext.errors import ConfigError, StorageError
from avtext.media.cue_writing import rewrite_cues, write_cues
from avtext.media.cues import read_cues
from avtext.timeline import ClockMap

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


SRT = "1\n00:00:01,000 --> 00:00:02,000 X1:40\n<i>one</i>\n\n7\n00:00:03,000 --> 00:00:04,000\ntwo\n\nstill two\n\n9\n00:00:05,000 --> 00:00:06,000\n{\\an8}three\n"
VTT = """WEBVTT - film

STYLE
::cue { color: red }

first
00:01.000 --> 00:02.000 align:start line:0
<v Ann>one</v>

NOTE the second

00:03.000 --> 00:04.000
two

NOTE the third

00:05.000 --> 00:06.000
three
"""
ASS = """[Script Info]
PlayResX: 640

[V4+ Styles]
Format: Name, Fontname
Style: Big, Arial

[Events]
Format: Layer, Start, End, Style, Text
Dialogue: 0,0:00:01.00,0:00:02.00,Big,{\\i1}one{\\i0}, and 0:00:09.00, too
Dialogue: 0,0:00:03.00,0:00:04.00,Big,two
Dialogue: 0,9:59:59.50,10:00:00.50,Big,three
"""


def without_the_second(cue: Cue) -> Cue | None:
    return None if "two" in cue.text else Cue(cue.start + 1.5, cue.end + 1.5, cue.text)


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("a.srt", SRT, "1\n00:00:02,500 --> 00:00:03,500 X1:40\n<i>one</i>\n\n2\n00:00:06,500 --> 00:00:07,500\n{\\an8}three\n"),
        ("a.vtt", VTT, VTT.replace("00:01.000 --> 00:02.000", "00:00:02.500 --> 00:00:03.500")
         .replace("00:03.000 --> 00:04.000\ntwo\n\n", "").replace("00:05.000 --> 00:06.000", "00:00:06.500 --> 00:00:07.500")),
        ("a.ass", ASS, ASS.replace("0:00:01.00,0:00:02.00", "0:00:02.50,0:00:03.50")
         .replace("Dialogue: 0,0:00:03.00,0:00:04.00,Big,two\n", "").replace("9:59:59.50,10:00:00.50", "10:00:01.00,10:00:02.00")),
    ],
)  # fmt: skip
def test_times_change_and_all_else_stays(tmp_path: Path, name: str, given: str, expected: str) -> None:
    (tmp_path / name).write_text(given)
    assert rewrite_cues(tmp_path / name, tmp_path / "out", without_the_second) == (2, 1)
    assert (tmp_path / "out").read_text() == expected


@pytest.mark.parametrize("kind", ["srt", "ass", "ssa"])
def test_pysubs2_reads_a_file_on_another_clock_as_one_that_it_has_shifted(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    subtitles = pysubs2.SSAFile()
    subtitles.styles["Big"] = pysubs2.SSAStyle(fontsize=40.0)
    for k in range(200):
        text = rf"{{\i1}}say{{\i0}} {k}\Nand on"
        subtitles.append(pysubs2.SSAEvent(start=1770 * k, end=1770 * k + 1230, text=text, style="Big"))
    subtitles.save(str(path))
    subtitles = pysubs2.load(str(path))  # SubRip has no styles
    subtitles.shift(s=3600.5)
    rewrite_cues(path, path, lambda cue: Cue(cue.start + 3600.5, cue.end + 3600.5, cue.text))
    again = pysubs2.load(str(path))
    assert again.events == subtitles.events
    assert again.styles == subtitles.styles


def test_times_within_a_text_of_webvtt_go_with_their_cue(tmp_path: Path) -> None:
    path = tmp_path / "a.vtt"
    said = "NOTE <00:01.000>\n\n00:01.000 --> 00:03.000\nso<00:01.500><c> it</c><00:00:02.250><c> goes</c><00:09.000>\n"
    path.write_text(f"WEBVTT\n\n{said}")
    assert rewrite_cues(path, path, lambda cue: Cue(2 * cue.start, 2 * cue.end, cue.text)) == (1, 0)
    moved = "00:00:02.000 --> 00:00:06.000\nso<00:00:03.000><c> it</c><00:00:04.500><c> goes</c>\n"
    assert path.read_text() == f"WEBVTT\n\nNOTE <00:01.000>\n\n{moved}"


def test_a_time_in_a_text_never_leaves_its_cue(tmp_path: Path) -> None:
    path = tmp_path / "a.vtt"
    path.write_text("WEBVTT\n\n00:04.000 --> 00:05.500\nso<00:04.200> it<00:05.000> goes\n")
    advert = ClockMap((0.0, 5.0), (0.0, 30.0), (1.0, 1.0))
    assert rewrite_cues(path, path, lambda cue: retime([cue], advert)[0]) == (1, 0)
    assert path.read_text() == "WEBVTT\n\n00:00:04.000 --> 00:00:05.500\nso<00:00:04.200> it goes\n"


def test_captions_that_begin_with_a_blank_line_are_moved_and_left_out_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.vtt"
    second = "{} align:start\n \nit<{}><c> goes</c>\n"
    said = f"00:01.000 --> 00:02.000\n \nso\n\n{second.format('00:02.000 --> 00:04.000', '00:03.000')}"
    path.write_text(f"WEBVTT\nKind: captions\n\n{said}")
    left = {1.0: None, 2.0: Cue(0.0, 2.0, ""), 3.0: Cue(1.0, 2.0, "")}
    assert rewrite_cues(path, path, lambda cue: left[cue.start]) == (1, 1)
    moved = second.format("00:00:00.000 --> 00:00:02.000", "00:00:01.000")
    assert path.read_text() == f"WEBVTT\nKind: captions\n\n{moved}"


def test_cues_without_numbers_or_times_and_files_without_cues(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_text("\ufeff00:00:01,000 --> 00:00:02,000\r\none\r\n\r\n00:00:09,000 --> ?\r\nlost\r\n", newline="")
    assert rewrite_cues(path, path, lambda cue: cue) == (1, 1)
    assert path.read_text() == "00:00:01,000 --> 00:00:02,000\none\n"
    path.write_text("nothing\n")
    assert rewrite_cues(path, path, lambda cue: cue) == (0, 0)
    assert path.read_text() == "nothing\n"


def test_a_text_that_is_a_number_is_not_the_number_of_the_next_cue(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_text("00:00:01,000 --> 00:00:02,000\n42\n00:00:03,000 --> 00:00:04,000\nx\n")
    said = path.read_text()
    assert rewrite_cues(path, path, lambda cue: cue) == (2, 0)
    assert path.read_text() == said
