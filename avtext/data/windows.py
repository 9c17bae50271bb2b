"""Windows of clips: streams, cues and events cut at the same place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from avtext.clip import Clip, Cue, Event, Stream
from avtext.timeline import steps_to_span, steps_within


def window_of(clip: Clip, start: float, end: float) -> Clip:
    """The part of a clip that lies in ``[start, end)`` seconds, on the same clocks.

    Labels without times are not known of a part.

    Example:
        >>> import numpy as np
        >>> clip = Clip(10.0, audio=Stream(np.zeros(100), 10.0), events=(Event(2.0, 5.0, "bell"),))
        >>> part = window_of(clip, 4.0, 8.0)
        >>> part.start, part.duration, len(part.audio), part.events[0].start
        (4.0, 4.0, 40, 4.0)
    """
    streams: dict[str, Any] = {name: cut(stream, start, end) for name, stream in clip.streams.items()}
    return replace(
        clip,
        start=start,
        duration=end - start,
        cues=tuple(cue for cue in clip.cues if within(cue, start, end)),
        events=None if clip.events is None else cut_events(clip.events, start, end),
        present=None,
        name=f"{clip.name} at {start:g} s",
        **streams,
    )


def within(span: Cue | Event, start: float, end: float) -> bool:
    """Whether ``span`` overlaps ``[start, end)``; one without length lies where it starts."""
    return span.start < end and (span.end > start or span.start >= start)


def cut(stream: Stream, start: float, end: float) -> Stream:
    """The steps of ``stream`` that overlap ``[start, end)``.

    Example:
        >>> import numpy as np
        >>> piece = cut(Stream(np.arange(100), 25.0), 1.0, 2.0)
        >>> piece.start, piece.values[0].item(), len(piece)
        (1.0, 25, 25)
    """
    first, last = steps_within(start, end, stream.rate, len(stream), stream.start)
    begin, _ = steps_to_span(first, last, stream.rate, stream.start)
    return Stream(stream.values[first:last], stream.rate, begin, stream.real[first:last])


def cut_events(events: Sequence[Event], start: float, end: float) -> tuple[Event, ...]:
    """The events that overlap ``[start, end)``, cut to it."""
    inside = (event for event in events if within(event, start, end))
    return tuple(replace(event, start=max(event.start, start), end=min(event.end, end)) for event in inside)
