"""Pages of HTML from templates: one file each, with style, script and data inside and nothing asked of a network."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from avtext.report.clocks import StreamClock
from avtext.report.content import Report
from avtext.report.index import MOST_LABELS, IndexRow
from avtext.report.island import island, page_data
from avtext.report.media import PageMedia, find_media, page_media
from avtext.report.words import clock_time, quality_rows, shown_name
from avtext.storage import publish_text

# One script, in this order; each file is an idea, and all share their names.
SCRIPTS = ("data", "time", "state", "theme", "player", "draw", "lanes", "view", "pointer", "list", "detail",
           "downloads", "keys", "main")  # fmt: skip
PLOT = (320, 64)  # pixels of the picture of a clock


def write_report(path: str | Path, report: Report, *, media: Path | None = None, embed: bool = False) -> None:
    """Publish the page of one file.

    Args:
        path: of the page.
        report: what it tells.
        media: the video; by default the file that the report names, from here or beside the page.
        embed: whether the video goes into the page; else the page refers to where it lies.

    Raises:
        ConfigError: the video is to be embedded and is missing or too large.
        StorageError: the page cannot be written.
    """
    path = Path(path)
    place = find_media(report.file, path.parent) if media is None else media
    publish_text(path, report_page(report, page_media(place, path, embed=embed)))


def report_page(report: Report, media: PageMedia) -> str:
    """The HTML of one file's page."""
    script = "\n".join(_asset(f"{name}.js") for name in SCRIPTS)
    return _render(
        "report.html.j2",
        script=script,
        report=report,
        media=media,
        data=Markup(island(page_data(report))),
        clocks=[(one, _plot(one, report.length)) for one in report.clocks],
        quality=quality_rows(report.quality),
    )


def write_index(path: str | Path, rows: Sequence[IndexRow], title: str) -> None:
    """Publish the page that lists the pages of a folder.

    Raises:
        StorageError: the page cannot be written.
    """
    publish_text(path, _render("index.html.j2", script=_asset("theme.js"), rows=rows, title=title, most=MOST_LABELS))


def _render(template: str, *, script: str, **values: Any) -> str:
    from avtext import __version__

    html = (
        _templates()
        .get_template(template)
        .render(
            style=Markup(_asset("page.css")),
            script=Markup(script),
            script_hash=_content_hash(script),
            version=__version__,
            **values,
        )
    )
    return html.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate in a file name has no UTF-8


@functools.cache
def _templates() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_asset), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(clock_time=clock_time, shown_name=shown_name)
    return environment


@functools.cache
def _asset(name: str) -> str:
    """A template, style or script of the package."""
    return (resources.files("avtext.report") / "page" / name).read_text(encoding="utf-8")


def _content_hash(script: str) -> str:
    """What a content security policy calls a script by, so that no other runs."""
    return base64.b64encode(hashlib.sha256(f"\n{script}\n".encode()).digest()).decode("ascii")


def _plot(clock: StreamClock, length: float) -> str:
    """Points of the curve of seconds moved, for an SVG of the size of ``PLOT``; 0 is in its middle."""
    width, height = PLOT
    line = clock.shift_line(length)
    largest = max(0.1, *(abs(shift) for _, shift in line))
    middle, scale = height / 2, 0.8 * height / 2 / largest
    return " ".join(f"{at / length * width:.1f},{middle - shift * scale:.1f}" for at, shift in line)
