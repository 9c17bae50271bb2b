"""ELAN files, against pympi, which reads and writes them independently; and hostile XML."""

from __future__ import annotations

import pytest
from pympi.Elan import Eaf

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats.eaf import read_eaf, write_eaf
from avtext.formats.event_set import EventSet

EVENTS = (Event(0.5, 1.25, "dog"), Event(1.0, 2.0, "dog"), Event(3.0, 4.5, "a & <b>"))


def test_pympi_reads_what_is_written(tmp_path):
    path = tmp_path / "clip.eaf"
    write_eaf(path, EventSet({"clip.mp4": EVENTS}))
    file = Eaf(str(path))
    assert set(file.get_tier_names()) == {"dog", "dog (2)", "a & <b>"}
    assert file.get_annotation_data_for_tier("dog") == [(500, 1250, "dog")]
    assert file.get_annotation_data_for_tier("dog (2)") == [(1000, 2000, "dog")]


def test_labels_that_differ_by_their_blanks_have_tiers_of_their_own(tmp_path):
    path = tmp_path / "clip.eaf"
    events = (Event(0.0, 1.0, "a b"), Event(0.0, 1.0, "a\nb"), Event(1.0, 2.0, "a\tb"), Event(2.0, 3.0, "a b (2)"))
    write_eaf(path, EventSet({"clip.mp4": events}))
    file = Eaf(str(path))
    assert len(set(file.get_tier_names())) == 4
    found = [one for tier in file.get_tier_names() for one in file.get_annotation_data_for_tier(tier)]
    assert sorted(label for _, _, label in found) == sorted(event.label for event in events)


def test_what_pympi_writes_is_read(tmp_path):
    path = tmp_path / "clip.eaf"
    file = Eaf()
    file.add_tier("speech")
    file.add_annotation("speech", 500, 1250, "hello")
    file.add_annotation("speech", 2000, 2100, "")
    file.to_file(str(path))
    found = read_eaf(path)
    assert set(found.events["clip"]) == {Event(0.5, 1.25, "hello"), Event(2.0, 2.1, "speech")}


def test_a_medium_that_begins_elsewhere_on_the_timeline_is_noted(tmp_path):
    path = tmp_path / "clip.eaf"
    file = Eaf()
    file.add_tier("speech")
    file.add_annotation("speech", 500, 1250, "hello")
    file.add_linked_file("file:///camera.mp4", mimetype="video/mp4", time_origin=5000)
    file.add_linked_file("file:///sound.wav", mimetype="audio/x-wav")
    file.to_file(str(path))
    found = read_eaf(path)
    assert found.events["clip"] == (Event(0.5, 1.25, "hello"),)
    assert found.notes == (f"{path}: times are ELAN's; in file:///camera.mp4 all is 5000 ms later (TIME_ORIGIN)",)


BOMB = """<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<ANNOTATION_DOCUMENT>&b;</ANNOTATION_DOCUMENT>"""
SLOTS = '<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="t1" TIME_VALUE="{}"/><TIME_SLOT TIME_SLOT_ID="t2"/></TIME_ORDER>'
TIER = (
    '<TIER TIER_ID="x"><ANNOTATION><ALIGNABLE_ANNOTATION TIME_SLOT_REF1="t1" TIME_SLOT_REF2="t2"/>'
    '</ANNOTATION><ANNOTATION><REF_ANNOTATION ANNOTATION_REF="a"/></ANNOTATION></TIER>'
)

BACKWARDS = (
    '<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="t0" TIME_VALUE="0"/></TIME_ORDER><TIER TIER_ID="x"><ANNOTATION>'
    '<ALIGNABLE_ANNOTATION ANNOTATION_ID="a7" TIME_SLOT_REF1="t1" TIME_SLOT_REF2="t0"/></ANNOTATION></TIER>'
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BOMB, "line 2: a document type is refused"),
        (BOMB.encode("utf-16"), "line 2: a document type is refused"),
        ("<ANNOTATION_DOCUMENT>\n<TIER>", "line 2: is not XML"),
        ("", "line 1: is not XML"),
        ('<?xml version="1.0" encoding="foo"?><a/>', "is not XML: unknown encoding: foo"),
        ('<?xml version="1.0" encoding="gbk"?><a/>', "is not XML: multi-byte encodings are not supported"),
        (
            '<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="PAL-frames"/></ANNOTATION_DOCUMENT>',
            "TIME_UNITS must be milliseconds, got 'PAL-frames'",
        ),
        ("<html/>", "an ELAN file holds an ANNOTATION_DOCUMENT, got html"),
        (
            f"<ANNOTATION_DOCUMENT>{SLOTS.format('soon')}</ANNOTATION_DOCUMENT>",
            "time slot 't1': TIME_VALUE must be a number",
        ),
        (
            f"<ANNOTATION_DOCUMENT>{SLOTS.format('5')}{BACKWARDS}</ANNOTATION_DOCUMENT>",
            "a.eaf: tier 'x', annotation 'a7': .*end must not be before start",
        ),
    ],
)
def test_refused_files(put, content, message):
    with pytest.raises(ConfigError, match=message):
        read_eaf(put("a.eaf", content))


def test_annotations_without_times_are_noted(put):
    found = read_eaf(put("a.eaf", f"<ANNOTATION_DOCUMENT>{SLOTS.format('5')}{TIER}</ANNOTATION_DOCUMENT>"))
    assert found.events == {"a": ()}
    assert "left aside: 2 annotations without times" in found.notes[0]


def test_characters_that_xml_has_not_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"eaf cannot hold the label 'a\\x00'"):
        write_eaf(tmp_path / "a.eaf", EventSet({"a": (Event(0, 1, "a\x00"),)}))
    with pytest.raises(ConfigError, match=r"eaf cannot hold the file 'a\\x01.mp4' .* rename the file"):
        write_eaf(tmp_path / "a.eaf", EventSet({"a\x01.mp4": (Event(0, 1, "a"),)}))
    assert list(tmp_path.iterdir()) == []
