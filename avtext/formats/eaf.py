"""ELAN (.eaf): annotations on tiers, times in milliseconds; the annotation's value is the label."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from avtext.clip import Event
from avtext.errors import ConfigError, counted
from avtext.formats.event_set import EventSet, losses, only_file, single
from avtext.formats.lanes import lanes_of
from avtext.formats.lines import check_label, check_span, event, fail, number
from avtext.storage import publish_bytes

_FORBIDDEN = "".join(map(chr, [*range(9), 11, 12, *range(13, 32), 0xFFFE, 0xFFFF]))  # not XML, or changed by it
_ROOT = {  # what ELAN and pympi insist on
    "AUTHOR": "",
    "DATE": "1970-01-01T00:00:00Z",
    "FORMAT": "3.0",
    "VERSION": "3.0",
    "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation": (
        "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
    ),
}


def read_eaf(path: Path) -> EventSet:
    """Events of all tiers; where an annotation has no value, its tier names the event.

    Annotations that refer to others instead of times, and those without times, are left aside and noted. Times are
    those of ELAN's own timeline; a medium that begins elsewhere on it is noted.

    Raises:
        ConfigError: not XML, a document type (entities are refused), times in frames, or a malformed time slot or
            annotation, which is named.
    """
    root = _parse(path)
    if root.tag != "ANNOTATION_DOCUMENT":
        raise fail(path, None, f"an ELAN file holds an ANNOTATION_DOCUMENT, got {root.tag}")
    units = next((header.get("TIME_UNITS") for header in root.iter("HEADER")), None)
    if units not in (None, "milliseconds"):
        raise fail(path, None, f"TIME_UNITS must be milliseconds, got {units!r}: save it with a newer ELAN")
    slots = {
        (name := slot.get("TIME_SLOT_ID", "")): number(path, f"time slot {name!r}", "TIME_VALUE", value) / 1000
        for slot in root.iter("TIME_SLOT")
        if (value := slot.get("TIME_VALUE")) is not None
    }
    events = []
    skipped = len(list(root.iter("REF_ANNOTATION")))
    for tier in root.iter("TIER"):
        for annotation in tier.iter("ALIGNABLE_ANNOTATION"):
            one = _event(path, tier.get("TIER_ID", ""), annotation, slots)
            skipped += one is None
            events += [one] if one else []
    notes = [f"{path}: left aside: {counted(skipped, 'annotation')} without times"] if skipped else []
    for medium in root.iter("MEDIA_DESCRIPTOR"):
        if (origin := medium.get("TIME_ORIGIN", "0")) != "0":
            url = medium.get("MEDIA_URL", "")
            notes.append(f"{path}: times are ELAN's; in {url} all is {origin} ms later (TIME_ORIGIN)")
    return single(path, events, notes=tuple(notes))


def _event(path: Path, tier: str, annotation: ET.Element, slots: Mapping[str, float]) -> Event | None:
    start, end = (slots.get(annotation.get(f"TIME_SLOT_REF{k}", "")) for k in (1, 2))
    if start is None or end is None:
        return None
    place = f"tier {tier!r}, annotation {annotation.get('ANNOTATION_ID', '')!r}"
    return event(path, place, start, end, annotation.findtext("ANNOTATION_VALUE") or tier)


def _parse(path: Path) -> ET.Element:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise fail(path, None, f"cannot be read: {error.strerror or error}") from error
    guard = expat.ParserCreate()

    def refuse(*_: object) -> NoReturn:
        raise fail(path, guard.CurrentLineNumber, "a document type is refused: entities may hide anything")

    guard.StartDoctypeDeclHandler = refuse
    try:
        guard.Parse(content, True)
        return ET.fromstring(content)
    except ConfigError:
        raise
    except (expat.ExpatError, ET.ParseError, LookupError, ValueError) as error:  # the last two: of its encoding
        raise fail(path, getattr(error, "lineno", None), f"is not XML: {error}") from error


def write_eaf(path: Path, events: EventSet) -> list[str]:
    """Publish a tier per label, and further ones where its events overlap; returns what ELAN cannot hold.

    Raises:
        ConfigError: several files, a time before 0, or a name or label with characters that XML has not.
    """
    values = only_file("eaf", path, events)
    file = check_label(path, "eaf", next(iter(events.events)), _FORBIDDEN, what="file")
    for one in values:
        check_label(path, "eaf", check_span(path, "eaf", one).label, _FORBIDDEN)
    root = ET.Element("ANNOTATION_DOCUMENT", _ROOT)
    header = ET.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    ET.SubElement(header, "MEDIA_DESCRIPTOR", MEDIA_URL=file, MIME_TYPE="unknown")
    order = ET.SubElement(root, "TIME_ORDER")
    for name, lane in lanes_of(values, lambda label: re.sub(r"\s", " ", label)).items():
        _add_tier(root, order, name, lane)
    ET.SubElement(root, "LINGUISTIC_TYPE", LINGUISTIC_TYPE_ID="events", TIME_ALIGNABLE="true")
    ET.indent(root)
    publish_bytes(path, ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
    return losses("eaf", events, holds=["silent"])


def _add_tier(root: ET.Element, order: ET.Element, name: str, lane: list[Event]) -> None:
    tier = ET.SubElement(root, "TIER", LINGUISTIC_TYPE_REF="events", TIER_ID=name)
    for one in lane:
        refs: dict[str, str] = {}
        for k, seconds in enumerate((one.start, one.end), start=1):
            slot = f"ts{len(order) + 1}"
            ET.SubElement(order, "TIME_SLOT", TIME_SLOT_ID=slot, TIME_VALUE=str(round(seconds * 1000)))
            refs[f"TIME_SLOT_REF{k}"] = slot
        holder = ET.SubElement(tier, "ANNOTATION")
        refs["ANNOTATION_ID"] = f"a{len(order) // 2}"
        annotation = ET.SubElement(holder, "ALIGNABLE_ANNOTATION", refs)
        ET.SubElement(annotation, "ANNOTATION_VALUE").text = one.label
