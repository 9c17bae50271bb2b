"""Edit lists of editors, and ours."""

from __future__ import annotations

import pytest

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats.edl import read_edl, write_edl
from avtext.formats.event_set import EventSet

FOREIGN = """TITLE: cut
FCM: NON-DROP FRAME

001  AX       V     C        00:00:10:00 00:00:11:00 01:00:00:00 01:00:01:12
* FROM CLIP NAME: take 3.mov
002  BL       V     D    025 00:00:00:00 00:00:01:00 01:00:01:12 01:00:02:00
* LOC: 01:00:01:12 RED     dog barks
* FROM CLIP NAME: take 4.mov
"""


def test_foreign_lists_are_read_at_record_times(put):
    found = read_edl(put("a.edl", FOREIGN))
    assert found.events["a"] == (Event(3600, 3601.48, "take 3.mov"), Event(3601.48, 3602, "dog barks"))
    assert "25 frames per second were assumed" in found.notes[0]
    assert "begins at 01:00:00:00; where the timeline does so" in found.notes[1]
    at_50 = read_edl(put("b.edl", FOREIGN.replace("001  AX", "* FRAME RATE: 50\n001  AX")))
    assert (at_50.events["b"][0].end, len(at_50.notes)) == (3601.24, 1)
    from_zero = FOREIGN.replace("001  AX", "* FRAME RATE: 25\n001  AX").replace("01:00:0", "00:00:0")
    assert read_edl(put("c.edl", from_zero)).notes == ()


@pytest.mark.parametrize(("written", "frames"), [("29.97", 30), ("23.976", 24), ("23.98", 24), ("59.94", 60)])
def test_timecode_of_ntsc_runs_slow(put, written, frames):
    edit = "001  AX V C 00:00:00:00 00:00:00:00 01:00:00:00 01:00:01:12\n* COMMENT: dog\n"
    (event,) = read_edl(put("a.edl", f"* FRAME RATE: {written}\n{edit}")).events["a"]
    assert event.start == pytest.approx(3600 * frames * 1001 / (1000 * frames), abs=1e-6)  # frames counted, each longer
    assert event.end - event.start == pytest.approx((frames + 12) * 1001 / (1000 * frames), abs=1e-6)


@pytest.mark.parametrize(
    ("comments", "label"),
    [
        ("* FROM CLIP NAME: take 3.mov\n* COMMENT: a pet\n* LOC: 01:00:00:00 RED dog", "dog"),
        ("* FROM CLIP NAME: take 3.mov\n* COMMENT: a pet", "a pet"),
        ("* LOC: 01:00:00:00 RED\n* FROM CLIP NAME: take 3.mov", "take 3.mov"),  # a marker without a name
    ],
)
def test_a_marker_names_an_edit_whatever_comes_first(put, comments, label):
    edit = "001  AX V C 00:00:00:00 00:00:01:00 01:00:00:00 01:00:01:00\n"
    assert [event.label for event in read_edl(put("a.edl", edit + comments)).events["a"]] == [label]


def test_what_is_written_is_an_edit_list(tmp_path):
    path = tmp_path / "a.edl"
    write_edl(path, EventSet({"a b.mp4": (Event(1.01, 2.5, "dog\nbarks", 0.5),)}))
    lines = path.read_text().splitlines()
    assert lines[:2] == ["TITLE: a b.mp4", "FCM: NON-DROP FRAME"]
    assert lines[4] == "001  AX       AA/V  C        00:00:01:00 00:00:02:12 00:00:01:00 00:00:02:12"
    assert lines[6] == "* LOC: 00:00:01:00 RED     dog barks"
    assert read_edl(path).events["a"] == (Event(1.01, 2.5, "dog\nbarks", 0.5),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("001  AX V C 00:00:00:00\n", "line 1: an edit is a number, a reel"),
        ("FCM: DROP FRAME\n", "line 1: drop-frame timecode is not read"),
        (FOREIGN.replace("01:00:01:12\n", "01:00:01;12\n", 1), "line 4: drop-frame timecode is not read"),
        (FOREIGN.replace("* FROM CLIP NAME: take 3.mov\n", ""), "line 4: the edit has no label"),
        (FOREIGN.replace("* FROM", "* AVTEXT: 5\n* FROM"), "line 5: must be start, end, score and label"),
        (FOREIGN.replace(" 01:00:01:12\n", " " + "9" * 400 + ":00:01:12\n", 1), "line 4: an edit is a number"),
        ("* FRAME RATE: fast\n", "line 1: the frame rate must be a number"),
        ("* FRAME RATE: 0\n", "line 1: the frame rate must be positive, got 0"),
        ("* FRAME RATE: -25\n", "line 1: the frame rate must be positive, got -25"),
    ],
)
def test_malformed_lists(put, content, message):
    with pytest.raises(ConfigError, match=message):
        read_edl(put("a.edl", content))
