"""Tables: columns in any order, blank rows, delimiters, formulas, and lines in messages."""

from __future__ import annotations

import pytest

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats.tables import guarded, read_table, read_weak_labels, unguarded


def test_columns_in_any_order_unnamed_and_unknown_ones_left_aside(put):
    text = ",Class,Offset,index,ONSET,filename,confidence\n0,dog,2.5,9,1.5,a.wav,0.5\n1,cat,3,9,0,b.wav,\n"
    found = read_table(put("a.csv", text), ",;\t")
    assert found.events == {"a.wav": (Event(1.5, 2.5, "dog", 0.5),), "b.wav": (Event(0, 3, "cat"),)}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters(put, delimiter):
    text = f"start{delimiter}end{delimiter}label\n0{delimiter}1{delimiter}dog\n"
    found = read_table(put("clip.csv", text), ",;\t")
    assert (found.events, found.named) == ({"clip": (Event(0, 1, "dog"),)}, False)


def test_blank_times_are_a_file_without_events(put):
    text = "filename\tonset\toffset\tevent_label\na\t\t\t\nb\t0\t1\tx\nc\n\n"
    assert read_table(put("a.tsv", text), "\t").events == {"a": (), "b": (Event(0, 1, "x"),), "c": ()}


def test_blanks_behind_delimiters_are_no_part_of_what_follows_where_the_header_has_them(put):
    text = 'file, start, end, label\na b.wav, 0.5, 1, dog\nb.wav,2, 3, "cat, big"\n'
    found = read_table(put("a.csv", text), ",;\t").events
    assert found == {"a b.wav": (Event(0.5, 1, "dog"),), "b.wav": (Event(2, 3, "cat, big"),)}
    as_written = read_table(put("b.csv", "file,start,end,label\na,0,1, dog\n"), ",;\t")
    assert as_written.labels == (" dog",)


def test_decimal_commas_between_semicolons(put):
    text = "file;start;end;label;score\na,b.wav;0,5;1.25;dog, small;0,75\n"
    found = read_table(put("a.csv", text), ",;\t").events
    assert found == {"a,b.wav": (Event(0.5, 1.25, "dog, small", 0.75),)}
    with pytest.raises(ConfigError, match="line 2: score must be a number, got '0,75'"):
        read_table(put("a.tsv", text.replace(";", "\t")), "\t")


def test_a_line_of_blanks_is_no_file(put):
    assert read_table(put("a.csv", "file,start,end,label\na,0,1,dog\n  \n"), ",").events == {"a": (Event(0, 1, "dog"),)}


def test_byte_order_marks_and_windows_line_ends(put):
    text = "file,start,end,label\r\na,0,1,Äh\r\n"
    for content in (text.encode("utf-8-sig"), text.encode("utf-16")):
        assert read_table(put("a.csv", content), ",").events == {"a": (Event(0, 1, "Äh"),)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1: is empty; the first line must name the columns"),
        ("0,1,dog\n", r"line 1: no column for start, end, label in \['0', '1', 'dog'\]"),
        ("file,start,label\n", r"no column for end .*end or offset or stop"),
        ("file,start,end,label\na,0,1,x\na,1,,x\n", "line 3: end must be a number, got ''"),
        ("file,start,end,label\na,0,1,\n", "line 2: an event needs a label"),
        ("file,start,end,label\n,0,1,x\n", "line 2: the file's name is blank"),
        ("file,start,end,label\na,0\n", "line 2: has 2 columns, the header has at least 4"),
        (
            "file,start,end,label\na,0,1,dog,,\na,2,3,dog, barking\n",
            "line 3: has 5 columns, the header has 4: put a cell that has a ',' in quotes",
        ),
        ('file,start,end,label\na,0,1,"two\nlines"\na,x,1,y\n', "line 4: start must be a number, got 'x'"),
        ("file,start,end,label\na,2,1,x\n", "line 2: Event: end must not be before start"),
        ("file,start,end,label\na,nan,1,x\n", "line 2: start must be finite"),
        ("file,start,end,label,score\na,0,1,x,1.2\n", r"line 2: Event: score must lie in \[0, 1\]"),
        ("file,start,end,label,score\na,0,1,x,nan\n", "line 2: score must be finite"),
        ('file,start,end,label\na,0,1,"open\n', "line 2: is not a table"),
        (b"file,start,end,label\na,0,1,\xff\n", "line 2: is not UTF-8"),
    ],
)
def test_malformed_tables_are_refused_with_their_line(put, content, message):
    path = put("a.csv", content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_table(path, ",")
    assert str(path) in str(caught.value)


def test_labels_that_commas_part_from_the_file_and_from_each_other_are_not_lost(put):
    with pytest.raises(ConfigError, match="line 3: has 3 columns, the header has 2: put a cell that"):
        read_weak_labels(put("a.csv", "file,label\na,dog\nb,dog,cat\n"))


@pytest.mark.parametrize("text", ["=1+1", "+a", "-b()", "-2+3", "-c|d!e", "@c", "'=d", "''@e", "'-f", "dog", "'"])
def test_formulas_are_inert_and_come_back(text):
    safe = guarded(text)
    assert not safe.startswith(("=", "+", "-", "@"))
    assert unguarded(safe) == text


@pytest.mark.parametrize("text", ["\t=1+1", " =1+1", "\ufeff@x", "＝1+1", "\n=1", "'\u00a0+1"])
def test_a_formula_behind_what_spreadsheets_leave_out_is_guarded(text: str) -> None:
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", ["plain", " plain", "'quoted", "a=1", "-0dqw_30-40.mp4", "-1"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert guarded(text) == unguarded(text) == text


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        ("filename\tevent_labels\na_0_10\tSpeech,Dog\nb\t\n", {"a_0_10": ("Speech", "Dog"), "b": ()}),  # AVVP, DCASE
        ("label,file\ndog,a\ncat,a\ndog,a\n", {"a": ("dog", "cat")}),  # a row each
        ('file,label\na,"dog, cat"\n', {"a": ("dog", "cat")}),
        ("file;label\na;dog,'-x\n", {"a": ("dog", "-x")}),
        ("file,label\n", {}),
        ("file,start,end,label\na,0,1,dog\n", None),
        ("file,begin_s,label\na,0,dog\n", None),  # it may well be one of times
        ("file,score\na,0\n", None),
        ("", None),
    ],
)
def test_labels_without_times(put, content, labels):
    assert read_weak_labels(put("weak.tsv", content)) == labels


def test_malformed_labels_without_times_are_refused_with_their_line(put):
    with pytest.raises(ConfigError, match="line 3: the file's name is blank"):
        read_weak_labels(put("weak.csv", "file,label\na,dog\n,cat\n"))
