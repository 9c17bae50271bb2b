"""CSV as a spreadsheet gets it."""

from __future__ import annotations

import csv

import pytest

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats import detect_format, read_events
from avtext.formats.csv_table import read_csv, write_csv
from avtext.formats.event_set import EventSet


def test_what_is_written(tmp_path):
    path = tmp_path / "a.csv"
    write_csv(path, EventSet({"a.wav": (Event(0, 1, '=HYPERLINK("x")', 0.25),), "b.wav": ()}))
    with path.open(newline="") as handle:
        rows = list(csv.reader(handle))
    assert rows == [
        ["file", "start", "end", "label", "score"],
        ["a.wav", "0.000000", "1.000000", '\'=HYPERLINK("x")', "0.25"],
        ["b.wav", "", "", "", ""],
    ]
    assert read_csv(path).events["a.wav"][0].label == '=HYPERLINK("x")'


def test_a_carriage_return_is_refused(tmp_path):
    with pytest.raises(
        ConfigError, match=r"csv cannot hold the label 'a\\rb' because of '\\r'; choose json, or rename"
    ):
        write_csv(tmp_path / "a.csv", EventSet({"a": (Event(0, 1, "a\rb"),)}))
    with pytest.raises(ConfigError, match=r"csv cannot hold the file 'a\\rb' .* rename the file"):
        write_csv(tmp_path / "a.csv", EventSet({"a\rb": ()}))


def test_the_annotations_of_ave(tmp_path):
    path = tmp_path / "Annotations.txt"
    path.write_text(
        "Category&VideoID&Quality&StartTime&EndTime\nChurch bell&---1_cc&good&0&10\nMale speech, man&b&good&2&7\n"
    )
    assert detect_format(path) == "csv"
    assert read_events(path).events == {
        "---1_cc": (Event(0, 10, "Church bell"),),
        "b": (Event(2, 7, "Male speech, man"),),
    }
