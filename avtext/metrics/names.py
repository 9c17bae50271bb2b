"""Which file of the estimate is which file of the reference, where two formats name them differently."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import NamedTuple

from avtext.clip import Event
from avtext.errors import counted
from avtext.metrics.columns import EventsByFile

Key = Callable[[str], str]  # file name to what it is compared by


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


def composed(name: str) -> str:
    """``name`` with whole letters: systems and archives write the same ö as one character or as two.

    Example:
        >>> len("o\u0308"), len(composed("o\u0308"))
        (2, 1)
    """
    return unicodedata.normalize("NFC", name)


def align_names(reference: EventsByFile, estimate: EventsByFile) -> Aligned:
    """Rename files of the estimate that lack a counterpart: by their name without folder, then without suffix, then
    without the ``v_`` that ActivityNet's files have before the names in its lists, at last with as many folders
    as tell files of one name apart.

    Where both sides have a single file, these are each other's. Files that stay without a counterpart are
    kept, noted, and count: nothing was found in the one, and all of the other is spurious.

    Example:
        >>> align_names({"clips/a.wav": []}, {"a.events": []}).estimate
        {'clips/a.wav': []}
    """
    alone = [file for file in reference if file not in estimate]
    strange = [file for file in estimate if file not in reference]
    renamed = _counterparts(alone, strange)
    notes = [f"{counted(len(renamed), 'file')} matched by name, whatever the folder and ending"] if renamed else []
    if strange and not renamed and len(reference) == len(estimate) == 1:
        renamed = {strange[0]: alone[0]}
        notes = [f"{strange[0]} was taken for {alone[0]}: each side has one file, but their names differ"]
    found = {renamed.get(file, file): events for file, events in estimate.items()}
    notes += _missing("the reference", [file for file in found if file not in reference])
    notes += _missing("the estimate", [file for file in reference if file not in found])
    return Aligned(reference, found, tuple(notes), renamed)


def _counterparts(reference: list[str], estimate: list[str]) -> dict[str, str]:
    """Files of the estimate to those of the reference, where each is the only one that may be the other.

    A name without a suffix may have a dot all the same, so it is compared as it stands before it is cut.
    """
    found: dict[str, str] = {}
    deepest = max((len(_path(file).parts) for file in (*reference, *estimate)), default=0)
    keys: list[tuple[Key, Key]] = [(_name, _name), (_stem, _name), (_name, _stem), (_stem, _stem), (_bare, _bare)]
    keys += [(key, key) for key in (partial(_place, depth=depth) for depth in range(2, deepest + 1))]
    for one, other in keys:
        taken = set(found.values())
        here = _grouped(one, (file for file in reference if file not in taken))
        there = _grouped(other, (file for file in estimate if file not in found))
        pairs = [(files, here.get(key, [])) for key, files in there.items()]
        found |= {mine[0]: true[0] for mine, true in pairs if len(mine) == len(true) == 1}
    return found


def _grouped(key: Key, files: Iterable[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for file in files:
        groups.setdefault(key(file), []).append(file)
    return groups


def _path(file: str) -> PurePosixPath:
    return PurePosixPath(composed(file).replace("\\", "/"))


def _name(file: str) -> str:
    return _path(file).name.removesuffix(".events")


def _stem(file: str) -> str:
    return _path(file).stem.removesuffix(".events")


def _bare(file: str) -> str:
    return _stem(file).removeprefix("v_")


def _place(file: str, depth: int) -> str:
    """The last ``depth`` parts of the path: from another working directory it begins elsewhere."""
    return "/".join([*_path(file).parts[:-1], _stem(file)][-depth:])


def _missing(side: str, files: list[str]) -> list[str]:
    if not files:
        return []
    shown = ", ".join(files[:3]) + (", ..." if len(files) > 3 else "")
    return [f"{counted(len(files), 'file')} not in {side}: {shown}"]
