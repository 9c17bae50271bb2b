"""Short files of several at a time: read one after the other, encoded in groups of similar length."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from avtext.clip import Clip
from avtext.detection.grouping import groups_by_length
from avtext.detection.reading import Reading
from avtext.errors import FILE_ERRORS, AvtextError
from avtext.tags import wanted_labels

if TYPE_CHECKING:
    from avtext.detection.finder import EventFinder
    from avtext.detection.result import Result

_POOL = 8  # groups' worth of clips that wait: the more, the more alike are those of a group


class _Held(NamedTuple):
    """A file that was read whole: it is one window."""

    number: int
    reading: Reading
    clip: Clip
    place: Path | None  # where what is encoded of it is kept


def detect_together(
    finder: EventFinder, sources: Iterable[str | Path], budget: float, options: Mapping[str, Any]
) -> Generator[tuple[int, Result | AvtextError], None, None]:
    """``(index, outcome)`` of every source, as they are ready.

    Args:
        finder: which finds events.
        sources: paths.
        budget: seconds of padded video that are encoded at once.
        options: of calling the finder.
    """
    held: list[_Held] = []
    how: dict[str, Any] = {name: options.get(name) for name in ("transcript", "start", "end")}
    wanted = wanted_labels(options.get("classes"), finder.labels)
    for index, source in enumerate(sources):
        try:
            if not isinstance(source, str | os.PathLike):  # what is in memory, or a stream, goes by itself
                yield index, finder(source, **options)
                continue
            place = finder.place(source, **how)
            if (known := finder.recalled(source, place, wanted)) is not None:
                yield index, known
                continue
            found = _read(finder, index, source, budget, how, place)
            if found is None:
                yield index, finder.analysed(source, place, wanted, **how)
                continue
        except FILE_ERRORS as error:
            yield index, error
            continue
        held.append(found)
        if sum(one.clip.duration for one in held) >= _POOL * budget:
            yield from _encoded(finder, held, budget, wanted)
            held = []
    yield from _encoded(finder, held, budget, wanted)


def _read(
    finder: EventFinder, index: int, source: str | Path, budget: float, how: Mapping[str, Any], place: Path | None
) -> _Held | None:
    """A file, or a part of one, that is one window and fits the budget; None for a longer one, which is read again."""
    with ExitStack() as stack:
        reading = finder.reading(source, stack, **how)
        if reading.total is None or reading.total - (how["start"] or 0.0) > budget:
            return None
        clips = [*islice(reading.clips(), 2)]
        return _Held(index, reading, clips[0], place) if len(clips) == 1 else None


def _encoded(
    finder: EventFinder, held: Sequence[_Held], budget: float, wanted: frozenset[str]
) -> Generator[tuple[int, Result | AvtextError], None, None]:
    for group in groups_by_length([one.clip.duration for one in held], budget):
        mine = [held[place] for place in group]
        videos = [(one.reading, one.clip, one.place) for one in mine]
        try:
            found: Sequence[Result | AvtextError] = finder.found_together(videos, wanted)
        except FILE_ERRORS as error:  # the cache cannot be written
            found = [error] * len(mine)
        yield from zip((one.number for one in mine), found, strict=True)
