"""Audio-visual video parsing: which events are heard, seen, and both (Tian, Li and Xu, ECCV 2020)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.metrics.columns import EventsByFile, activity_of, check_events, columns_of, labels_in, length_of
from avtext.metrics.matching import Spans, meeting_pairs, tiou
from avtext.metrics.rates import nan_mean

_OVERLAP = 0.5  # of the event-level scores


@dataclass(frozen=True)
class ParsingLevel:
    """F-scores in [0, 1], each the mean over files of the mean over the classes that occur.

    Args:
        audio: of what is heard.
        video: of what is seen.
        audio_visual: of what is heard and seen at once.
        type_at_av: the mean of these three.
        event_at_av: heard and seen events counted together, class by class.
    """

    audio: float
    video: float
    audio_visual: float
    type_at_av: float
    event_at_av: float


@dataclass(frozen=True)
class ParsingScores:
    """The five scores over segments and over events.

    Args:
        segment: each segment of each class is a decision.
        event: runs of segments are events, found where they overlap by half.
        num_files: files compared.
    """

    segment: ParsingLevel
    event: ParsingLevel
    num_files: int


@dataclass(frozen=True)
class Parsed:
    """Events by the modality in which they happen; both are file name to events."""

    audio: EventsByFile
    video: EventsByFile


def parsed_by_prefix(events: EventsByFile) -> Parsed:
    """Split events whose labels begin with ``audio:`` or ``video:``.

    Raises:
        InvalidInput: a label without either.

    Example:
        >>> parsed = parsed_by_prefix({"a.mp4": [Event(0, 2, "audio:dog"), Event(1, 2, "video:dog")]})
        >>> parsed.audio["a.mp4"][0].label
        'dog'
    """
    sides: dict[str, dict[str, list[Event]]] = {"audio": {}, "video": {}}
    for file, values in events.items():
        for side in sides.values():
            side[file] = []
        for event in values:
            modality, _, label = event.label.partition(":")
            if modality not in sides or not label:
                raise InvalidInput(f"{file}: the label {event.label!r} must begin with 'audio:' or 'video:'")
            sides[modality][file].append(Event(event.start, event.end, label, event.score))
    return Parsed(sides["audio"], sides["video"])


def audio_visual_parsing(
    reference: Parsed,
    estimate: Parsed,
    *,
    resolution: float = 1.0,
    durations: Mapping[str, float] | None = None,
) -> ParsingScores:
    """Segment- and event-level F of audio, video and audio-visual events, Type@AV and Event@AV.

    Time is cut into segments; a class is active in every segment that one of its events touches. A file in
    which a modality has nothing and nothing is found scores 1 there, as in the published evaluation.

    Args:
        reference: what is truly heard and seen.
        estimate: what was found.
        resolution: seconds of a segment, positive.
        durations: seconds of files, beyond which nothing counts; by default up to the last event.

    Raises:
        InvalidInput: a resolution not positive, or a file without a duration or of more than 31 days.

    Example:
        >>> heard, seen = {"a.mp4": [Event(0, 4, "dog")]}, {"a.mp4": [Event(2, 4, "dog")]}
        >>> scores = audio_visual_parsing(Parsed(heard, seen), Parsed(heard, heard))
        >>> scores.segment.audio, round(scores.segment.video, 3), round(scores.segment.event_at_av, 3)
        (1.0, 0.667, 0.857)
    """
    every = [reference.audio, reference.video, estimate.audio, estimate.video]
    for name, parsed in (("reference", reference), ("estimate", estimate)):
        check_events(f"{name}.audio", parsed.audio)
        check_events(f"{name}.video", parsed.video)
    if not 0 < resolution < math.inf:
        raise InvalidInput(f"resolution: must be positive seconds, got {resolution}")
    position = {name: k for k, name in enumerate(labels_in(*every))}
    files = list(dict.fromkeys(file for side in every for file in side))
    segment, event = [], []
    for file in files:
        sides = [columns_of(side.get(file, ()), position) for side in every]
        last = max(side.ends.max(initial=0.0) for side in sides)
        count = math.ceil(length_of(file, last, durations) / resolution)
        rolls = [activity_of(side, len(position), count, resolution) for side in sides]
        pairs = {"audio": (rolls[0], rolls[2]), "video": (rolls[1], rolls[3])}
        pairs["both"] = (rolls[0] & rolls[1], rolls[2] & rolls[3])
        segment.append(_file_scores({name: _segment_counts(*pair) for name, pair in pairs.items()}))
        event.append(_file_scores({name: _event_counts(*pair) for name, pair in pairs.items()}))
    return ParsingScores(_mean(segment), _mean(event), len(files))


def _segment_counts(truth: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Hits, false and missed per class, int64 ``(3, classes)``."""
    return np.stack([(truth & guess).sum(1), (~truth & guess).sum(1), (truth & ~guess).sum(1)])


def _event_counts(truth: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """The same for runs of segments: an estimate is a hit where it overlaps any true event by half."""
    (true_class, true_spans), (class_, spans) = _runs(truth), _runs(guess)
    left, right = meeting_pairs(true_spans, spans)  # classes take the place of files
    enough = tiou(true_spans, spans, (left, right)) >= _OVERLAP
    size = len(truth)
    hit = np.isin(np.arange(len(class_)), right[enough])
    missed = ~np.isin(np.arange(len(true_class)), left[enough])
    found = [class_[hit], class_[~hit], true_class[missed]]
    return np.stack([np.bincount(classes, minlength=size) for classes in found])


def _runs(roll: np.ndarray) -> tuple[np.ndarray, Spans]:
    """Runs of active segments of every class: their classes, and their spans."""
    padded = np.pad(roll.astype(np.int8), ((0, 0), (1, 1)))
    steps = np.diff(padded, axis=1)
    classes, starts = np.nonzero(steps == 1)
    _, ends = np.nonzero(steps == -1)
    return classes, Spans(classes, starts.astype(float), ends.astype(float))


def _file_scores(counts: Mapping[str, np.ndarray]) -> ParsingLevel:
    audio, video, both = (_class_mean(counts[name]) for name in ("audio", "video", "both"))
    together = _class_mean(counts["audio"] + counts["video"])
    return ParsingLevel(audio, video, both, (audio + video + both) / 3, together)


def _class_mean(counts: np.ndarray) -> float:
    """Mean F over the classes that occur; 1 where none does and none was found."""
    hits, false, missed = counts
    total = 2 * hits + false + missed
    occurs = total > 0
    return float(np.mean(2 * hits[occurs] / total[occurs])) if occurs.any() else 1.0


def _mean(levels: list[ParsingLevel]) -> ParsingLevel:
    names = [field.name for field in fields(ParsingLevel)]
    return ParsingLevel(**{name: nan_mean(getattr(level, name) for level in levels) for name in names})
