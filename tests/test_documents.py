"""Every block of code in README and docs runs, in order, as a reader would run it, and prints what stands below it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from yaml import safe_load

from tests.conftest import ROOT
from tests.documents import Block, blocks_of

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NUMBER = re.compile(r"-?\d+\.\d+")
LINK = re.compile(r"\]\(([^)#:]+)\)")


@pytest.fixture
def clone(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: what a clone has, written into without harm."""
    for name in ("assets", "configs", "docs", "scripts"):
        (tmp_path / name).symlink_to(root / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_shell(code: str, where: str, root: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(root)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code], capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 0, f"{where}: exit code {done.returncode}\n{done.stdout}{done.stderr}"


def run_python(block: Block, where: str, names: dict[str, object]) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.code, where, "exec"), names)
    if block.output is not None:
        check_output(printed.getvalue(), block.output, where)


def check_output(printed: str, written: str, where: str) -> None:
    """The same words and, to 0.05, the same numbers: processors differ in the last digits."""
    assert NUMBER.sub("#", printed).split() == NUMBER.sub("#", written).split(), where
    numbers = [[float(x) for x in NUMBER.findall(text)] for text in (printed, written)]
    assert numbers[0] == pytest.approx(numbers[1], abs=0.05), where


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_block_of_code_runs(path: Path, clone: Path, root: Path) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    for block in (block for block in blocks_of(path) if block.runs):
        where = f"{path.name}:{block.line}"
        match block.language:
            case "sh":
                run_shell(block.code, where, root)
            case "python":
                run_python(block, where, names)
            case "json":
                assert all(isinstance(json.loads(line), dict) for line in block.code.splitlines()), where
            case "yaml":
                assert isinstance(safe_load(block.code), dict), where
            case language:
                assert language == "text", f"{where}: a fence is sh, python, json, yaml or text, got {language!r}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    missing = [link for link in LINK.findall(path.read_text()) if not (path.parent / link).exists()]
    assert missing == []


def test_what_is_printed_is_compared(tmp_path: Path) -> None:
    document = "```python\nprint(0.5, 'a')\n```\n\n```text\n0.51 a\n```\n\n<!-- not run: slow -->\n```sh\nfalse\n```\n"
    (tmp_path / "d.md").write_text(document)
    first, _, last = blocks_of(tmp_path / "d.md")
    run_python(first, "d.md", {})
    assert (last.language, last.runs) == ("sh", False)
    for wrong in ("0.7 a", "0.5 b", "0.5 a 0.5"):
        with pytest.raises(AssertionError):
            run_python(first._replace(output=wrong), "d.md", {})
    with pytest.raises(AssertionError, match="exit code 1"):
        run_shell("false", "d.md:1", tmp_path)
