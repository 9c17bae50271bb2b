"""Row 8: hostile strings as labels, names and subtitles in every output: what comes back is text and nothing else."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import logging
from collections.abc import Callable
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from avtext.benchmark.figures import Figure
from avtext.cli.tables import print_outcome
from avtext.clip import Event
from avtext.errors import AvtextError
from avtext.formats import read_events, write_events
from avtext.media import find_cues, read_cues
from avtext.media.captions import plain_text
from avtext.pipeline import Failure, Result
from tests.robustness.trial import command, none, tried

MARK = "owned"  # what a script would do that ran
_SCRIPTS = (
    "<script>owned()</script>", "</script><script>owned()</script>", "<img src=x onerror=owned()>", "<svg onload=owned()>",
    "<svg/onload=owned()//", "\"><script>owned()</script>", "' onmouseover='owned()", "\" autofocus onfocus=\"owned()",
    "javascript:owned()", "<a href='javascript:owned()'>x</a>", "<iframe srcdoc='<script>owned()</script>'>",
    "<!--", "-->", "<!--<script>", "]]>", "<![CDATA[", "</title><script>owned()</script>", "</style><script>owned()</script>",
    "</textarea><script>owned()</script>", "<math><mtext></p><style><img src onerror=owned()>", "{{7*7}}", "{% raw %}",
    "${owned()}", "#{owned()}", "`owned()`", "\\u003cscript\\u003eowned()", "&lt;script&gt;owned()&lt;/script&gt;",
    "&#60;script&#62;", "<base href=//127.0.0.1>", "<meta http-equiv=refresh content=0>", "<link rel=import href=x>",
    "\u2028owned()\u2029", "';owned();//", "\\';owned();//", "*/owned()/*", "%3Cscript%3Eowned()", "+ADw-script+AD4-",
)  # fmt: skip
_CELLS = (
    "=1+1", "+1+1", "-1+1", "@SUM(1)", "=cmd|' /C calc'!A0", "=HYPERLINK(\"http://127.0.0.1\")", " =1+1", "\t=1+1", "'=1+1",
    "''=1+1", "＝1+1", "＋1", "－1", "＠x", "\ufeff=1+1", "\u00a0=1+1", "a,b\n=1+1", "\"=1+1", "a\";=1+1;\"", "\n=1+1", "=",
)  # fmt: skip
_LINES = (
    "\x1b[2J\x1b[31mred", "\x1b]0;title\x07", "\x1b]8;;http://127.0.0.1\x1b\\x", "\x9b31m", "\r\nERROR forged line", "a\rb", "\x08\x08",
    "\u202egnp.exe", "\u2066x\u2069", "\x00", "[red]x[/red]", "[link=http://127.0.0.1]x", "%s%n%x",
    "\n\n2\n00:00:09,000 --> 00:00:10,000\nforged", "a --> b", "WEBVTT\n\nNOTE", "<v Roger>x", "{\\an8}x", "\ud800", "x" * 5000,
)  # fmt: skip
STRINGS = (*_SCRIPTS, *_CELLS, *_LINES)


def run(full: bool, folder: Path) -> list[Figure]:
    """Every string in every output; in the short form every third, and in the browser in the full form only."""
    strings = STRINGS if full else STRINGS[::3]
    figures = [tried("row08a", len(strings), 70, "strings")]
    for letter, (kind, check) in zip("bcdefgh", CHECKS.items(), strict=True):
        if kind == "html" and find_spec("avtext.report") is None:
            return [
                *figures,
                Figure("row08h_html_not_inert", None, "", detail="not measured: there is no avtext.report"),
            ]
        faults = []
        for number, text in enumerate(strings):
            place = folder / f"{kind} {number}"
            place.mkdir()
            faults += [f"{text[:40]!r}: {what}" for what in _caught(check, text, place)]
        figures.append(none(f"row08{letter}_{kind}_not_inert", faults, len(strings)))
    if full:
        figures.append(none("row08i_ran_in_a_browser", _in_browser(strings, folder), len(strings)))
    return figures


def _caught(check: Callable[[str, Path], list[str]], text: str, place: Path) -> list[str]:
    """Faults; a refusal with a typed error is none."""
    try:
        return check(text, place)
    except AvtextError:
        return []
    except Exception as error:  # the very thing that is looked for
        return [f"{type(error).__name__}: {str(error)[:100]}"]


def _round_trip(text: str, path: Path) -> list[str]:
    write_events(path, {"a.mp4": [Event(0.0, 1.0, text), Event(2.0, 3.0, "bell")]}, durations={"a.mp4": 3.0})
    labels = [event.label for events in read_events(path).events.values() for event in events]
    return [] if labels == [text, "bell"] else [f"came back as {labels!r}"[:200]]


def _table(text: str, place: Path) -> list[str]:
    faults = _round_trip(text, place / "a.csv")
    with (place / "a.csv").open(newline="", encoding="utf-8") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    return faults + [
        f"a formula: {cell!r}" for cell in cells if cell.strip("\ufeff\u00a0 \t\r\n").startswith(tuple("=+-@＝＋－＠"))
    ]


def _subtitles(text: str, place: Path) -> list[str]:
    """Written as subtitles; and read as ones that somebody made, where nothing but plain text may remain."""
    read = plain_text(text)
    faults = ["control characters in a cue"] * any(not (c.isprintable() or c in "\n\t\u00a0") for c in read)
    return faults + _round_trip(text, place / "a.srt")


def _captions(text: str, place: Path) -> list[str]:
    return _round_trip(text, place / "a.vtt")


def _record(text: str, place: Path) -> list[str]:
    faults = _round_trip(text, place / "a.json")
    line = json.dumps(Result("a.mp4", events=(Event(0.0, 1.0, text),)).to_dict(), ensure_ascii=False, allow_nan=False)
    return faults + ["more than one line of JSON"] * ("\n" in line)


def _log(text: str, place: Path) -> list[str]:
    """A subtitle file of that name whose only cue is broken, and which is warned of."""
    name = text.replace("/", "_").replace("\0", "")[:60]
    path = place / f"{name}.srt"
    try:
        path.write_text("1\n00:00:02,000 --> 00:00:01,000\nx\n")
    except (OSError, UnicodeEncodeError):
        return []  # no file can have this name
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    logger = logging.getLogger("avtext")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        read_cues(find_cues(path.with_suffix(".mp4")) or path)
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
    return _plain(said.getvalue(), 1)


def _terminal(text: str, place: Path) -> list[str]:
    said = io.StringIO()
    label = text.replace("\ud800", "")
    with contextlib.redirect_stdout(said):
        print_outcome(Result(text, duration=1.0, events=(Event(0.0, 1.0, label or "x"),)), [Path(text)])
        print_outcome(Failure(text, "CORRUPT", "decode", f"{text}: broken"), [])
    return [fault for fault in _plain(said.getvalue(), None) if fault]


def _plain(said: str, lines: int | None) -> list[str]:
    """Characters that a terminal would obey, and lines that nobody wrote."""
    obeyed = sorted({character for character in said if not (character.isprintable() or character == "\n")})
    faults = [f"control characters {obeyed!r}"] if obeyed else []
    return faults + ([f"{said.count(chr(10))} lines"] if lines is not None and said.count("\n") != lines else [])


class _Structure(HTMLParser):
    """Elements and their attributes' names, in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[tuple[str, ...]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, *(name for name, _ in attrs)))


def _page(text: str, place: Path) -> list[str]:
    """A page with the string has the very elements of a page with a harmless one."""
    from avtext.report import Report, write_report

    structures = []
    for name, label in (("harmless", "bell"), ("hostile", text)):
        write_report(place / f"{name}.html", Report(label, (Event(0.0, 1.0, label, 0.5),), 2.0))
        structure = _Structure()
        structure.feed((place / f"{name}.html").read_text(encoding="utf-8"))
        structures.append(structure.seen)
    return [] if structures[0] == structures[1] else ["other elements than a harmless page"]


def _in_browser(strings: tuple[str, ...], folder: Path) -> list[str]:
    """What the pages did when they were opened in Chromium: scripts of the strings, dialogs, requests."""
    from playwright.sync_api import sync_playwright

    done: list[str] = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        page.add_init_script(f"window.{MARK} = () => {{ window.ran = true }}")
        page.on("dialog", lambda dialog: done.append("a dialog"))
        page.on(
            "request", lambda request: done.extend([request.url] * (not request.url.startswith(("file:", "data:"))))
        )
        for path in sorted(folder.glob("html */hostile.html")):
            page.goto(path.as_uri())
            if page.evaluate("window.ran === true"):
                done.append(path.parent.name)
        browser.close()
    return done


def _chromium() -> str | None:
    """The system's Chromium where there is one; else the driver's own."""
    return which("chromium") or which("chromium-browser")


CHECKS: dict[str, Callable[[str, Path], list[str]]] = {
    "table": _table,
    "srt": _subtitles,
    "vtt": _captions,
    "json": _record,
    "log": _log,
    "terminal": _terminal,
    "html": _page,
}


if __name__ == "__main__":
    command(run)
