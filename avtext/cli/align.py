"""``avtext align``: the clocks of a video's sound and subtitles."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from avtext.cli.loading import Computation, load_finder
from avtext.cli.options import Debug, Verbose
from avtext.errors import ConfigError, counted

if TYPE_CHECKING:
    from avtext.clip import Cue


def align(
    video: Annotated[Path, typer.Argument(help="The video.")],
    subtitles: Annotated[
        Path | None,
        typer.Argument(help="SRT, WebVTT, ASS or JSON words; default: beside or inside the video."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Write corrected subtitles here: SRT, WebVTT, or the format that they have."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("-m", "--model", help="Model folder or hub id; default: the one in the package.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Measure how far sound and subtitles are off the picture.

    Offset (the seconds to add to a stream's times), drift and breaks of each, with a confidence; the subtitles can be
    written on the video's clock.

    Example: avtext align film.mkv film.srt -o film.fixed.srt
    """
    from avtext.cli.progress import progress_hook, waiting
    from avtext.media.cues import find_cues, read_cues
    from avtext.media.opening import shown

    subtitles = find_cues(video) if subtitles is None else subtitles
    if out is not None:
        _check_out(out, subtitles)
    given = None if subtitles is None else read_cues(subtitles)
    if out is not None and given == ():
        raise ConfigError(f"{subtitles}: has no cue to correct: name another subtitle file")
    with waiting("loading the model"):
        pipe = load_finder(model, Computation())
    cues = pipe.cues_of(video) if given is None else given
    if out is not None and not cues:
        raise ConfigError(f"{video}: has no subtitles to correct: name a subtitle file")
    with progress_hook(video) as hook:
        found = pipe.clocks(video, cues, hook)
    if as_json:
        sys.stdout.write(json.dumps({"file": shown(video), "alignment": found}, indent=1) + "\n")
    else:
        sys.stdout.write(
            "".join(_line(name, value) for name, value in found.items()) or "nothing to align: one stream only\n"
        )
    if out is not None:
        _write(out, subtitles, cues, found, sys.stderr if as_json else sys.stdout)


def _check_out(out: Path, subtitles: Path | None) -> None:
    from avtext.cli.inputs import check_file
    from avtext.media.cue_writing import HEADS
    from avtext.media.cues import READERS

    own = [kind for kind in READERS if subtitles is not None and kind == subtitles.suffix.lower()]
    kinds = list(dict.fromkeys([*HEADS, *own]))
    if out.suffix.lower() not in kinds:
        raise ConfigError(f"--out: {out}: corrected subtitles are written as {' or '.join(kinds)}")
    check_file("--out", out)


def _write(out: Path, subtitles: Path | None, cues: Sequence[Cue], found: Mapping[str, Any], to: TextIO) -> None:
    """Publish the cues on the video's clock, and say so."""
    from avtext.alignment import retime
    from avtext.cli.tables import print_lines
    from avtext.media.cue_writing import rewrite_cues, write_cues
    from avtext.timeline import ClockMap

    clock = ClockMap.from_dict(found["text"]["clock"]) if "text" in found else ClockMap.shift()
    there = os.path.lexists(out)
    if subtitles is not None and out.suffix.lower() == subtitles.suffix.lower():
        written, left = rewrite_cues(subtitles, out, lambda cue: next(iter(retime([cue], clock)), None))
    else:
        moved = retime(cues, clock)
        write_cues(out, moved)
        written, left = len(moved), len(cues) - len(moved)
    print_lines([f"{out}: replaced"] * there, sys.stderr)
    note = f", without {left} of {counted(written + left, 'cue')}, which have no place in the video" if left else ""
    print_lines([f"wrote {out}{note}"], to)


def _line(name: str, value: Mapping[str, Any]) -> str:
    if value["abstained"]:
        return f"{name}: not sure enough (confidence {value['confidence']:.2f}): left as it is\n"
    breaks = ", ".join(f"{jump:+.2f} s at {at:.1f} s" for at, jump in value["breaks"]) or "none"
    return (
        f"{name}: offset {value['offset']:+.3f} s, drift {value['drift_ppm']:+.1f} ppm, breaks: {breaks}, "
        f"confidence {value['confidence']:.2f}\n"
    )
