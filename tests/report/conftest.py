from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avtext.clip import Cue, Event, Stream
from avtext.report import Evidence, Report

# Without what Chromium asks of the network by itself.
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run")  # fmt: skip
HOSTILE = (
    "</script><script>window.hacked = 1</script>",
    "\"><img src=x onerror='window.hacked = 1'>",
    "<!--<script>",
    "{{ 7 * 7 }}{% raw %}",
    "]]>&lt;b&gt;&amp;",
    "line\u2028and\u2029paragraph\r\nand more",
    "=HYPERLINK(1)",
    "\u202egnirts",
    "nul\x00and\x1b[31m",
    "javascript:window.hacked=1",
)


def evidence(steps: int = 100, rate: float = 25.0, labels: tuple[str, ...] = ("bell", "dog")) -> Evidence:
    """Curves that rise and fall and gates that differ, with two cues."""
    time = np.arange(steps)[:, None] / rate
    scores = 0.5 + 0.5 * np.sin(time * np.arange(1, len(labels) + 1))
    gates = np.tile([0.7, 0.2, 0.1], (steps, 1))
    cues = (Cue(0.5, 1.5, "hello"), Cue(2.0, 3.0, "good bye"))
    return Evidence.of(Stream(scores, rate), labels, Stream(gates, rate), cues)


def hostile_report() -> Report:
    """Every text that comes from others is an attack."""
    events = tuple(Event(float(k), k + 0.5, text, 0.5, (0.2, 0.3, 0.5)) for k, text in enumerate(HOSTILE))
    shown = evidence(labels=HOSTILE[:3])
    said = Evidence(shown.scores, shown.gates, tuple(Cue(float(k), k + 1.0, text) for k, text in enumerate(HOSTILE)))
    identity = {
        "clock": {"starts": [0], "offsets": [0], "rates": [1]},
        "breaks": [],
        "confidence": 0,
        "abstained": True,
    }
    details = {
        "status": HOSTILE[1],
        "modalities": [HOSTILE[1]],
        "alignment": {HOSTILE[0]: identity},
        "quality": {"reasons": [HOSTILE[0]], HOSTILE[1]: 3},
    }
    return Report(f"dir/{HOSTILE[1].replace('/', '')}", events, 10.0, details, said)


def long_report(hours: float = 10.0) -> Report:
    """As a day of recording might give: an event every two seconds, words every five, 24 labels."""
    chance = np.random.default_rng(0)
    seconds = round(hours * 3600)
    labels = tuple(f"label {k}" for k in range(24))
    scores = chance.random((seconds * 25, 24), dtype=np.float32)
    gates = np.full((seconds * 25, 3), 1 / 3, np.float32)
    starts = np.sort(chance.uniform(0, seconds - 3, seconds // 2))
    events = tuple(
        Event(float(s), float(s) + 1.234, labels[k % 24], 0.1234 + k % 8 / 10, (0.123, 0.456, 0.421))
        for k, s in enumerate(starts)
    )
    cues = tuple(Cue(k * 5.0, k * 5.0 + 4, f"Something that somebody says, number {k}") for k in range(seconds // 5))
    found = Evidence.of(Stream(scores, 25.0), labels, Stream(gates, 25.0), cues)
    return Report("day.mp4", events, float(seconds), {}, found)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A browser; skips only where none is installed."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    place = shutil.which("chromium") or shutil.which("chromium-browser")
    if place is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=place, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A folder with the demo and what ``avtext detect`` writes of it."""
    from avtext.pipeline import Pipeline

    folder = tmp_path_factory.mktemp("demo")
    for name in ("demo.mp4", "demo.srt"):
        shutil.copy(root / "assets" / name, folder)
    result = Pipeline.from_pretrained()(folder / "demo.mp4")
    result.to_json(folder / "demo.events.json")
    result.to_evidence(folder / "demo.evidence.json")
    result.to_html(folder / "demo.events.html")
    return folder
