"""The page in a real browser: what a person does with it works, at two widths, and no request leaves it."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from avtext.clip import Cue, Event
from avtext.formats import EventSet, read_events
from avtext.formats.csv_table import write_csv
from avtext.report import Evidence, Report, read_reports, write_report
from avtext.report.folder import write_folder
from tests.report.conftest import HOSTILE, evidence, hostile_report, long_report

WIDTHS = (390, 1280)
Open = Callable[..., Any]


@pytest.fixture
def visit(chromium: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens a page; at the end nothing was complained of and no request left the disk."""
    contexts, complaints, requests = [], [], []

    def complain(text: str, without_video: bool) -> None:
        if not (without_video and "ERR_FILE_NOT_FOUND" in text):  # the browser's own word, no page can keep it back
            complaints.append(text)

    def go(path: Path, width: int = 1280, scheme: str = "light", *, without_video: bool = False) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.set_default_timeout(120_000)  # of a machine that is busy
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complain(message.text, without_video))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        page.wait_for_selector(".lane canvas, .pages")
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.fixture(scope="session")
def events(demo: Path) -> tuple[Event, ...]:
    return read_reports(demo / "demo.events.json")[0].events


def wait_for(page: Any, condition: str) -> None:
    """Until an expression of the video ``media`` holds; playwright's own way is kept off by the page's policy."""
    for _ in range(1000):
        if page.evaluate(f"(() => {{ const media = document.getElementById('media'); return {condition}; }})()"):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never: {condition}")


def time_of(page: Any) -> float:
    """Where the video stands, once it has got there."""
    wait_for(page, "media.readyState >= 1 && !media.seeking")
    return page.evaluate("document.getElementById('media').currentTime")


def rows(page: Any) -> list[str]:
    return page.locator(".event-row .event-label").all_inner_texts()


def overflow(page: Any) -> int:
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def lane(page: Any, label: str) -> Any:
    return page.locator(".lane.label", has=page.locator("bdi", has_text=label)).locator("canvas")


def click_at(page: Any, canvas: Any, share: float) -> None:
    box = canvas.bounding_box()
    canvas.click(position={"x": share * box["width"], "y": box["height"] / 2})


# -- going to events --------------------------------------------------------------------------------------------------


def test_the_video_plays_and_a_click_on_an_event_goes_there(visit: Open, demo: Path, events: tuple[Event, ...]) -> None:
    page = visit(demo / "demo.events.html")
    wait_for(page, "media.readyState >= 1")
    assert rows(page) == [event.label for event in events]
    page.locator(".event-row").nth(3).click()
    assert time_of(page) == pytest.approx(events[3].start, abs=0.01)
    assert page.locator("#detail h2").inner_text() == events[3].label
    assert page.locator(".event-row[aria-pressed='true']").count() == 1
    page.locator("#play").click()
    wait_for(page, f"media.currentTime > {events[3].start + 0.2}")
    page.locator("#play").click()
    wait_for(page, "media.paused")


def test_a_click_on_the_timeline_goes_there(visit: Open, demo: Path, events: tuple[Event, ...]) -> None:
    page = visit(demo / "demo.events.html")
    siren = next(event for event in events if event.label == "siren")
    middle = (siren.start + siren.end) / 2
    click_at(page, lane(page, "siren"), middle / 24)
    assert time_of(page) == pytest.approx(middle, abs=0.05)
    assert page.locator("#detail h2").inner_text() == "siren"
    click_at(page, lane(page, "siren"), 0.5)  # nothing there: goes, and selects nothing
    assert time_of(page) == pytest.approx(12.0, abs=0.05)
    assert page.locator("#detail h2").count() == 0
    page.locator(".cue-row").nth(2).click()
    assert time_of(page) == pytest.approx(7.598, abs=0.01)


def test_keys_go_through_the_events_in_order(visit: Open, demo: Path, events: tuple[Event, ...]) -> None:
    page = visit(demo / "demo.events.html")
    for event in events:  # two of them begin together
        page.keyboard.press("n")
        assert page.locator("#detail h2").inner_text() == event.label
        assert time_of(page) == pytest.approx(event.start, abs=0.01)
    page.keyboard.press("n")  # there is no further one
    assert page.locator("#detail h2").inner_text() == events[-1].label
    for event in reversed(events[:-1]):
        page.keyboard.press("p")
        assert page.locator("#detail h2").inner_text() == event.label
    page.keyboard.press("Escape")
    assert page.locator("#detail h2").count() == 0
    page.keyboard.press(" ")
    wait_for(page, "!media.paused")
    page.keyboard.press(" ")
    wait_for(page, "media.paused")
    assert {"N", "P", "Space"} <= set(page.locator("footer kbd").all_inner_texts())


def test_a_focused_row_keeps_its_focus_and_its_own_keys(visit: Open, demo: Path, events: tuple[Event, ...]) -> None:
    page = visit(demo / "demo.events.html")
    page.locator(".event-row").nth(2).focus()
    page.keyboard.press("Enter")
    assert page.locator("#detail h2").inner_text() == events[2].label
    assert page.evaluate("document.activeElement.dataset.index") == "2"
    page.locator(".event-row").nth(4).focus()
    page.keyboard.press(" ")
    assert page.locator("#detail h2").inner_text() == events[4].label
    assert page.evaluate("document.getElementById('media').paused")


# -- filters, zoom and downloads --------------------------------------------------------------------------------------


def test_the_slider_and_the_labels_filter_the_events(visit: Open, demo: Path, events: tuple[Event, ...]) -> None:
    page = visit(demo / "demo.events.html")
    sure = [event.label for event in events if event.score >= 0.9]
    assert 0 < len(sure) < len(events)
    page.locator("#threshold").fill("0.9")
    assert rows(page) == sure
    assert page.locator("#threshold-value").inner_text() == "0.90"
    assert page.locator("#count").inner_text() == f"{len(sure)} of {len(events)}"
    page.locator(".lane-name[title='siren']").click()
    assert rows(page) == [label for label in sure if label != "siren"]
    page.locator("#threshold").fill("0")
    page.locator(".lane-name[title='siren']").click()
    assert rows(page) == [event.label for event in events]
    page.locator("#threshold").press("End")
    assert set(rows(page)) == {event.label for event in events if event.score >= 1}


def test_zoom_shows_a_part_and_the_next_event_comes_into_view(visit: Open, demo: Path) -> None:
    page = visit(demo / "demo.events.html")
    for _ in range(3):
        page.keyboard.press("+")
    assert page.evaluate("document.getElementById('zoom-out').disabled") is False
    click_at(page, lane(page, "engine"), 0.5)
    assert time_of(page) < 3.0
    for _ in range(7):
        page.keyboard.press("n")
    assert page.locator("#playhead").is_visible()
    page.keyboard.press("0")
    click_at(page, lane(page, "engine"), 0.5)
    assert time_of(page) == pytest.approx(12.0, abs=0.05)


def download(page: Any, kind: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.locator(f"[data-download='{kind}']").click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_downloads_are_what_is_shown_and_are_read_back(
    visit: Open, demo: Path, events: tuple[Event, ...], tmp_path: Path
) -> None:
    page = visit(demo / "demo.events.html")
    every = download(page, "json", tmp_path)
    assert every.name == "demo.events.json"
    assert json.loads(every.read_text()) == json.loads((demo / "demo.events.json").read_text())
    page.locator("#threshold").fill("0.9")
    sure = tuple(event for event in events if event.score >= 0.9)
    for kind in ("json", "csv", "vtt"):
        found = read_events(download(page, kind, tmp_path))
        assert [(e.start, e.end, e.label) for e in next(iter(found.events.values()))] == [
            (e.start, e.end, e.label) for e in sure
        ]
    assert read_events(tmp_path / "demo.events.csv").events[str(demo / "demo.mp4")] == sure


# -- looks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_screen(visit: Open, demo: Path, tmp_path: Path, width: int) -> None:
    write_report(tmp_path / "hostile.html", hostile_report())
    write_report(tmp_path / "long.html", Report("word" * 60 + ".mp4", (Event(0, 1, "label" * 60),), 2.0))
    shutil.copy(demo / "demo.events.json", tmp_path)
    list(write_folder(tmp_path, tmp_path))
    assert overflow(visit(demo / "demo.events.html", width)) <= 0
    for path in sorted(tmp_path.glob("*.html")):
        page = visit(path, width, without_video=True)
        page.keyboard.press("n")
        assert overflow(page) <= 0, path.name


def test_cues_that_overlap_are_told_apart(visit: Open, tmp_path: Path) -> None:
    shown = evidence()
    cues = (Cue(0.5, 2.0, "[bell]"), Cue(1.0, 2.5, "good bye"), Cue(2.8, 3.5, "hello"))
    said = Evidence(shown.scores, shown.gates, cues)
    write_report(tmp_path / "cues.html", Report("a.mp4", (), 4.0, {}, said))
    canvas = visit(tmp_path / "cues.html", without_video=True).locator(".lane.cues canvas")
    drawn = canvas.evaluate("c => Array.from(c.getContext('2d').getImageData(0, 7, c.width, 1).data)")[3::4]
    starts = [x for x in range(1, len(drawn)) if drawn[x] and not drawn[x - 1]]
    assert len(starts) == len(cues), "above the text, blocks are the only thing drawn"


@pytest.mark.parametrize("width", WIDTHS)
def test_the_playhead_covers_no_letter(visit: Open, demo: Path, width: int) -> None:
    page = visit(demo / "demo.events.html", width)
    ruler = page.locator(".lane.ruler canvas")
    drawn = ruler.evaluate("c => Array.from(c.getContext('2d').getImageData(0, 0, 4, c.height - 6).data)")[3::4]
    assert not any(drawn), "at the beginning, in pixels right of it"
    playhead = page.locator(".playhead").bounding_box()
    for name in page.locator(".lane-name bdi").all():
        box, right = name.bounding_box(), playhead["x"] + playhead["width"]
        assert box["x"] >= right or box["x"] + box["width"] <= playhead["x"], name.inner_text()


def contrast(first: list[float], second: list[float]) -> float:
    """The contrast ratio of WCAG between two colours of sRGB in 0 to 255."""

    def luminance(colour: list[float]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
        return math.fsum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system_and_can_be_read(visit: Open, demo: Path, scheme: str) -> None:
    page = visit(demo / "demo.events.html", 1280, scheme)

    def colour(name: str) -> list[float]:
        value = page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}').trim()")
        return [int(value[k : k + 2], 16) for k in (1, 3, 5)]

    def is_dark() -> bool:
        return sum(colour("page")) < 3 * 128

    assert is_dark() == (scheme == "dark")
    page.locator("#theme").click()
    assert is_dark() == (scheme == "light")
    for _ in range(2):
        for ground in ("page", "panel", "sunken"):
            for text in ("text", "quiet", "accent"):
                assert contrast(colour(text), colour(ground)) >= 4.5, (text, ground)
        for mark in ("audio", "video", "text-modality"):
            assert contrast(colour(mark), colour("panel")) >= 3.0, mark
        page.locator("#theme").click()


def test_everything_has_a_name_for_those_who_do_not_see_it(visit: Open, demo: Path) -> None:
    page = visit(demo / "demo.events.html")
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, input, canvas, video, section, [role=region]')].filter((e) => "
        "!(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.innerText || e.labels?.length))"
        ".map((e) => e.outerHTML)"
    )
    assert nameless == []


# -- odd pages --------------------------------------------------------------------------------------------------------


def test_hostile_texts_are_shown_and_do_nothing(visit: Open, tmp_path: Path) -> None:
    write_report(tmp_path / "page.html", hostile_report())
    page = visit(tmp_path / "page.html", without_video=True)
    for _ in HOSTILE:
        page.keyboard.press("n")
    assert page.evaluate("[window.hacked, document.images.length, document.scripts.length]") == [None, 0, 2]
    shown = page.locator(".event-row .event-label").evaluate_all("rows => rows.map((row) => row.textContent)")
    assert shown == list(HOSTILE)
    labels = [one.label for one in next(iter(read_events(download(page, "csv", tmp_path)).events.values()))]
    assert labels == [text.replace("\r", " ").replace("\x00", " ") for text in HOSTILE]
    assert len(next(iter(read_events(download(page, "vtt", tmp_path)).events.values()))) == len(HOSTILE)


def test_a_downloaded_table_has_the_cells_of_the_package(visit: Open, tmp_path: Path) -> None:
    labels = ("=1+1", " =1+1", "\t=1+1", "\u3000@a", "＝1+1", "'-1", "\u2003=1", "it's", 'a "b", c')
    told = Report("+a.mp4", tuple(Event(k, k + 1, label, 0.5) for k, label in enumerate(labels)), 10.0)
    write_report(tmp_path / "page.html", told)
    table = download(visit(tmp_path / "page.html", without_video=True), "csv", tmp_path)
    write_csv(tmp_path / "own.csv", EventSet({told.file: told.events}))
    assert table.read_text() == (tmp_path / "own.csv").read_text()


def test_without_the_video_all_else_works_and_it_can_be_chosen(
    visit: Open, demo: Path, tmp_path: Path, events: tuple[Event, ...]
) -> None:
    shutil.copy(demo / "demo.events.html", tmp_path)
    page = visit(tmp_path / "demo.events.html", without_video=True)
    page.wait_for_selector("#absent:not([hidden])")
    assert "demo.mp4" in page.locator("#absent").inner_text()
    page.keyboard.press("n")
    assert page.locator("#now").inner_text() == "0:01.16"
    page.locator("#chooser").set_input_files(demo / "demo.mp4")
    wait_for(page, "media.readyState >= 1")
    assert page.locator("#absent").is_hidden()
    page.keyboard.press("n")
    assert time_of(page) == pytest.approx(events[1].start, abs=0.01)


def test_a_video_in_the_page_plays_anywhere(visit: Open, demo: Path, tmp_path: Path, events: tuple[Event, ...]) -> None:
    (report,) = read_reports(demo / "demo.events.json")
    write_report(tmp_path / "alone.html", report, media=demo / "demo.mp4", embed=True)
    page = visit(tmp_path / "alone.html")
    wait_for(page, "media.readyState >= 1")
    page.locator(".event-row").nth(5).click()
    assert time_of(page) == pytest.approx(events[5].start, abs=0.01)


def test_ten_hours_are_in_the_page_and_few_rows_at_a_time(visit: Open, tmp_path: Path) -> None:
    report = long_report()
    write_report(tmp_path / "day.html", report)
    page = visit(tmp_path / "day.html", without_video=True)
    assert page.locator(".event-row").count() < 100
    page.evaluate("document.getElementById('list').scrollTop = 1e9")
    page.wait_for_selector(f"li[aria-posinset='{len(report.events)}']")
    page.locator(".event-row").last.click()
    assert page.locator("#now").inner_text().startswith("9:59:")
    assert page.locator(".event-row").count() < 100


def test_times_far_away_keep_the_ruler_short(visit: Open, tmp_path: Path) -> None:
    """As where seconds since 1970, in milliseconds, were taken for times in the video."""
    write_report(tmp_path / "far.html", Report("far.mp4", (Event(1.6e12, 1.7e12, "bell"),)))
    page = visit(tmp_path / "far.html", without_video=True)
    page.keyboard.press("n")
    assert page.locator("#detail h2").inner_text() == "bell"


def test_a_page_of_nothing_and_one_of_no_evidence_work(visit: Open, tmp_path: Path) -> None:
    write_report(tmp_path / "nothing.html", Report("a.wav", ()))
    page = visit(tmp_path / "nothing.html", without_video=True)
    page.keyboard.press("n")
    assert page.locator("#list").inner_text() == "No events."
    write_report(tmp_path / "bare.html", Report("a.wav", (Event(-1.0, 2.0, "before"), Event(3.0, 3.0, "instant")), 5.0))
    page = visit(tmp_path / "bare.html", without_video=True)
    for label in ("before", "instant"):
        page.keyboard.press("n")
        assert page.locator("#detail h2").inner_text() == label


def test_the_list_of_a_folder_leads_to_its_pages(visit: Open, demo: Path, tmp_path: Path) -> None:
    shutil.copy(demo / "demo.events.json", tmp_path)
    write_report(tmp_path / "x.html", Report("x.mp4", (), 1.0, {}, evidence()))
    list(write_folder(tmp_path, tmp_path))
    page = visit(tmp_path / "index.html", without_video=True)
    page.locator("a").click()
    page.wait_for_selector(".lane canvas")
    assert page.locator("h1").inner_text() == "demo.mp4"
