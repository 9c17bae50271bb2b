"""A page for every result of a folder, and one that lists them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from avtext.errors import ConfigError, counted
from avtext.report.content import Report, read_reports
from avtext.report.index import IndexRow
from avtext.report.island import data_of_page, page_data
from avtext.report.media import find_media, page_media
from avtext.report.page import write_index, write_report
from avtext.storage import publish_text

RESULTS = "*.events.json"
INDEX = "index.html"
_ADDRESS = re.compile(r'(?<= id="media" src=")[^"]*')


def write_folder(results: Path, out: Path, *, embed: bool = False) -> Iterator[str | ConfigError]:
    """Publish pages of all results in ``results`` and their list; gives a line of what was done as it is done.

    A result that is malformed, tells of several videos, or whose video cannot go into its page is given as its error;
    the others get their pages, and the list is of these.

    A page that is there already and tells the same events is kept: one that ``avtext detect -f html`` wrote has
    curves that the results alone do not hold. Only its video is put in, or looked for where it lies now.

    Args:
        results: a folder with ``NAME.events.json`` files.
        out: where ``NAME.events.html`` and ``index.html`` go.
        embed: whether videos go into the pages.

    Raises:
        ConfigError: there is no such result in the folder.
        StorageError: a page cannot be written.
    """
    paths = sorted(results.glob(RESULTS))
    if not paths:
        raise ConfigError(f"{results}: has no {RESULTS}: run avtext detect -o {results}")
    rows = []
    for path in paths:
        page = out / f"{path.name.removesuffix('.json')}.html"
        try:
            report = _only(path)
            said = _publish(page, report, find_media(report.file, path.parent), embed)
        except ConfigError as error:
            yield error
            continue
        yield said
        rows.append(IndexRow.of(report, quote(os.fsencode(page.name))))
    if rows:
        write_index(out / INDEX, rows, results.absolute().name or str(results))
        yield f"wrote {out / INDEX}: {counted(len(rows), 'file')}"


def _only(path: Path) -> Report:
    reports = read_reports(path)
    if len(reports) != 1:
        raise ConfigError(f"{path}: tells of {len(reports)} videos, a page shows one: write one file per video")
    return reports[0]


def _publish(page: Path, report: Report, media: Path, embed: bool) -> str:
    if _is_told(page, report):
        return f"kept {page}" + (", its video anew" if _video_anew(page, media, embed) else "")
    write_report(page, report, media=media, embed=embed)
    return f"wrote {page}: {counted(len(report.events), 'event')}"


def _video_anew(page: Path, media: Path, embed: bool) -> bool:
    """Whether a kept page lacked its video, which is in it now or, where it was only moved, found again."""
    html = page.read_text(encoding="utf-8", errors="replace")
    found = _ADDRESS.search(html)
    if found is None:  # a page of another version
        return False
    inside = found[0].startswith("data:")
    there = inside or (page.parent / os.fsdecode(unquote_to_bytes(found[0]))).is_file()
    if inside if embed else (there or not media.is_file()):
        return False
    publish_text(page, html[: found.start()] + page_media(media, page, embed=embed).address + html[found.end() :])
    return True


def _is_told(page: Path, report: Report) -> bool:
    """Whether a page is there that tells the same events, with the evidence if there is any."""
    if not page.is_file():
        return False
    told, new = data_of_page(page.read_text(encoding="utf-8", errors="replace")), page_data(report)
    try:
        same = told["record"] == new["record"] and _spans(told) == _spans(new)
        return same and (report.evidence is None or told["scores"] == new["scores"])
    except (TypeError, KeyError, IndexError, ValueError):  # a page of another make
        return False


def _spans(data: dict) -> list:
    """Events of page data with their labels; the places of labels differ with the curves that are there."""
    return [[start, end, data["labels"][label], *rest] for start, end, label, *rest in data["events"]]
