from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats import write_events
from avtext.report import Report, read_reports, write_evidence, write_report
from avtext.report.folder import write_folder
from avtext.report.island import data_of_page
from tests.report.conftest import evidence


def results(folder: Path, name: str, *events: Event) -> Path:
    path = folder / f"{name}.events.json"
    write_events(path, {f"{name}.mp4": events}, durations={f"{name}.mp4": 10.0})
    return path


def told_first(folder: Path) -> str:
    first, _ = write_folder(folder, folder)
    return str(first)


def scores_in(page: Path) -> object:
    return data_of_page(page.read_text())["scores"]


def test_a_page_for_every_result_and_a_list_of_them(tmp_path: Path) -> None:
    results(tmp_path, "a", Event(1.0, 2.0, "bell"))
    results(tmp_path, "b #1")
    (tmp_path / "other.json").write_text("{}")
    said = list(write_folder(tmp_path, tmp_path / "pages"))
    assert sorted(path.name for path in (tmp_path / "pages").iterdir()) == [
        "a.events.html",
        "b #1.events.html",
        "index.html",
    ]
    assert said[-1] == f"wrote {tmp_path / 'pages' / 'index.html'}: 2 files"
    assert 'href="b%20%231.events.html"' in (tmp_path / "pages" / "index.html").read_text()


def test_a_page_that_tells_the_same_is_kept_for_it_may_know_more(tmp_path: Path) -> None:
    path = results(tmp_path, "a", Event(1.0, 2.0, "bell"))
    (told,) = read_reports(path)
    page = tmp_path / "a.events.html"
    write_report(page, Report(told.file, told.events, told.duration, told.details, evidence()))
    assert told_first(tmp_path) == f"kept {page}"
    assert "<li>1 file</li>" in (tmp_path / "index.html").read_text()
    assert scores_in(page) == evidence().scores.to_dict()
    results(tmp_path, "a", Event(1.0, 2.5, "bell"))
    assert told_first(tmp_path) == f"wrote {page}: 1 event"
    assert scores_in(page) is None
    write_evidence(tmp_path / "a.evidence.json", evidence())
    assert told_first(tmp_path) == f"wrote {page}: 1 event"
    assert scores_in(page) == evidence().scores.to_dict()


def test_a_kept_page_finds_its_video_again_and_takes_it_in(tmp_path: Path) -> None:
    results(tmp_path, "a", Event(1.0, 2.0, "bell"))
    page = tmp_path / "a.events.html"
    write_report(page, read_reports(tmp_path / "a.events.json")[0], media=tmp_path / "old" / "a.mp4")
    assert 'src="old/a.mp4"' in page.read_text()
    assert told_first(tmp_path) == f"kept {page}"  # it is nowhere
    (tmp_path / "a.mp4").write_bytes(b"moved")
    assert [told_first(tmp_path) for _ in range(2)] == [f"kept {page}, its video anew", f"kept {page}"]
    assert 'src="a.mp4"' in page.read_text()
    said = [str(next(write_folder(tmp_path, tmp_path, embed=embed))) for embed in (True, True, False)]
    assert said == [f"kept {page}, its video anew", f"kept {page}", f"kept {page}"]
    assert 'src="data:video/mp4;base64,bW92ZWQ="' in page.read_text()
    assert data_of_page(page.read_text())["labels"] == ["bell"]


def test_a_video_that_cannot_be_put_in_leaves_the_others_their_pages(tmp_path: Path) -> None:
    for name in ("a", "b"):
        results(tmp_path, name)
    (tmp_path / "b.mp4").write_bytes(b"here")
    first, second, last = map(str, write_folder(tmp_path, tmp_path, embed=True))
    assert first.startswith(f"embed: {tmp_path / 'a.mp4'}: cannot be read")
    assert (second, last) == (
        f"wrote {tmp_path / 'b.events.html'}: 0 events",
        f"wrote {tmp_path / 'index.html'}: 1 file",
    )


@pytest.mark.parametrize("content", ["", "<html>", '<script type="application/json" id="data">{"record": 3}</script>'])
def test_a_page_of_another_make_is_replaced(tmp_path: Path, content: str) -> None:
    results(tmp_path, "a", Event(1.0, 2.0, "bell"))
    (tmp_path / "a.events.html").write_text(content)
    assert told_first(tmp_path).startswith("wrote ")


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no \*\.events\.json: run avtext detect -o"):
        list(write_folder(tmp_path, tmp_path))


def test_a_result_that_cannot_be_shown_leaves_the_others_their_pages(tmp_path: Path) -> None:
    results(tmp_path, "a")
    results(tmp_path, "d")
    record = {"schema": "avtext.events/1", "file": "a", "events": []}
    (tmp_path / "b.events.json").write_text("{")
    (tmp_path / "c.events.json").write_text(json.dumps([record, {**record, "file": "b"}]))
    first, second, third, fourth, last = map(str, write_folder(tmp_path, tmp_path))
    assert (first, fourth) == tuple(f"wrote {tmp_path / name}.events.html: 0 events" for name in "ad")
    assert second.startswith(f"{tmp_path / 'b.events.json'}: line 1: is not JSON")
    assert "c.events.json: tells of 2 videos, a page shows one" in third
    assert last == f"wrote {tmp_path / 'index.html'}: 2 files"


def test_no_list_where_nothing_can_be_shown(tmp_path: Path) -> None:
    (tmp_path / "a.events.json").write_text("{")
    (error,) = write_folder(tmp_path, tmp_path)
    assert isinstance(error, ConfigError)
    assert not (tmp_path / "index.html").exists()


def test_a_result_whose_name_is_not_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.events.json"))
    results(tmp_path, "a").rename(path)
    assert len(list(write_folder(tmp_path, tmp_path))) == 2
    assert 'href="%FF.events.html"' in (tmp_path / "index.html").read_text()
