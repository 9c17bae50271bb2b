"""Files of events: one format per file, all of them in the dict :data:`FORMATS`."""

from avtext.formats.event_set import EventSet
from avtext.formats.registry import FORMATS, Format, detect_format, read_events, write_events

__all__ = ["FORMATS", "EventSet", "Format", "detect_format", "read_events", "write_events"]
