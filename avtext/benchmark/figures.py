"""Figures: what was measured, what it was to reach, and whether it did; one JSON shape for all suites."""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from avtext.storage import publish_json

ROOT = Path(__file__).resolve().parents[2]
INSTRUCTIONS = {  # what INT8 and matrix products are fast with, best first
    "amx_int8": "AMX",
    "avx512_vnni": "AVX-512 with VNNI",
    "avx512f": "AVX-512",
    "avx_vnni": "AVX2 with VNNI",
    "avx2": "AVX2",
}


@dataclass(frozen=True)
class Figure:
    """One measured value.

    Args:
        name: ``rowNN_slug`` for a row of a table of limits, any slug otherwise.
        value: what was measured; None where it could not be, and ``detail`` says why; one that is no finite number
            misses its limit and is written as None, for JSON has none.
        unit: of the value, such as ``"s"``, ``"x"``, ``"F1"``.
        limit: what it was to reach; None for an informational figure.
        sense: whether the limit is the least or the most that is allowed.
        detail: how it was measured, other load, what it is compared with.

    Example:
        >>> Figure("row01_f1", 0.7, "F1", 0.65).met, Figure("bytes", 10, "MB", 8, "at_most").met, Figure("n", 3, "").met
        (True, False, None)
    """

    name: str
    value: float | None
    unit: str
    limit: float | None = None
    sense: Literal["at_least", "at_most"] = "at_least"
    detail: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the limit was reached; None where there is none."""
        if self.limit is None:
            return None
        if self.value is None or not math.isfinite(self.value):
            return False
        return self.value >= self.limit if self.sense == "at_least" else self.value <= self.limit

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        value = self.value if self.value is not None and math.isfinite(self.value) else None
        return {
            "name": self.name, "value": value, "unit": self.unit, "limit": self.limit,
            "sense": self.sense, "met": self.met, "detail": self.detail,
        }  # fmt: skip


def publish_figures(path: str | Path, suite: str, figures: Sequence[Figure]) -> None:
    """Write the figures of a suite with the commit, the machine and the date."""
    publish_json(
        path,
        {
            "suite": suite,
            "commit": _commit(),
            "machine": machine(),
            "date": datetime.now(UTC).date().isoformat(),
            "figures": [figure.to_dict() for figure in figures],
        },
    )


def machine() -> str:
    """Processor, what it computes with, cores and memory in words."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        model = described(info.read_text(encoding="utf-8", errors="replace")) or model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB"


def described(cpuinfo: str) -> str:
    """The first processor of Linux's list, with the best of ``INSTRUCTIONS`` that it has.

    Example:
        >>> described("model name : AMD EPYC\\nflags : fpu avx2 avx512f avx512_vnni\\n")
        'AMD EPYC (AVX-512 with VNNI)'
    """
    lines = [line.split(":", 1) for line in cpuinfo.splitlines() if ":" in line]
    values = {key.strip(): value.strip() for key, value in reversed(lines)}
    flags = set(values.get("flags", "").split())
    best = next((f" ({words})" for flag, words in INSTRUCTIONS.items() if flag in flags), "")
    return values.get("model name", "") + best


def other_load() -> str:
    """The load average of the last minute, for the detail of a timing: above 1 somebody else was busy too."""
    return f"load {os.getloadavg()[0]:.2f}"


def _commit() -> str:
    """Of the working tree that this is a part of; without its history, ``AVTEXT_COMMIT`` can say it."""
    if told := os.environ.get("AVTEXT_COMMIT"):
        return told
    if not (ROOT / ".git").exists():  # installed, perhaps below somebody else's repository
        return ""
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()


def read_figures(path: str | Path) -> dict[str, Any]:
    """What :func:`publish_figures` wrote."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def table(figures: Sequence[dict[str, Any]]) -> str:
    """Figures as a Markdown table; a missed limit is said in words."""
    lines = ["| figure | value | limit | |", "|---|---|---|---|"]
    signs = {"at_least": "≥", "at_most": "≤"}
    for figure in figures:
        value = "not measured" if figure["value"] is None else f"{figure['value']:.4g} {figure['unit']}".strip()
        limit = "" if figure["limit"] is None else f"{signs[figure['sense']]} {figure['limit']:g}"
        verdict = {True: "met", False: "**missed**", None: ""}[figure["met"]]
        lines.append(f"| {figure['name']} | {value} | {limit} | {verdict} |")
    return "\n".join(lines) + "\n"
