"""Captions against pysubs2 on well-formed files, and by hand on broken ones."""

from __future__ import annotations

import random

import pysubs2
import pytest

from avtext.media.captions import Line, plain_text, read_ass, read_srt, read_vtt

READERS = {"srt": read_srt, "vtt": read_vtt, "ass": read_ass, "ssa": read_ass}


@pytest.mark.parametrize("kind", ["srt", "vtt", "ass", "ssa"])
@pytest.mark.parametrize("seed", range(3))
def test_well_formed_files_read_as_pysubs2_writes_them(kind: str, seed: int) -> None:
    rng = random.Random(seed)
    subtitles = pysubs2.SSAFile()
    for _ in range(30):
        start = rng.randrange(0, 10_000_000, 10)
        text = rng.choice(
            ["One line", "Two\\Nlines", "Comma, comma: and --", "Ünïcödé 字幕", "1990", "a {\\i1}slant{\\i0}"]
        )
        subtitles.append(pysubs2.SSAEvent(start=start, end=start + rng.randrange(10, 9000, 10), text=text))
    written = subtitles.to_string("vtt" if kind == "vtt" else kind)
    read = [(line.start, line.end, plain_text(line.text)) for line in READERS[kind](written.splitlines())]
    assert sorted(read) == sorted((e.start / 1000, e.end / 1000, e.plaintext) for e in subtitles)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("", ""),
        ("{\\an8}Up here", "Up here"),
        ("C:\\new\\home\\Notes", "C:\\new\\home\\Notes"),
        ("<font color='red'>red</font> 1 < 2 > 0", "red 1 < 2 > 0"),
        ("<v Roger Bingham>We are</v>", "We are"),
        ("<00:00:01.500><c.loud>now</c>", "now"),
        ("&lt;tag&gt; &amp; &eacute;", "<tag> & é"),
        ("{\\p1}m 0 0 l 100 100{\\p0}", ""),
        ("{unclosed", "{unclosed"),
        ("{y:i}The set {1, 2}", "The set {1, 2}"),
        ("bell\x07 esc\x1b[31m nul\x00", "bell esc [31m nul"),
        ("  many   spaces  \n\n  here ", "many spaces\nhere"),
        ("漢<rt>かん</rt>字", "漢字"),
    ],
)
def test_markup_goes_and_words_stay(text: str, plain: str) -> None:
    assert plain_text(text) == plain


class CountingLines(list[str]):
    """Lines that know how many of them were handed out."""

    num_given = 0

    def __getitem__(self, key):
        found = super().__getitem__(key)
        self.num_given += len(found) if isinstance(key, slice) else 1
        return found


@pytest.mark.parametrize("kind", READERS)
def test_every_cue_costs_its_own_lines_and_not_those_of_all_that_follow(kind: str) -> None:
    subtitles = pysubs2.SSAFile()
    subtitles.extend(pysubs2.SSAEvent(start=1000 * k, end=1000 * k + 500, text="word") for k in range(300))
    lines = CountingLines(subtitles.to_string(kind).splitlines())
    assert len(list(READERS[kind](lines))) == 300
    assert lines.num_given <= 5 * len(lines)


def test_long_hostile_markup_ends_and_never_grows() -> None:
    for text in ("{\\p1" * 20_000, "<a" * 50_000, "<rt" * 50_000, "{" * 50_000):
        assert len(plain_text(text)) <= len(text)


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("00:00:01,234", 1.234),
        ("1:02:03.5", 3723.5),
        ("02:03.004", 123.004),
        ("7.25", 7.25),
        ("-00:00:01,000", -1.0),
        ("99:59:59,999", 359999.999),
        ("00:00:00", 0.0),
        ("not a time", None),
        ("0.0.0", None),
        ("", None),
        ("1" * 30, None),
        ("١:٢", 62.0),  # digits are digits
    ],
)
def test_times(time: str, seconds: float | None) -> None:
    (line,) = read_vtt([f"{time} --> 00:10.000", "text"])
    assert line.start == seconds


def test_srt_without_numbers_or_blank_lines() -> None:
    lines = [
        "00:01,000 --> 00:02,000",
        "first",
        "2",
        "00:03,000 --> 00:04,000",
        "second",
        "",
        "still second",
        "",
        "3",
    ]
    assert list(read_srt(lines)) == [
        Line(1, 1.0, 2.0, "first"),
        Line(4, 3.0, 4.0, "second\n\nstill second"),
    ]


def test_backslashes_break_lines_in_ass_alone() -> None:
    (line,) = read_ass(["Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,a\\Nb\\nc\\hd"])
    assert plain_text(line.text) == "a\nb\nc d"
    (line,) = read_srt(["00:00:01,000 --> 00:00:02,000", "C:\\new"])
    assert plain_text(line.text) == "C:\\new"


def test_ass_columns_come_in_the_order_that_the_file_says() -> None:
    lines = [
        "[V4+ Styles]",
        "Dialogue: not, here",
        "[Events]",
        "Format: End, Text, Start",
        "Comment: 0:00:09.00,no,0:00:08.00",
        "Dialogue: 0:00:02.50,yes,0:00:01.00",
        "Dialogue: broken",
        "[Fonts]",
        "Dialogue: 0:00:02.50,no,0:00:01.00",
    ]
    assert list(read_ass(lines)) == [Line(6, 1.0, 2.5, "yes"), Line(7, None, None, "")]


def test_vtt_notes_and_styles_are_no_text() -> None:
    lines = [
        "WEBVTT",
        "",
        "NOTE a note",
        "",
        "STYLE",
        "::cue {}",
        "",
        "id",
        "00:01.000 --> 00:02.000 align:start",
        "yes",
        "",
        "no",
    ]
    assert list(read_vtt(lines)) == [Line(9, 1.0, 2.0, "yes")]


@pytest.mark.parametrize("blank", [" ", "\t", "\u00a0"])
def test_a_blank_line_of_vtt_is_text_and_only_an_empty_one_ends_it(blank: str) -> None:
    lines = ["00:01.000 --> 00:02.000", blank, "so<00:01.500><c> it</c>", "", "00:02.000 --> 00:03.000", "goes", blank]
    said = [(line.number, plain_text(line.text)) for line in read_vtt([*lines, "", "no"])]
    assert said == [(1, "so it"), (5, "goes")]
    named = ["00:01.000 --> 00:02.000", "yes", blank, "name", "00:03.000 --> 00:04.000", "more"]
    assert [plain_text(line.text) for line in read_vtt(named)] == ["yes", "more"]
