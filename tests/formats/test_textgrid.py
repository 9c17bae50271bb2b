"""TextGrids, against praatio, which reads and writes them independently, in both forms."""

from __future__ import annotations

import pytest
from praatio import textgrid

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats.event_set import EventSet
from avtext.formats.textgrid import read_textgrid, write_textgrid

EVENTS = (Event(0.5, 1.25, "dog"), Event(1.0, 2.0, 'say "x"'), Event(1.5, 1.5, "tick"))


def test_praatio_reads_what_is_written(tmp_path):
    path = tmp_path / "clip.TextGrid"
    assert write_textgrid(path, EventSet({"clip": EVENTS}, {"clip": 3.0})) == []
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    assert (grid.maxTimestamp, set(grid.tierNames)) == (3.0, {"dog", 'say "x"', "tick"})
    assert [tuple(entry) for entry in grid.getTier("dog").entries] == [(0.5, 1.25, "dog")]
    assert [tuple(entry) for entry in grid.getTier("tick").entries] == [(1.5, "tick")]


@pytest.mark.parametrize(
    ("events", "duration", "entries"),
    [
        ([Event(0.0, 0.3, "x"), Event(0.1 + 0.2, 1.0, "x")], 1.0, [(0.0, 0.3, "x"), (0.3, 1.0, "x")]),
        ([Event(1e-7, 1.0000001, "x")], 1.0000002, [(0.0, 1.0, "x")]),
        ([Event(1.0, 1.0000001, "x")], 2.0, [(1.0, "x")]),
    ],
)
def test_no_interval_lasts_less_than_is_written(tmp_path, events, duration, entries):
    path = tmp_path / "clip.TextGrid"
    write_textgrid(path, EventSet({"clip": tuple(events)}, {"clip": duration}))
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=True)
    found = [tuple(entry) for tier in grid.tiers for entry in tier.entries]
    assert found == entries


@pytest.mark.parametrize("form", ["short_textgrid", "long_textgrid"])
def test_what_praatio_writes_is_read(tmp_path, form):
    path = tmp_path / "clip.TextGrid"
    grid = textgrid.Textgrid()
    grid.addTier(textgrid.IntervalTier("words", [(0.5, 1.25, "hello 3"), (2.0, 2.5, 'a "b"')], 0, 4))
    grid.addTier(textgrid.PointTier("ticks", [(1.5, "tick")], 0, 4))
    grid.save(str(path), format=form, includeBlankSpaces=True)
    found = read_textgrid(path)
    assert found.events["clip"] == (
        Event(0.5, 1.25, "hello 3"),
        Event(2.0, 2.5, 'a "b"'),
        Event(1.5, 1.5, "tick"),
    )
    assert found.durations == {"clip": 4.0}


def test_a_part_that_keeps_the_times_of_the_whole_lasts_to_its_end(put):
    content = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n100\n200\n<exists>\n1\n'
    content += '"TextTier"\n"ticks"\n100\n200\n1\n150\n"tick"\n'
    found = read_textgrid(put("a.TextGrid", content))
    assert found.events == {"a": (Event(150.0, 150.0, "tick"),)}
    assert found.durations == {"a": 200.0}


COMMENTED = """File type = "ooTextFile"
Object class = "TextGrid"

0 2.3   ! time domain, with 3 tiers to come
<exists>
2 tiers
"IntervalTier" "Mary" ! type and name of tier 1
0 2.3   ! time domain of tier 1
2 intervals coming
0 1.5 "hello! 7 times" ! interval 1 on "tier 1"
1.5 2.3 ""
"TextTier" "bell" ! type and name of tier 2
0 2.3
1 point coming
2.0 "ding"
"""


def test_a_line_is_comment_from_an_exclamation_mark_on(put):
    found = read_textgrid(put("a.TextGrid", COMMENTED))
    assert found.events == {"a": (Event(0.0, 1.5, "hello! 7 times"), Event(2.0, 2.0, "ding"))}
    assert found.durations == {"a": 2.3}


HEAD = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n4\n<exists>\n1\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "ends where the file type is expected"),
        ('"ooTextFile"\n"PitchTier"', 'must begin with "ooTextFile" and "TextGrid"'),
        (HEAD, "ends where the tier's class is expected: the TextGrid is cut short"),
        (HEAD.replace("<exists>", "exists"), "line 7: <exists> or <absent> must say whether there are tiers"),
        (HEAD.replace("1\n", "-1\n"), "the number of tiers must be a whole number, 0 or more, got -1"),
        (HEAD + '"TextTier"\n"x"\n0\n4\n0.5\n', "the number of intervals or points must be a whole number"),
        (HEAD + '"Sound"', "line 8: a tier must be an IntervalTier or a TextTier, got 'Sound'"),
        (HEAD + '"IntervalTier"\n"x"\n0\n4\n1\n2\n"a"', "line 14: an interval's end must be a number"),
        (HEAD + '"IntervalTier"\n"x"\n0\n4\n1\n2\n1\n"a"', "line 15: Event: end must not be before start"),
        (HEAD + '"IntervalTier"\n"x"\n0\n4\n1e999\n', "line 12: .* must be finite"),
    ],
)
def test_malformed_files(put, content, message):
    with pytest.raises(ConfigError, match=message):
        read_textgrid(put("a.TextGrid", content))


def test_no_tiers(put):
    content = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n4\n<absent>\n'
    assert read_textgrid(put("a.TextGrid", content)).events == {"a": ()}
