"""``avtext detect``: events in videos."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from avtext.cli.loading import Computation, load_finder
from avtext.cli.options import Debug, Verbose, show_traceback
from avtext.cli.results import endings_of, is_done, write_results
from avtext.cli.tables import say
from avtext.errors import FILE_ERRORS, AvtextError, ConfigError, MediaError, StorageError, counted

if TYPE_CHECKING:
    from avtext.detection import EventFinder, Failure, Result
    from avtext.detection.batch import Sharing

    Numbered = tuple[int, Result | AvtextError]


# The options of the command
Files = Annotated[list[str], typer.Argument(help="Videos or audio files, folders, or @list.txt with a path per line.")]
Model = Annotated[
    str | None, typer.Option("-m", "--model", help="Model folder or hub id; default: the one in the package.")
]
Out = Annotated[Path, typer.Option("-o", "--out", help="Folder for the results.")]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "-f",
        "--format",
        help="Formats to write, as json,csv,html: any of avtext convert, html, evidence; default: json.",
    ),
]
Transcript = Annotated[Path | None, typer.Option(help="Subtitles of the (one) video: SRT, WebVTT, ASS or JSON words.")]
Threshold = Annotated[float, typer.Option(min=0.0, max=1.0, help="Leave out events with a lower score.")]
Classes = Annotated[list[str] | None, typer.Option(help="Labels to report, as speech,cut; one with a comma by itself.")]
Start = Annotated[float | None, typer.Option(min=0.0, help="Analyse from this second on.")]
End = Annotated[float | None, typer.Option(min=0.0, help="Analyse up to this second.")]
NoAlign = Annotated[bool, typer.Option("--no-align", help="Trust the file's clocks: do not look for an offset.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")]
Backend = Annotated[
    str, typer.Option(help="What computes Wav2Vec2 and SlowFast: auto, torch, onnxruntime or openvino.")
]
Int8 = Annotated[Path | None, typer.Option("--int8", help="These two in INT8, calibrated on the clips of this folder.")]
Cache = Annotated[
    Path | None,
    typer.Option("--cache", help="Keep encoder output of files up to half an hour here: the next run takes a moment."),
]
Skim = Annotated[
    bool, typer.Option("--skim", help="Decode pictures only where something is heard or read, or keyframes differ.")
]
Jobs = Annotated[int | None, typer.Option(min=1, help="Files analysed at a time, each in a process of its own.")]
Together = Annotated[
    float | None,
    typer.Option(min=0.1, help="Encode short files at once, so many seconds of them: faster, takes more memory."),
]
Shard = Annotated[str | None, typer.Option(help="i/n: every n-th file from the i-th on, for one of n machines.")]
SkipExisting = Annotated[bool, typer.Option("--skip-existing", help="Skip files whose results are there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the results as JSON lines instead of tables.")]


def detect(
    files: Files,
    model: Model = None,
    out: Out = Path(),
    formats: Formats = None,
    transcript: Transcript = None,
    threshold: Threshold = 0.0,
    classes: Classes = None,
    start: Start = None,
    end: End = None,
    no_align: NoAlign = False,
    device: Device = "auto",
    backend: Backend = "torch",
    int8: Int8 = None,
    cache: Cache = None,
    skim: Skim = False,
    jobs: Jobs = None,
    together: Together = None,
    shard: Shard = None,
    skip_existing: SkipExisting = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Find events in videos: print a table, write results.

    Example: avtext detect holiday.mp4 -o results -f json,vtt
    """
    from avtext.cli.inputs import check_folder, expand
    from avtext.cli.progress import waiting

    with waiting("loading"):
        from avtext.detection import Failure
        from avtext.detection.batch import Sharing

    paths = expand(files)
    for option, folder in (("--out", out), ("--cache", cache)):
        if folder is not None:
            check_folder(option, folder)
    options = _checked({"transcript": transcript, "start": start, "end": end}, len(paths))
    sharing = Sharing(jobs, together)
    if None not in sharing:
        raise ConfigError("--together: does not go with --jobs, whose processes take one file each: leave one out")
    endings = endings_of(",".join(formats or ["json"]))
    places = _places(paths, out, shard)
    todo = [path for path, place in places.items() if not (skip_existing and is_done(path, place, endings))]
    if skipped := len(places) - len(todo):
        say(f"{skipped} of {counted(len(places), 'file')} skipped: the results are there")
    by = Computation(device, backend, int8)
    pipe = None
    if any(map(os.path.exists, todo)):  # a model is not loaded to say that there is no such file
        with waiting("loading the model"):
            pipe = load_finder(model, by, threshold=threshold, align=not no_align, cache=cache, skim=skim)
        options["classes"] = _wanted(classes, pipe.labels)
    failures = {}
    for path, found in _detected(pipe, todo, options, sharing):
        outcome, written = _written(found, path, places[path], endings)
        _show(outcome, written, as_json)
        if isinstance(outcome, Failure):
            failures[path] = outcome
    _finish([failures[path] for path in todo if path in failures], len(todo))


def _places(paths: Sequence[Path], out: Path, shard: str | None) -> dict[Path, Path]:
    """Where the results of each file of the shard are written, less the ending."""
    from avtext.cli.inputs import result_names
    from avtext.detection.batch import part_of

    names = result_names(paths)
    part = part_of(paths, None if shard is None else _shard(shard))
    if not part:
        say(f"none of {counted(len(paths), 'file')} is in shard {shard}")
    return {path: out / names[path] for path in part}


def _checked(options: dict[str, Any], count: int) -> dict[str, Any]:
    """The options of analysing each of ``count`` files, where they go together.

    Raises:
        ConfigError: they do not.
    """
    if options["transcript"] is not None and count != 1:
        raise ConfigError(f"--transcript: goes with one video, got {count}: name subtitle files as the videos instead")
    start, end = options["start"], options["end"]
    if start is not None and end is not None and end <= start:
        raise ConfigError(f"--end: must be after --start, got {start} and {end}")
    return options


def _wanted(words: list[str] | None, known: Sequence[str]) -> list[str] | None:
    """The labels that the words of ``--classes`` name: with commas between, unless a label has one itself."""
    if not words:
        return None
    return [name for word in words for name in ([word] if word in known else map(str.strip, word.split(",")))]


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    number, count = map(int, match.groups()) if match else (0, 0)
    if not 1 <= number <= count:
        raise ConfigError(f"--shard: must be i/n with 1 <= i <= n, such as 1/4, got {text!r}")
    return number, count


def _detected(
    pipe: EventFinder | None, paths: Sequence[Path], options: dict[str, Any], sharing: Sharing
) -> Iterator[tuple[Path, Result | Failure]]:
    """What is found in each file, as it is ready; one after the other where they do not share the machine."""
    from avtext.cli.progress import progress_hook

    if pipe is None:
        yield from ((path, _failure(path, _absence(path))) for path in paths)
        return
    if (many := sharing.many(pipe, paths, options)) is not None:
        with closing(many) as found:
            for index, outcome in _watched(found, len(paths)):
                path = paths[index]
                yield path, _failure(path, outcome) if isinstance(outcome, Exception) else outcome
        return
    for path in paths:
        try:
            with progress_hook(path) as hook:
                result = pipe(path, hook=hook, **options)
        except FILE_ERRORS as error:
            yield path, _failure(path, error)
        else:
            yield path, result


def _watched(found: Iterator[Numbered], count: int) -> Iterator[Numbered]:
    """The same, and how many of ``count`` are done while a terminal waits for the next."""
    from avtext.cli.progress import waiting

    for done in range(count):
        with waiting(f"{done} of {counted(count, 'file')} done"):
            item = next(found, None)
        if item is None:
            return
        yield item


def _absence(path: Path) -> AvtextError:
    """What is wrong with a path at which there is nothing."""
    from avtext.media.opening import existing_file

    try:
        existing_file(path)
    except MediaError as error:
        return error
    return MediaError(f"{path}: has just come to be there; try again", stage="open")


def _failure(path: Path, error: AvtextError) -> Failure:
    """What ``error`` means for a file; one that is not about the file is raised.

    Raises:
        AvtextError: an option that is wrong.
    """
    from avtext.detection import Failure
    from avtext.media.opening import shown

    if not isinstance(error, FILE_ERRORS):
        raise error
    show_traceback(error)
    return Failure.of(shown(path), error)


def _written(
    found: Result | Failure, path: Path, place: Path, endings: dict[str, str]
) -> tuple[Result | Failure, list[Path]]:
    """The result and the files it was written to, or the failure; ``place`` is their path less the ending."""
    from avtext.detection import Result

    if not isinstance(found, Result):
        return found, []
    try:
        return found, write_results(found, place, endings)
    except StorageError as error:
        return _failure(path, error), []


def _show(outcome: Result | Failure, written: list[Path], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(outcome.to_dict(), allow_nan=False) + "\n")  # ASCII: any terminal can write it
    else:
        from avtext.cli.tables import print_outcome

        print_outcome(outcome, written)


def _finish(failures: list[Any], count: int) -> None:
    if not failures:
        return
    say(f"{len(failures)} of {counted(count, 'file')} failed:")
    for failure in failures:
        say(f"  {failure.message} [{failure.code}]")
    raise typer.Exit(1)
