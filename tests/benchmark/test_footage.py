"""Fades beside PySceneDetect's: one long event does not stand for all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from avtext.benchmark import footage
from avtext.clip import Event


class _Found(list[Event]):
    file, duration = "a.mp4", 10.0


def test_an_event_counts_for_one_fade_however_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footage, "_reference_times", lambda *_: [3.0, 6.0, 9.0])
    events = [Event(0.5, 7.0, "fade"), Event(8.0, 9.0, "cut")]
    one = footage._fades(_Found(events), Path())  # type: ignore[arg-type]
    assert one.value == pytest.approx(1 / 3)
    assert one.detail.endswith("ours [(0.5, 7.0)]")
    assert footage._fades(_Found([*events, Event(5.0, 5.6, "black")]), Path()).value == pytest.approx(2 / 3)  # type: ignore[arg-type]
    assert footage._fades(_Found([]), Path()).value == 0.0  # type: ignore[arg-type]
