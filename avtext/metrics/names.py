"""Which file of the estimate is which file of the reference, where two formats name them differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from avtext.clip import Event
from avtext.metrics.columns import EventsByFile


class Aligned(NamedTuple):
    """Both sides under the reference's names.

    Args:
        reference: as given.
        estimate: renamed where it had to be.
        notes: what was renamed and what has no counterpart, in words.
        names: the reference's name of every file of the estimate that was renamed.
    """

    reference: EventsByFile
    estimate: dict[str, Sequence[Event]]
    notes: tuple[str, ...]
    names: Mapping[str, str]


def align_names(reference: EventsByFile, estimate: EventsByFile) -> Aligned:
    """Rename files of the estimate that lack a counterpart: by their name without folder and suffix.

    Where both sides have a single file, these are each other's. Files that stay without a counterpart are
    kept, noted, and count: nothing was found in the one, and all of the other is spurious.

    Example:
        >>> align_names({"clips/a.wav": []}, {"a.events": []}).estimate
        {'clips/a.wav': []}
    """
    alone = [file for file in reference if file not in estimate]
    strange = [file for file in estimate if file not in reference]
    here, there = _by_stem(alone), _by_stem(strange)
    renamed = {
        there[stem][0]: here[stem][0] for stem in there if len(there[stem]) == 1 and len(here.get(stem, ())) == 1
    }
    notes = [f"{len(renamed)} files were matched by the stem of their name"] if renamed else []
    if strange and not renamed and len(reference) == len(estimate) == 1:
        renamed = {strange[0]: alone[0]}
        notes = [f"{strange[0]} was taken for {alone[0]}: each side has one file, but their names differ"]
    found = {renamed.get(file, file): events for file, events in estimate.items()}
    notes += _missing("the reference", [file for file in found if file not in reference])
    notes += _missing("the estimate", [file for file in reference if file not in found])
    return Aligned(reference, found, tuple(notes), renamed)


def _by_stem(files: list[str]) -> dict[str, list[str]]:
    stems: dict[str, list[str]] = {}
    for file in files:
        name = PurePosixPath(file.replace("\\", "/"))
        stems.setdefault(name.stem.removesuffix(".events"), []).append(file)
    return stems


def _missing(side: str, files: list[str]) -> list[str]:
    if not files:
        return []
    shown = ", ".join(files[:3]) + (", ..." if len(files) > 3 else "")
    return [f"{len(files)} files are not in {side}: {shown}"]
