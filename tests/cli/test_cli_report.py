"""``avtext report`` and the formats of ``avtext detect`` that it draws from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from avtext.clip import Event
from avtext.formats import write_events
from avtext.report.island import data_of_page
from tests.cli.conftest import Run


def data(page: Path) -> Any:
    return data_of_page(page.read_text(encoding="utf-8"))


def result(folder: Path, name: str = "a", *events: Event) -> Path:
    path = folder / f"{name}.events.json"
    write_events(path, {f"{name}.mp4": events or (Event(1.0, 2.0, "bell"),)}, durations={f"{name}.mp4": 4.0})
    return path


def test_detect_writes_a_page_and_evidence(avtext: Run, here: Path, made: Path, model: Path) -> None:
    said = avtext("detect", made / "a.mp4", "-m", model, "-f", "json,html,evidence")
    assert (said.code, said.err) == (0, "")
    assert sorted(path.name for path in here.iterdir()) == ["a.events.html", "a.events.json", "a.evidence.json"]
    told, kept = data(here / "a.events.html"), json.loads((here / "a.evidence.json").read_text())
    document = json.loads((here / "a.events.json").read_text())
    assert told["record"] == {**document, "events": []}
    assert [event[:2] for event in told["events"]] == [[e["start"], e["end"]] for e in document["events"]]
    assert told["scores"] == kept["scores"]
    assert told["scores"]["curves"]
    assert set(told["gates"]["curves"]) == {"audio", "video", "text"}
    assert [text for _, _, text in told["cues"]] == ["[dog barks]", "hello"]


def test_a_report_from_disk_is_the_one_that_detect_writes(avtext: Run, here: Path, made: Path, model: Path) -> None:
    assert avtext("detect", made / "a.mp4", "-m", model, "-f", "json,html,evidence").code == 0
    direct = (here / "a.events.html").read_text()
    said = avtext("report", "a.events.json")
    assert said.code == 0
    assert said.err == "a.events.html: replaced\n"
    assert said.out.startswith("wrote a.events.html: ")
    assert (here / "a.events.html").read_text() == direct


def test_without_evidence_the_page_has_what_the_results_have(avtext: Run, here: Path, made: Path) -> None:
    result(here)
    said = avtext("report", "a.events.json", made / "b.mp4", "-o", "pages/x.html")
    assert (said.code, said.out, said.err) == (0, "wrote pages/x.html: 1 event\n", "")
    told = data(here / "pages" / "x.html")
    assert (told["scores"], told["gates"], told["cues"], told["length"]) == (None, None, [], 4.0)


def test_a_video_that_is_not_there_is_said(avtext: Run, here: Path) -> None:
    result(here)
    said = avtext("report", "a.events.json")
    assert (said.code, said.err) == (0, "a.mp4: is not here: the page offers to choose it\n")


def test_the_video_goes_into_the_page(avtext: Run, here: Path, made: Path) -> None:
    result(here)
    assert avtext("report", "a.events.json", made / "b.mp4", "--embed").code == 0
    assert "data:video/mp4;base64," in (here / "a.events.html").read_text()


def test_a_folder_gets_pages_and_a_list(avtext: Run, here: Path) -> None:
    result(here, "a")
    result(here, "b")
    said = avtext("report", ".", "-o", "site")
    assert said.code == 0
    assert said.out.splitlines()[-1] == "wrote site/index.html: 2 files"
    assert sorted(path.name for path in (here / "site").iterdir()) == ["a.events.html", "b.events.html", "index.html"]
    assert avtext("report", ".", "-o", "site").out.startswith("kept site/a.events.html\n")


def test_a_bad_result_is_listed_at_the_end_and_the_others_are_done(avtext: Run, here: Path) -> None:
    result(here, "a")
    (here / "b.events.json").write_text("{")
    result(here, "c")
    said = avtext("report", ".")
    assert said.code == 1
    assert said.out.splitlines()[-1] == "wrote index.html: 2 files"
    assert said.err.splitlines()[0] == "1 of the results failed:"
    assert said.err.splitlines()[1].startswith("  b.events.json: line 1: is not JSON")
    assert sorted(here.glob("*.html")) == [here / f"{name}.html" for name in ("a.events", "c.events", "index")]


def test_figures_for_a_paper(avtext: Run, here: Path) -> None:
    pytest.importorskip("matplotlib", reason='matplotlib is not installed: pip install "avtext[plot]"')
    result(here)
    write_events(here / "truth.csv", {"a.wav": [Event(1.1, 2.0, "bell")]})
    said = avtext("report", "a.events.json", "--figures", "figures", "--truth", "truth.csv")
    assert said.code == 0
    names = [f"{name}.{ending}" for name in ("reliability", "timeline") for ending in ("pdf", "png")]
    assert sorted(path.name for path in (here / "figures").iterdir()) == names


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["none.json"], 1, "none.json: there is no such file"),
        (["bad.json"], 1, "bad.json: line 1: is not JSON"),
        (["odd.events.json"], 1, "odd.mp4: quality is not as avtext.events/1 has it, got 3"),
        (["two.csv"], 2, "two.csv: tells of 2 videos, a page shows one"),
        (["a.events.json", "none.mp4"], 2, "VIDEO: none.mp4: there is no such file"),
        (["a.events.json", "-o", "page.pdf"], 2, "--out: page.pdf: must be a file that ends in .html"),
        (["a.events.json", "-o", "empty"], 2, "--out: empty: must be a file that ends in .html"),
        (["a.events.json", "--embed"], 2, "avtext: embed: a.mp4: cannot be read (No such file or directory)"),
        (["a.events.json", "--truth", "two.csv"], 2, "--truth: is for figures: name a folder for them with --figures"),
        (["a.events.json", "--figures", "two.csv"], 2, "--figures: two.csv: cannot be written: choose another folder"),
        (["a.events.json", "--figures", "f", "--truth", "bad.json"], 1, "bad.json: line 1: is not JSON"),
        (["empty"], 2, "empty: has no *.events.json: run avtext detect -o empty"),
        (["empty", "a.mp4"], 2, "VIDEO: goes with one file of results, empty is a folder"),
    ],
)
def test_what_is_wrong_is_one_line(avtext: Run, here: Path, words: list[str], code: int, hint: str) -> None:
    result(here)
    (here / "empty").mkdir()
    (here / "bad.json").write_text("{")
    odd = {"schema": "avtext.events/1", "file": "odd.mp4", "events": [], "quality": 3}
    (here / "odd.events.json").write_text(json.dumps(odd))
    write_events(here / "two.csv", {"a": [], "b": []})
    before = sorted(here.rglob("*"))
    said = avtext("report", *words)
    assert (said.code, said.out) == (code, "")
    assert hint in said.err
    assert said.err.count("\n") == 1
    assert sorted(here.rglob("*")) == before
