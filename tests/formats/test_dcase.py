"""DCASE TSV as its tools read it."""

from __future__ import annotations

from avtext.clip import Event
from avtext.formats.dcase import read_dcase, write_dcase
from avtext.formats.event_set import EventSet


def test_what_is_written(tmp_path):
    path = tmp_path / "a.tsv"
    write_dcase(path, EventSet({"a.wav": (Event(0.5, 1, "Vacuum_cleaner"),), "b.wav": ()}))
    assert path.read_text() == (
        "filename\tonset\toffset\tevent_label\na.wav\t0.500000\t1.000000\tVacuum_cleaner\nb.wav\t\t\t\n"
    )


def test_commas_are_no_delimiters_here(put):
    found = read_dcase(put("a.tsv", "filename\tonset\toffset\tevent_label\na,b\t0\t1\thorn, truck\n"))
    assert found.events == {"a,b": (Event(0, 1, "horn, truck"),)}
