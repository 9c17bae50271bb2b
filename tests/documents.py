"""Fenced blocks of the documents, and what a document says about how they are tested."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(r"<!-- not run: (.+) -->\s*\Z")
CHANGED = re.compile(r"<!-- in tests, (.+?) -> (.+?): (.+) -->\s*\Z")
OUTPUT = re.compile(r"\s*(<!-- output: \w+ -->)?\s*")  # what may stand between code and the output it prints


class Block(NamedTuple):
    """A fenced block.

    Args:
        line: where it begins, from 1.
        language: of the fence.
        code: as written, or shortened as ``<!-- in tests, OLD -> NEW: REASON -->`` above it says.
        runs: false under ``<!-- not run: REASON -->``.
        output: the text block right below python code: what it prints; None where there is none.
    """

    line: int
    language: str
    code: str
    runs: bool
    output: str | None


def blocks_of(path: Path) -> Iterator[Block]:
    """Every fenced block of a document, in order."""
    text = path.read_text(encoding="utf-8")
    found = list(FENCE.finditer(text))
    for k, match in enumerate(found):
        before, code = text[: match.start()], match[2]
        if change := CHANGED.search(before):
            assert change[1] in code, f"{path.name}: {change[1]!r} is not in the block below"
            code = code.replace(change[1], change[2])
        following = found[k + 1] if k + 1 < len(found) else None
        output = None
        if following and following[1] == "text" and OUTPUT.fullmatch(text[match.end() : following.start()]):
            output = following[2]
        yield Block(before.count("\n") + 1, match[1], code, not NOT_RUN.search(before), output)
