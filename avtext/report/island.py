"""Data inside a page: JSON that no HTML parser can take for markup."""

from __future__ import annotations

import json
import re
from typing import Any

from avtext.formats.json_events import file_record
from avtext.report.content import Report

_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
_ISLAND = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)


def island(value: Any) -> str:
    """``value`` as compact JSON without ``<``, ``>``, ``&``, U+2028 and U+2029; a lone surrogate becomes ``?``.

    Example:
        >>> island({"label": "</script>"})
        '{"label":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode("utf-8").translate(_ESCAPES)


def page_data(report: Report) -> dict[str, Any]:
    """What the script of a page works with.

    ``record`` is the file's record without its events, which stand in ``events`` as ``[start, end, label, score,
    shares]`` with the label's place in ``labels``: of ten hours they are most of the page.
    """
    scored = report.evidence.scores.high if report.evidence else {}
    labels = sorted({event.label for event in report.events} | set(scored))
    place = {label: k for k, label in enumerate(labels)}
    record = file_record(report.file, [], duration=report.duration, details=report.details)
    return {
        "record": record,
        "length": round(report.length, 3),
        "labels": labels,
        "events": [
            [round(one.start, 3), round(one.end, 3), place[one.label], one.score, _shares(one.shares)]
            for one in report.events
        ],
        "cues": [[round(cue.start, 3), round(cue.end, 3), cue.text] for cue in report.cues],
        "scores": report.evidence.scores.to_dict() if report.evidence else None,
        "gates": report.evidence.gates.to_dict() if report.evidence else None,
    }


def _shares(shares: tuple[float, ...] | None) -> list[float] | None:
    return None if shares is None else [round(share, 3) for share in shares]


def data_of_page(html: str) -> Any:
    """The data that a page was made with; None where it is no such page."""
    found = _ISLAND.search(html)
    try:
        return json.loads(found[1]) if found else None
    except ValueError:
        return None
