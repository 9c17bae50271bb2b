"""Many files, or one machine's share of them, in order, here or in worker processes."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from inspect import Parameter, signature
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from avtext.detection.result import Failure, Result
from avtext.detection.spool import Spool
from avtext.detection.together import detect_together
from avtext.detection.workers import detect_each
from avtext.errors import FILE_ERRORS, AvtextError, InvalidInput
from avtext.media.opening import shown

if TYPE_CHECKING:
    from avtext.detection.finder import EventFinder

T = TypeVar("T")
Source = str | Path


class Sharing(NamedTuple):
    """How files share the machine: ``jobs`` processes, or ``together`` seconds encoded at once; one by one without."""

    jobs: int | None = None
    together: float | None = None

    def check(self, options: Mapping[str, Any]) -> None:
        """Refuse what :meth:`avtext.detection.EventFinder.batch` says."""
        if self.jobs is not None and (not isinstance(self.jobs, Integral) or self.jobs < 1):
            raise InvalidInput(f"jobs: must be 1 or more, got {self.jobs!r}")
        if self.together is not None and not (isinstance(self.together, Real) and self.together > 0):
            raise InvalidInput(f"together: must be seconds above 0, got {self.together!r}")
        asked = {"jobs": self.jobs, "together": self.together, "hook": options.get("hook")}
        given = [name for name, value in asked.items() if value is not None]
        if len(given) > 1:
            raise InvalidInput(f"{given[0]}: does not go with {given[1]}: leave one of them out")

    def many(
        self, pipe: EventFinder, sources: Sequence[Source], options: Mapping[str, Any]
    ) -> Generator[tuple[int, Result | AvtextError], None, None] | None:
        """``(index, outcome)`` of every file, as they are ready; None where they come one by one."""
        if self.jobs is not None:
            return detect_each(pipe, sources, self.jobs, options)
        if self.together is not None:
            return detect_together(pipe, sources, self.together, options)
        return None


def part_of(sources: Sequence[T], shard: tuple[int, int] | None) -> Sequence[T]:
    """Every ``n``-th source from the ``i``-th on, for ``shard=(i, n)`` with ``i`` from 1; all without one.

    Raises:
        InvalidInput: not ``1 <= i <= n``.

    Example:
        >>> part_of("abcde", (1, 2)), part_of("abcde", (2, 2))
        ('ace', 'bd')
    """
    if shard is None:
        return sources
    number, count = shard if isinstance(shard, tuple) and len(shard) == 2 else (0, 0)
    if not (isinstance(number, Integral) and isinstance(count, Integral) and 1 <= number <= count):
        raise InvalidInput(f"shard: must be i/n with 1 <= i <= n, as the pair (1, 4), got {shard!r}")
    return sources[number - 1 :: count]


def check_options(call: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Refuse names that are no option of ``call``.

    Raises:
        InvalidInput: there is such a name.

    Example:
        >>> check_options(sorted, {"keys": len})
        Traceback (most recent call last):
        avtext.errors.InvalidInput: keys: no such option; known: key, reverse
    """
    known = [name for name, one in signature(call).parameters.items() if one.kind is Parameter.KEYWORD_ONLY]
    for name in options:
        if name not in known:
            raise InvalidInput(f"{name}: no such option; known: {', '.join(known)}")


def batch_of(
    pipe: EventFinder,
    sources: Iterable[Source],
    on_error: str,
    sharing: Sharing,
    shard: tuple[int, int] | None,
    skip: Callable[[Source], bool] | None,
    options: Mapping[str, Any],
) -> Iterator[Result | Failure]:
    """See :meth:`avtext.detection.EventFinder.batch`, which this is; what is wrong with arguments raises at once."""
    if on_error not in ("raise", "skip", "return"):
        raise InvalidInput(f"on_error: must be raise, skip or return, got {on_error!r}")
    if isinstance(sources, str | os.PathLike) or not isinstance(sources, Iterable):
        raise InvalidInput(f"sources: must be several paths, got {sources!r}: call the pipeline itself for one")
    check_options(pipe, options)  # here, for not every way passes all on
    sharing.check(options)
    wanted = [source for source in part_of([*sources], shard) if skip is None or not skip(source)]
    strange = [type(source).__name__ for source in wanted if not isinstance(source, str | os.PathLike)]
    if strange and sharing.jobs is not None:
        raise InvalidInput(f"jobs: worker processes read files by their paths, got {strange[0]}: leave jobs out")
    return _results(pipe, wanted, on_error, sharing, options)


def _results(
    pipe: EventFinder, sources: Sequence[Source], on_error: str, sharing: Sharing, options: Mapping[str, Any]
) -> Iterator[Result | Failure]:
    many = sharing.many(pipe, sources, options)
    with closing(_here(pipe, sources, options) if many is None else in_order(many)) as outcomes:
        for source, outcome in zip(sources, outcomes, strict=True):
            if isinstance(outcome, Result):
                yield outcome
            elif on_error == "raise" or not isinstance(outcome, FILE_ERRORS):
                raise outcome
            elif on_error == "return":
                yield Failure.of(shown(str(source)), outcome)


def _here(
    pipe: EventFinder, sources: Sequence[Source], options: Mapping[str, Any]
) -> Generator[Result | AvtextError, None, None]:
    for source in sources:
        try:
            yield pipe(source, **options)
        except FILE_ERRORS as error:
            yield error


def in_order(numbered: Generator[tuple[int, T], None, None]) -> Generator[T, None, None]:
    """Values by their numbers from 0, each as soon as all before it are there; early ones wait on disk, as bytes, but
    errors as they are: few, and a pickled one no longer says where it came from.

    Raises:
        StorageError: the temporary folder is full.

    Example:
        >>> list(in_order(pair for pair in [(1, "b"), (0, "a"), (2, "c")]))
        ['a', 'b', 'c']
    """
    early: dict[int, Any] = {}
    number = 0
    with closing(numbered), Spool((), np.uint8) as spool:
        for index, value in numbered:
            if index != number:
                early[index] = value if isinstance(value, Exception) else _put(value, spool)
                continue
            yield value
            number += 1
            while number in early:
                found = early.pop(number)
                yield _taken(found, spool) if isinstance(found, slice) else found
                number += 1


def _put(value: object, spool: Spool) -> slice:
    """Where the value lies in the spool, a nameless file that is written here alone."""
    first = len(spool)
    spool.append(np.frombuffer(pickle.dumps(value), np.uint8))
    return slice(first, len(spool))


def _taken(place: slice, spool: Spool) -> Any:
    return pickle.loads(spool.read(place.start, place.stop).data)
