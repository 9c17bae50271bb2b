"""What may be wrong with manifests before hours of training go into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from avtext.clip import Cue, Event
from avtext.data.manifest import Entry, entries_and_faults
from avtext.errors import ConfigError, MediaError
from avtext.media import probe
from avtext.media.quality import MediaInfo
from avtext.media.reader import content_sha256

FEW = 10  # events of a class; with fewer in training it can hardly be learnt
LATE = 0.1  # seconds by which an event may end after its video: annotators round


@dataclass
class Inspection:
    """One manifest as it was found.

    Args:
        path: of the manifest.
        entries: the lines that can be read, each with what its video's headers say (None: no media file).
        faults: what is wrong, each with its line and a remedy.
        notes: what is allowed but worth knowing.
    """

    path: Path
    entries: list[tuple[Entry, MediaInfo | None]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, tuple[int, float, int]]:
        """Per label the number of events, their seconds, and the number of videos that have it; sorted."""
        found: dict[str, tuple[int, float, int]] = {}
        for entry, _ in self.entries:
            events = entry.events or ()
            for label in {event.label for event in events}.union(entry.present or ()):
                mine = [event.duration for event in events if event.label == label]
                number, seconds, videos = found.get(label, (0, 0.0, 0))
                found[label] = (number + len(mine), seconds + sum(mine), videos + 1)
        return dict(sorted(found.items()))

    def labels(self) -> tuple[str, ...]:
        """Every label that occurs or was looked for, sorted."""
        asked = {label for entry, _ in self.entries for label in entry.annotated or ()}
        return tuple(sorted(asked.union(self.counts())))


def inspect(
    paths: Sequence[Path],
    labels: Sequence[str] | None = None,
    hook: Callable[[int, int, str], None] | None = None,
) -> list[Inspection]:
    """Look at manifests: lines, streams, times, labels, transcripts, and content that two videos share.

    Args:
        paths: the manifests, the one to train on first.
        labels: the only labels allowed; by default every label that the first manifest has or annotates, for the
            others; all where it has none.
        hook: called as ``hook(number, count, path)`` before a video is looked at.

    Raises:
        ConfigError: a manifest cannot be read at all, or has no line.
    """
    inspections: list[Inspection] = []
    for path in paths:
        one = Inspection(path)
        found = list(entries_and_faults(path, labels))
        for number, item in enumerate(found, 1):
            if isinstance(item, ConfigError):
                one.faults.append(item.message)
                continue
            if hook is not None:
                hook(number, len(found), str(item.path))
            _look(one, item)
        if labels is None and not inspections:
            labels = one.labels() or None  # of none known nothing can be said of the others
        _count(one, labels or (), first=not inspections)
        _sum_up(one)
        inspections.append(one)
    _find_leaks(inspections)
    return inspections


def _look(one: Inspection, entry: Entry) -> None:
    """Add an entry and what is wrong with it."""
    info: MediaInfo | None = None
    cues: tuple[Cue, ...] | None = None
    try:
        info = probe(entry.path)
        cues = entry.cues()
    except MediaError as error:
        one.faults.append(f"{entry.where}: {error.message}")
    one.entries.append((entry, info))
    one.faults += [f"{entry.where}: {fault}" for fault in _bad_times(entry.events or (), info)]
    if _gives_away(cues or (), entry.events or ()):
        one.faults.append(
            f"{entry.where}: the transcript of {entry.path.name} is its labels, which the model would learn to read: "
            "keep labels in another folder than videos"
        )


def _gives_away(cues: Sequence[Cue], events: Sequence[Event]) -> bool:
    """Whether every event is written in the cues, to a tenth of a second."""
    written = {(cue.text, round(10 * cue.start) + near) for cue in cues for near in (-1, 0, 1)}
    return bool(events) and all((event.label, round(10 * event.start)) in written for event in events)


def _bad_times(events: Sequence[Event], info: MediaInfo | None) -> Iterator[str]:
    by_label: dict[str, list[Event]] = {}
    for event in sorted(events):
        by_label.setdefault(event.label, []).append(event)
    for label, mine in by_label.items():
        for before, after in pairwise(mine):
            if after.start < before.end:
                yield (
                    f"two {label!r} overlap, {before.start:g}-{before.end:g} s and {after.start:g}-{after.end:g} s: "
                    "make them one, or shorten the first"
                )
    duration = info.duration if info is not None and info.duration is not None else float("inf")
    for event in events:
        if event.end > duration + LATE or event.start >= duration:
            yield (
                f"{event.label!r} at {event.start:g}-{event.end:g} s is out of range: the video ends at "
                f"{duration:.2f} s: times are seconds from its beginning"
            )


def _count(one: Inspection, labels: Sequence[str], first: bool) -> None:
    """Classes that are absent or rare."""
    counts = one.counts()
    missing = [label for label in labels if label not in counts]
    known = {
        label: max(number, videos) for label, (number, _, videos) in counts.items()
    }  # one where times are not known
    rare = [f"{label} ({number})" for label, number in known.items() if number < FEW]
    if missing:
        one.notes.append(f"no event of: {', '.join(missing)}")
    if first and rare:
        one.notes.append(f"fewer than {FEW} events, which is little to learn from: {', '.join(rare)}")


def _sum_up(one: Inspection) -> None:
    """How many videos lack a stream, have nothing happen in them, or have not all said of them."""
    known = [(entry, info) for entry, info in one.entries if info is not None]
    lacking: Mapping[str, int] = {
        "no sound": sum(not info.has_audio for _, info in known),
        "no picture": sum(not info.has_video for _, info in known),
        "no words": sum(not info.subtitles and entry.words() is None for entry, info in known),
        "no events": sum(entry.events == () or entry.present == () for entry, _ in known),
        "not been labelled": sum(entry.events is None and entry.present is None for entry, _ in known),
        "labels without times": sum(entry.present is not None for entry, _ in known),
        "only some labels annotated": sum(entry.annotated is not None for entry, _ in known),
    }
    one.notes += [f"{count} of {len(known)} videos have {what}" for what, count in lacking.items() if count]


def _find_leaks(inspections: Sequence[Inspection]) -> None:
    """The same sound and picture twice, in whichever container: within a manifest, or in training and in testing,
    where it makes scores lies."""
    seen: dict[str, tuple[Inspection, Entry]] = {}
    for one in inspections:
        for entry, _ in one.entries:
            try:
                content = content_sha256(entry.path)
            except MediaError:  # as it was looked at, which said so
                continue
            if content in seen:
                other, first = seen[content]
                what = "the same content as" if other is one else "a leak: the same content as"
                one.faults.append(f"{entry.where}: {entry.path.name} has {what} {first.where}: remove one of them")
            seen.setdefault(content, (one, entry))
