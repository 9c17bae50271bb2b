"""Subtitle files in every encoding and state of repair."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import pytest

from avtext.clip import Cue
from avtext.errors import Code, MediaError
from avtext.media import find_cues, read_cues

SRT = "1\n00:00:01,000 --> 00:00:02,500\nGrüße, <i>world</i>\n\n2\n00:00:03,000 --> 00:00:04,000\nsecond\n"
CUES = (Cue(1.0, 2.5, "Grüße, world"), Cue(3.0, 4.0, "second"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_encoding(tmp_path: Path, encoding: str, newline: str) -> None:
    path = tmp_path / "a.srt"
    path.write_bytes(SRT.replace("\n", newline).encode(encoding))
    assert read_cues(path) == CUES


def test_an_encoding_that_is_guessed_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.srt"
    path.write_bytes(SRT.encode("utf-8"))
    read_cues(path)
    assert caplog.messages == []
    path.write_bytes(SRT.replace("Grüße", "Привет").encode("cp1251"))
    assert read_cues(path)[0].text == "Ïðèâåò, world"
    assert caplog.messages == [
        f"{path}: is no UTF-8: read as Windows-1252; if its letters come out wrong, save it as UTF-8"
    ]


@pytest.mark.parametrize("mark", "\v\f\x1c\x85\u2028\u2029")
@pytest.mark.parametrize(
    ("name", "head"),
    [("a.ass", "Dialogue: 0,0:00:01.00,0:00:02.00,,,,,,,"), ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n")],
)
def test_a_break_that_does_not_end_the_line_ends_no_text(tmp_path: Path, name: str, head: str, mark: str) -> None:
    (tmp_path / name).write_bytes(f"{head}one{mark}{mark}two\n".encode())
    assert read_cues(tmp_path / name) == (Cue(1.0, 2.0, "one two"),)


def test_cues_come_sorted(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    blocks = SRT.strip().split("\n\n")
    path.write_text("\n\n".join(blocks[::-1]), encoding="utf-8")
    assert read_cues(path) == CUES


def test_bad_times_are_left_out_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.srt"
    path.write_text(
        "1\n00:00:05,000 --> 00:00:04,000\nreversed\n\n"
        "2\n-00:00:05,000 --> -00:00:04,000\nbefore\n\n"
        "3\n-00:00:01,000 --> 00:00:04,000\ncut\n\n"
        "4\n00:00:0x,000 --> 00:00:04,000\nbroken\n\n"
        "5\n00:00:04,000 --> 00:00:04,000\nno time\n\n"
        "6\n00:00:07,000 --> 00:00:08,000\n<i></i>\n"
    )
    with caplog.at_level(logging.WARNING):
        assert read_cues(path) == (Cue(0.0, 4.0, "cut"),)
    assert "4 of 5 cues left out, the first on line 2" in caplog.text
    assert str(path) in caplog.text


@pytest.mark.parametrize("name", ["a.srt", "a.vtt", "a.ass", "a.ssa", "a.json"])
def test_no_cues_are_a_normal_case(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    assert read_cues(tmp_path / name) == ()


def test_json_words_and_segments(tmp_path: Path) -> None:
    path = tmp_path / "a.words.json"
    words = [
        {"word": " Hello", "start": 0.5, "end": 0.9},
        {"word": "you", "start": 1, "end": 1.5, "probability": 0.2},
    ]
    expected = (Cue(0.5, 0.9, "Hello"), Cue(1.0, 1.5, "you"))
    for value in (words, {"words": words}, {"segments": [{**word, "text": word["word"]} for word in words]}):
        path.write_text(json.dumps(value))
        assert read_cues(path) == expected


def test_half_a_character_of_a_word_is_a_blank(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(r'[{"word": "a\ud800b", "start": 0, "end": 1}]')
    (tmp_path / "a.srt").write_text("00:00:00,000 --> 00:00:01,000\na&#xD800;b\n")
    assert read_cues(tmp_path / "a.json") == (Cue(0.0, 1.0, "a b"),)
    assert read_cues(tmp_path / "a.srt") == (Cue(0.0, 1.0, "a\ufffdb"),)


@pytest.mark.parametrize("start", ["NaN", "1e999", "null", "true", '"1"', "1" + "0" * 400])
def test_json_times_that_are_no_times(tmp_path: Path, start: str, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.json"
    path.write_text(f'[{{"word": "b", "start": 1, "end": 2}}, {{"word": "a", "start": {start}, "end": 5}}]')
    assert read_cues(path) == (Cue(1.0, 2.0, "b"),)
    assert "1 of 2 cues left out, the first in entry 2: unreadable" in caplog.text


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("{", r"a\.json, line 1: not JSON"),
        ("[\n1,\n]", r"line 3: not JSON"),
        ("3", "needs a list"),
        ('{"segments": 3}', "needs a list"),
        ('{"other": []}', "needs a list"),
        ("[3]", "entry 1: needs"),
        ('[{"word": "a", "start": 0, "end": 1}, {"word": 3}]', "entry 2: needs"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_json_that_holds_no_words(tmp_path: Path, content: str, match: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(MediaError, match=match) as caught:
        read_cues(path)
    assert caught.value.code == Code.NOT_MEDIA


def test_binary_data_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR" + bytes(range(256)))
    with pytest.raises(MediaError, match="binary") as caught:
        read_cues(path)
    assert caught.value.code == Code.NOT_MEDIA


def test_text_without_times_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("hello")
    with pytest.raises(
        MediaError, match=r"needs times; \.srt, \.vtt, \.ass, \.ssa, \.json are read, not \.txt"
    ) as caught:
        read_cues(path)
    assert caught.value.code == Code.UNSUPPORTED


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"missing\.srt: no such file"):
        read_cues(tmp_path / "missing.srt")
    (tmp_path / "folder.srt").mkdir()
    with pytest.raises(MediaError, match="folder"):
        read_cues(tmp_path / "folder.srt")
    os.mkfifo(tmp_path / "pipe.srt")
    with pytest.raises(MediaError, match="pipe"):
        read_cues(tmp_path / "pipe.srt")


def test_subtitles_beside_a_video_are_found(tmp_path: Path) -> None:
    video = tmp_path / "my.video.mp4"
    assert find_cues(video) is None
    for suffix in (".words.json", ".ssa", ".ass", ".vtt", ".srt"):
        path = tmp_path / f"my.video{suffix}"
        path.write_text("")
        assert find_cues(video) == path


def test_endings_in_capitals_count_after_those_in_small_letters(tmp_path: Path) -> None:
    video = tmp_path / "film.MP4"
    (tmp_path / "film.en.SRT").write_text("")
    (tmp_path / "Film.SRT").write_text("")
    assert find_cues(video) is None
    for suffix in (".WORDS.JSON", ".VTT", ".SRT", ".ass", ".srt"):
        path = tmp_path / f"film{suffix}"
        path.write_text("")
        assert find_cues(video) == path
    assert find_cues(tmp_path / "none" / "film.mp4") is None


@pytest.mark.parametrize("video", ["x" * 251 + ".mp4", "x" * 300 + ".mp4", ".", "/", ""])
def test_a_video_whose_name_has_none_beside_it(video: str) -> None:
    assert find_cues(video) is None


def test_every_odd_subtitle_is_read(data_dir: Path) -> None:
    counts = {path.name: len(read_cues(path)) for path in sorted((data_dir / "odd_subtitles").iterdir())}
    assert len(counts) == 28
    assert counts["typical_utf16le.srt"] == counts["typical_utf16be.ssa"] == counts["typical.ssa"] == 3
    assert counts["typical_negative_timestamps.srt"] == 2
    assert counts["typical_with_bad_timestamps.vtt"] == 4
    assert counts["invalid_timecodes.ssa"] == 2
    assert counts["positioning.ssa"] == 6
    assert [name for name, count in counts.items() if count == 0] == [
        "empty.srt", "empty.ssa", "empty.vtt", "typical_format.ssa",
    ]  # fmt: skip


def test_the_real_subtitles(data_dir: Path) -> None:
    cues = read_cues(data_dir / "media" / "torchcodec_nasa_13013.srt")
    assert len(cues) == 4
    assert cues[0] == Cue(0.21, 4.26, "NAR: This is the optical and science segment of the Webb")
