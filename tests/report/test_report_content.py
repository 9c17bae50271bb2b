from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from avtext.clip import Cue, Event
from avtext.errors import ConfigError
from avtext.formats import write_events
from avtext.report import Evidence, Report, read_reports, write_evidence
from avtext.report.clocks import StreamClock
from avtext.timeline import ClockMap
from tests.report.conftest import evidence

MOVED = {
    "clock": {"starts": [0.0, 4.0], "offsets": [0.5, 1.5], "rates": [1.0, 1.0]},
    "breaks": [[4.0, 1.0]],
    "confidence": 0.9,
    "abstained": False,
}


def record(**details: Any) -> dict[str, Any]:
    events = [{"start": 1.0, "end": 2.0, "label": "bell", "score": 0.5, "shares": {"audio": 1, "video": 0, "text": 0}}]
    return {"schema": "avtext.events/1", "file": "a.mp4", "duration": 10.0, "events": events, **details}


def test_results_on_disk_give_all_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.events.json"
    path.write_text(json.dumps(record(status="degraded", modalities=["audio"], alignment={"video": {}, "text": MOVED},
                                      quality={"reasons": ["bad"]})))  # fmt: skip
    (report,) = read_reports(path)
    assert report.events == (Event(1.0, 2.0, "bell", 0.5),)
    assert report.events[0].shares == (1.0, 0.0, 0.0)
    assert (report.status, report.modalities, report.quality, report.length) == (
        "degraded", ("audio",), {"reasons": ["bad"]}, 10.0,
    )  # fmt: skip
    assert [clock.name for clock in report.clocks] == ["text"]  # the video's own says nothing
    assert report.evidence is None
    assert report.cues == ()


def test_evidence_beside_joins_in_and_its_cues_are_on_the_videos_clock(tmp_path: Path) -> None:
    (tmp_path / "a.events.json").write_text(json.dumps(record(alignment={"text": MOVED})))
    write_evidence(tmp_path / "a.evidence.json", evidence())
    (report,) = read_reports(tmp_path / "a.events.json")
    assert report.evidence is not None
    assert report.cues == (Cue(1.0, 2.0, "hello"), Cue(2.5, 3.5, "good bye"))
    (tmp_path / "a.events.json").write_text(json.dumps(record(alignment={"text": {**MOVED, "abstained": True}})))
    assert read_reports(tmp_path / "a.events.json")[0].cues[0] == Cue(0.5, 1.5, "hello")


def test_any_format_of_events_will_do(tmp_path: Path) -> None:
    write_events(tmp_path / "a.csv", {"x.mp4": [Event(3.0, 4.0, "b")], "y.mp4": []})
    x, y = read_reports(tmp_path / "a.csv")
    assert (x.file, x.duration, x.length, y.events, y.length) == ("x.mp4", None, 4.0, (), 0.001)


def test_length_covers_what_there_is() -> None:
    shown = evidence()
    assert Report("a", (), None, {}, Evidence(shown.scores, shown.gates, shown.cues)).length == 3.0
    assert Report("a", (Event(1.0, 12.0, "late"),), 10.0).length == 12.0


@pytest.mark.parametrize(
    ("details", "hint"),
    [
        ({"alignment": 3}, "alignment is not as avtext.events/1 has it, got 3"),
        ({"quality": []}, "quality is not as"),
        ({"modalities": "audio"}, "modalities is not as"),
        ({"status": 3}, "status is not as"),
        ({"alignment": {"text": 3}}, "alignment: text: needs clock"),
        ({"alignment": {"text": {**MOVED, "confidence": None}}}, "alignment: text: needs clock"),
        ({"alignment": {"text": {**MOVED, "breaks": [3]}}}, "alignment: text: needs clock"),
        ({"alignment": {"text": {**MOVED, "clock": {"starts": []}}}}, "alignment: text: needs clock"),
    ],
)
def test_details_of_another_kind_are_refused(details: dict[str, Any], hint: str) -> None:
    with pytest.raises(ConfigError, match=hint):
        Report("a.mp4", (), 1.0, details)


def test_the_line_of_a_clock_jumps_at_a_break() -> None:
    clock = StreamClock.from_dict("text", MOVED)
    (start, before, after, end) = clock.shift_line(10.0)
    assert (start, after, end) == ((0.0, 0.5), (4.0, 1.5), (10.0, 1.5))
    assert before == pytest.approx((4.0, 0.5))
    assert clock.is_moved
    assert not StreamClock("text", ClockMap.shift(), 1.0, False).is_moved
