"""Render measured figures and real output into the documents: ``python scripts/render_docs.py [--check]``.

What stands between ``<!-- results: NAME -->`` and ``<!-- end -->`` are the figures with a limit of
docs/results/NAME.json, or with ``<!-- results: NAME PREFIX -->`` those whose names begin so; between
``<!-- output: demo -->`` and ``<!-- end -->`` from docs/results/demo.events.json; with ``<!-- rungs: ladder -->`` one
line for each rung of docs/results/ladder.json; with ``<!-- ranks: avtext -->`` the package's modules, as the test of
its layout ranks them and as they say of themselves. docs/events.schema.json is made from the types that results are
written with. Nothing there is typed by hand.
"""

from __future__ import annotations

import ast
import json
import re
import runpy
import sys
from pathlib import Path
from typing import Any

from avtext.benchmark.figures import read_figures, table
from avtext.formats import read_events
from avtext.formats.schema import json_schema

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
SIZE = "_parameters"  # every rung has some
BLOCK = re.compile(r"(<!-- (results|output|rungs|ranks): ([\w-]+) ?(\w*) -->\n).*?(<!-- end -->)", re.DOTALL)


def block(kind: str, name: str, prefix: str) -> str:
    """The text for one place."""
    if kind == "ranks":
        return f"\n{rank_table(ROOT / name)}\n"
    if kind != "output" and not (RESULTS / f"{name}.json").exists():
        return f"\nNot measured yet: there is no `docs/results/{name}.json`.\n\n"
    if kind == "rungs":
        return f"\n{rung_table(read_figures(RESULTS / f'{name}.json')['figures'])}\n"
    if kind == "results":
        document = read_figures(RESULTS / f"{name}.json")
        head = [f for f in document["figures"] if (f["name"].startswith(prefix) if prefix else f["limit"] is not None)]
        return f"\n{table(head)}\n`docs/results/{name}.json`, {document['machine']}.\n\n"
    (events,) = read_events(RESULTS / f"{name}.events.json").events.values()
    lines = [f"{e.start:6.2f} {e.end:6.2f} {e.label:8} {e.score:.2f}" for e in events]
    return "\n```text\n" + "\n".join(lines) + "\n```\n\n"


def rung_table(figures: list[dict[str, Any]]) -> str:
    """One line per rung of a ladder, one column per thing measured of it."""
    known = {figure["name"]: figure for figure in figures}
    rungs = [name.removesuffix(SIZE) for name in known if name.endswith(SIZE)]
    columns = [name.removeprefix(rungs[0] + "_") for name in known if name.startswith(rungs[0] + "_")]
    units = [known[f"{rungs[0]}_{column}"]["unit"] for column in columns]
    heads = [f"{column.replace('_', ' ')}, {unit}" for column, unit in zip(columns, units, strict=True)]
    lines = [f"| rung | {' | '.join(heads)} |", "|---" * (len(columns) + 1) + "|"]
    for rung in rungs:
        values = [known[f"{rung}_{column}"]["value"] for column in columns]
        lines.append(f"| {rung} | {' | '.join('–' if value is None else f'{value:.3g}' for value in values)} |")
    return "\n".join(lines) + "\n"


def rank_table(package: Path) -> str:
    """One line per module, highest rank first, with the first line of its docstring; then those that need no torch."""
    layout = runpy.run_path(str(ROOT / "tests" / "test_architecture.py"))
    lines = ["| rank | module | what |", "|---|---|---|"]
    for name, rank in layout["RANKS"].items():
        path = package / f"{name}.py" if (package / f"{name}.py").exists() else package / name / "__init__.py"
        said = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
        lines.append(f"| {rank} | `{name or package.name}` | {re.sub(':[a-z]+:(?=`)', '', said)} |")
    light = ", ".join(f"`{name}`" for name in layout["LIGHT"])
    return "\n".join(lines) + f"\n\nThese never import torch: {light}.\n"


def rendered(text: str) -> str:
    """A document with all its places filled."""
    return BLOCK.sub(lambda found: found[1] + block(found[2], found[3], found[4]) + found[5], text)


def main() -> int:
    """Write the documents, or with ``--check`` say which are not up to date."""
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    stale = []
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        if rendered(text) != text:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(rendered(text), encoding="utf-8")
    schema, text = ROOT / "docs" / "events.schema.json", json.dumps(json_schema(), indent=1) + "\n"
    if not schema.exists() or schema.read_text(encoding="utf-8") != text:
        stale.append(schema.name)
        if "--check" not in sys.argv:
            schema.write_text(text, encoding="utf-8")
    print("\n".join(stale) or "up to date")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
