"""The HTML itself, read back with a parser: data whole, texts of others inert, nothing asked of anyone."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from avtext.clip import Event
from avtext.report import Report, write_report
from avtext.report.index import IndexRow
from avtext.report.island import data_of_page, island
from avtext.report.page import SCRIPTS, write_index
from tests.report.conftest import HOSTILE, evidence, hostile_report, long_report


class Page(HTMLParser):
    """Elements with their attributes, and the text of each kind of element."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "dd":
            self.handle_data(" ")
        self._open.append(tag)
        self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}

    def values(self, name: str) -> list[str | None]:
        return [attributes[name] for _, attributes in self.elements if name in attributes]


def made(folder: Path, report: Report) -> Page:
    write_report(folder / "page.html", report)
    return Page(folder / "page.html")


def plain() -> Report:
    return Report("a.mp4", (Event(1.0, 2.0, "bell", 0.75, (0.5, 0.5, 0.0)),), 4.0, {"status": "ok"}, evidence())


def test_the_data_is_all_there(tmp_path: Path) -> None:
    page = made(tmp_path, plain())
    data = json.loads(page.texts["script"][0])
    assert data["record"] == {"schema": "avtext.events/1", "file": "a.mp4", "status": "ok", "start_time": 0.0,
                              "duration": 4.0, "events": []}  # fmt: skip
    assert data["events"] == [[1.0, 2.0, data["labels"].index("bell"), 0.75, [0.5, 0.5, 0.0]]]
    assert data["cues"] == [[0.5, 1.5, "hello"], [2.0, 3.0, "good bye"]]
    assert data["scores"] == evidence().scores.to_dict()
    assert data_of_page((tmp_path / "page.html").read_text()) == data


def test_scores_are_not_rounded_before_they_are_shown(tmp_path: Path) -> None:
    made(tmp_path, Report("a.mp4", (Event(1.0, 2.0, "bell", 0.84501),)))
    data = data_of_page((tmp_path / "page.html").read_text())
    assert data["events"][0][3] == 0.84501  # to two digits 0.85, as in tables; 0.845 is 0.84


def test_hostile_texts_are_inert_and_whole(tmp_path: Path) -> None:
    report = hostile_report()
    page, quiet = made(tmp_path, report), made(tmp_path, plain())
    assert page.tags() <= quiet.tags() | {"article", "h3", "dt", "dd"}
    assert len(page.texts["script"]) == len(quiet.texts["script"]) == 2
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.texts["h1"] == [report.file.removeprefix("dir/")]
    data = json.loads(page.texts["script"][0])
    assert sorted(data["labels"][label] for _, _, label, *_ in data["events"]) == sorted(HOSTILE)
    assert [text for _, _, text in data["cues"]] == list(HOSTILE)
    assert "49" not in page.texts["main"][0]  # no template ran


def test_a_name_with_half_a_character_still_gives_a_page(tmp_path: Path) -> None:
    page = made(tmp_path, Report("bad\udcffname.mp4", (Event(0.0, 1.0, "bell"),), 2.0))
    assert page.texts["h1"] == ["bad?name.mp4"]
    assert json.loads(page.texts["script"][0])["record"]["file"] == "bad?name.mp4"
    assert page.values("src") == ["bad%FFname.mp4"]


@pytest.mark.parametrize("text", HOSTILE)
def test_an_island_has_no_character_of_markup(text: str) -> None:
    shown = island({text: [text]})
    assert not set(shown) & set("<>&\u2028\u2029")
    assert json.loads(shown) == {text: [text]}


def test_only_the_pages_own_script_may_run_and_nothing_is_fetched(tmp_path: Path) -> None:
    page = made(tmp_path, plain())
    (policy,) = [a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    script = page.texts["script"][1]
    assert f"script-src 'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'")
    assert page.values("src") == ["a.mp4"]
    assert page.values("href") == ["#list"]
    asking = r"https?:|@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|import\("
    assert not re.search(asking, (tmp_path / "page.html").read_text())


def test_every_script_of_the_package_is_in_the_page(root: Path, tmp_path: Path) -> None:
    folder = root / "avtext" / "report" / "page"
    assert sorted(SCRIPTS) == sorted(path.stem for path in folder.glob("*.js"))
    made(tmp_path, plain())
    text = (tmp_path / "page.html").read_text()
    assert all(path.read_text() in text for path in (*folder.glob("*.js"), folder / "page.css"))


def test_ten_hours_stay_under_two_megabytes(tmp_path: Path) -> None:
    report = long_report()
    write_report(tmp_path / "page.html", report)
    size = (tmp_path / "page.html").stat().st_size
    assert size < 2_000_000, size
    assert report.evidence is not None
    assert len(report.evidence.scores.high) == 24
    assert len(next(iter(report.evidence.scores.high.values()))) > 4000


def test_what_is_wrong_with_the_file_and_how_streams_lay_is_said(tmp_path: Path) -> None:
    moved = {"clock": {"starts": [0.0, 2.0], "offsets": [0.25, 1.25], "rates": [1.0001, 1.0]}, "breaks": [[2.0, 1.0]],
             "confidence": 0.87, "abstained": False}  # fmt: skip
    unsure = {**moved, "abstained": True, "confidence": 0.1}
    details = {
        "status": "degraded",
        "modalities": ["audio", "video"],
        "alignment": {"audio": unsure, "text": moved},
        "quality": {"reasons": ["8 of 100 video frames are missing"], "frames_decoded": 92},
    }
    text = " ".join(made(tmp_path, replace(plain(), details=details)).texts["body"][0].split())
    for said in (
        "degraded", "from audio, video", "8 of 100 video frames are missing", "frames decoded 92",
        "confidence 0.87", "offset +0.250 s", "drift +100 ppm", "break at 2.0 s +1.00 s",
        "confidence 0.10", "Not sure enough to move it",
    ):  # fmt: skip
        assert said in text, said


def test_a_page_of_nothing_says_so(tmp_path: Path) -> None:
    text = made(tmp_path, Report("a.mp4", ())).texts["body"][0]
    assert "0 events" in text
    assert "One stream only, or the results do not say." in text


def test_a_list_of_pages_is_inert_too(tmp_path: Path) -> None:
    rows = [IndexRow.of(hostile_report(), "a%20b.html"), IndexRow.of(plain(), "b.html")]
    write_index(tmp_path / "index.html", rows, HOSTILE[0])
    page = Page(tmp_path / "index.html")
    assert "img" not in page.tags()
    assert len(page.texts["script"]) == 1
    assert page.values("href") == ["a%20b.html", "b.html"]
    assert page.texts["h1"] == [HOSTILE[0]]
    assert page.texts["td"][5:9] == ["a.mp4", "0:04", "1 event", ""]
    assert page.values("x")[-1] == "25.0"


def test_data_of_another_page_is_none() -> None:
    assert data_of_page("<html></html>") is None
    assert data_of_page('<script type="application/json" id="data">{</script>') is None
