"""Lists of sed_eval in each of their shapes."""

from __future__ import annotations

import pytest

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats.event_set import EventSet
from avtext.formats.sed_eval_text import read_sed_eval, write_sed_eval


@pytest.mark.parametrize(
    ("content", "events", "named"),
    [
        ("0.5\t1\tdog\n\n2\t3\tcat", {"a": (Event(0.5, 1, "dog"), Event(2, 3, "cat"))}, False),
        ("x.wav\t0.5\t1\tdog\ny.wav\n", {"x.wav": (Event(0.5, 1, "dog"),), "y.wav": ()}, True),
        ("x.wav\tstreet\t 0.5\t 1\tcar\n", {"x.wav": (Event(0.5, 1, "car"),)}, True),
        ("", {"a": ()}, False),
        ("2024 05 01 dogs.wav\na, b 1.5.wav\n", {"2024 05 01 dogs.wav": (), "a, b 1.5.wav": ()}, True),
    ],
)
def test_shapes(put, content, events, named):
    found = read_sed_eval(put("a.txt", content))
    assert (dict(found.events), found.named) == (events, named)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("0\t1\tx\n1\t2\n", "line 2: has 2 fields; allowed, with tabs between: onset, offset, label"),
        ("0\t1\tx\na.wav\t1\t2\tx\n", "line 2: some lines name a file and some do not"),
        ("a.wav\n0.5,1.5,dog\n", "line 2: has times and no tab, got '0.5,1.5,dog'; allowed, with tabs between"),
        ("a.wav; 0; 1; dog\n", "line 1: has times and no tab"),
        ("a b.wav 0.50 1.25 dog\n", "line 1: has times and no tab"),
        ("10 15.5 dog\n", "line 1: has times and no tab"),
        ("01 02 hall.wav\n0 5 dog\n", "line 2: has times and no tab, got '0 5 dog'"),
        ("0\tlate\tx\n", "line 1: end must be a number, got 'late'"),
    ],
)
def test_malformed_lines(put, content, message):
    with pytest.raises(ConfigError, match=message):
        read_sed_eval(put("a.txt", content))


def test_the_reference_lists_are_read(data_dir):
    folder = data_dir / "sed_eval"
    assert len(read_sed_eval(folder / "street_fold1_reference.txt").events) > 1
    one = read_sed_eval(folder / "binary5_detected.txt")
    assert sum(not events for events in one.events.values()) == 4


def test_a_file_whose_name_does_not_fit_is_told_as_a_file(tmp_path):
    with pytest.raises(ConfigError, match=r"sed_eval cannot hold the file 'a\\tb' .* rename the file"):
        write_sed_eval(tmp_path / "a.txt", EventSet({"a\tb": ()}))


@pytest.mark.parametrize(
    ("file", "values"),
    [(" a.wav", ()), ("a.wav ", ()), ("0.5 1.5 dog", ()), ("\ufeffa.wav", ()), ("\ufeffa.wav", (Event(0, 1, "dog"),))],
)
def test_a_name_that_would_be_read_as_another_is_refused(tmp_path, file, values):
    with pytest.raises(ConfigError, match=r"would be read as another name or as an event; .* rename the file"):
        write_sed_eval(tmp_path / "a.txt", EventSet({file: values}))
