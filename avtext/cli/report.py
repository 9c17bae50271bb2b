"""``avtext report``: results as a page that shows them on a timeline."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avtext.cli.options import Debug, Verbose
from avtext.cli.tables import print_lines, say
from avtext.errors import ConfigError, counted

if TYPE_CHECKING:
    from avtext.formats import EventSet
    from avtext.report import Report


def report(
    results: Annotated[
        Path, typer.Argument(help="A file of events in any format, or a folder of *.events.json.", show_default=False)
    ],
    video: Annotated[
        Path | None, typer.Argument(help="The video; default: the file that the results name.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The page; of a folder of results, the folder for the pages.")
    ] = None,
    embed: Annotated[bool, typer.Option("--embed", help="Put the video into the page.")] = False,
    figures: Annotated[
        Path | None, typer.Option(help="Also write figures for a paper into this folder (needs the extra plot).")
    ] = None,
    truth: Annotated[Path | None, typer.Option(help="True events, for the figures.")] = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Show events on a page with the video, a timeline and the reasons; one file that needs no network.

    Example: avtext report video.events.json video.mp4 -o video.html
    """
    from avtext.cli.inputs import check_folder, read_event_file

    if results.is_dir():
        _refuse(results, {"VIDEO": video, "--figures": figures, "--truth": truth})
        _folder(results, out or results, embed)
        return
    if truth is not None and figures is None:
        raise ConfigError("--truth: is for figures: name a folder for them with --figures")
    known = None if truth is None else read_event_file(truth)
    if figures is not None:  # before the page is replaced
        from avtext.report.plots import check_plotting

        check_plotting()
        check_folder("--figures", figures)
    told = _only(results)
    page = results.with_suffix(".html") if out is None else out
    if page.is_dir() or page.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"--out: {page}: must be a file that ends in .html")
    _page(page, told, video, results, embed)
    if figures is not None:
        _figures(figures, told, known)


def _refuse(results: Path, given: dict[str, Path | None]) -> None:
    wrong = [name for name, value in given.items() if value is not None]
    if wrong:
        raise ConfigError(f"{wrong[0]}: goes with one file of results, {results} is a folder: name a file in it")


def _only(path: Path) -> Report:
    """What a file tells of the one video in it."""
    from avtext.cli.inputs import input_errors
    from avtext.report import read_reports

    with input_errors():
        found = read_reports(path)
    if len(found) != 1:
        raise ConfigError(
            f"{path}: tells of {len(found)} videos, a page shows one: write one file per video into a folder "
            "(avtext detect does) and name the folder"
        )
    return found[0]


def _page(page: Path, told: Report, video: Path | None, results: Path, embed: bool) -> None:
    from avtext.report import write_report
    from avtext.report.media import find_media

    media = find_media(told.file, results.parent) if video is None else video
    if video is not None and not video.is_file():
        raise ConfigError(f"VIDEO: {video}: there is no such file: leave it out for a page without a video")
    there = os.path.lexists(page)
    write_report(page, told, media=media, embed=embed)
    if not media.is_file():
        say(f"{media}: is not here: the page offers to choose it")
    if there:
        say(f"{page}: replaced")
    print_lines([f"wrote {page}: {counted(len(told.events), 'event')}"])


def _folder(results: Path, out: Path, embed: bool) -> None:
    from avtext.report.folder import write_folder

    failures = []
    for said in write_folder(results, out, embed=embed):
        if isinstance(said, ConfigError):
            failures.append(said.message)
        else:
            print_lines([said])
    if failures:
        say(f"{len(failures)} of the results failed:")
        for message in failures:
            say(f"  {message}")
        raise typer.Exit(1)


def _figures(folder: Path, told: Report, truth: EventSet | None) -> None:
    from avtext.report.figures import write_figures

    for path in write_figures(folder, told, truth):
        print_lines([f"wrote {path}"])
