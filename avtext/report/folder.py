"""A page for every result of a folder, and one that lists them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from avtext.errors import ConfigError
from avtext.report.content import Report, read_reports
from avtext.report.index import IndexRow
from avtext.report.island import data_of_page, page_data
from avtext.report.media import find_media
from avtext.report.page import write_index, write_report

RESULTS = "*.events.json"
INDEX = "index.html"


def write_folder(results: Path, out: Path, *, embed: bool = False) -> Iterator[str | ConfigError]:
    """Publish pages of all results in ``results`` and their list; gives a line of what was done as it is done.

    A result that is malformed or tells of several videos is given as its error; the others get their pages, and the
    list is of these.

    A page that is there already and tells the same events is kept: one that ``avtext detect -f html`` wrote has
    curves that the results alone do not hold.

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
        try:
            report = _only(path)
        except ConfigError as error:
            yield error
            continue
        page = out / f"{path.name.removesuffix('.json')}.html"
        if _is_told(page, report):
            yield f"kept {page}"
        else:
            write_report(page, report, media=find_media(report.file, path.parent), embed=embed)
            yield f"wrote {page}: {len(report.events)} events"
        rows.append(IndexRow.of(report, quote(os.fsencode(page.name))))
    if rows:
        write_index(out / INDEX, rows, results.absolute().name or str(results))
        yield f"wrote {out / INDEX}: {len(rows)} files"


def _only(path: Path) -> Report:
    reports = read_reports(path)
    if len(reports) != 1:
        raise ConfigError(f"{path}: tells of {len(reports)} videos, a page shows one: write one file per video")
    return reports[0]


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
