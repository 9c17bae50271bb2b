"""The layout of the design: imports point strictly downward, and light modules stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import avtext

RANKS = {
    "": 11, "__main__": 11,
    "cli": 10,
    "benchmark": 9,
    "compression": 8,
    "pipeline": 7, "training": 7, "runtime": 7,
    "data": 6, "detection": 6, "backends": 6,
    "distill": 6,
    "features": 5, "attacks": 5, "report": 5, "pruning": 5,
    "model": 4, "media": 4,
    "tags": 3, "alignment": 3, "encoders": 3, "formats": 3, "metrics": 3,
    "clip": 2, "checkpoint": 2, "layers": 2,
    "timeline": 1, "config": 1, "kernels": 1, "storage": 1,
    "errors": 0,
}  # fmt: skip
LIGHT = (
    "errors",
    "timeline",
    "config",
    "storage",
    "kernels",
    "clip",
    "tags",
    "formats",
    "metrics",
    "media",
    "alignment",
    "report",
    "detection",
    "runtime",
)


def part_of(module: str) -> str:
    words = module.split(".")
    return words[1] if len(words) > 1 else ""


@cache
def imports(path: Path) -> set[str]:
    """Every avtext module that a file imports, lazy imports too; not those for the type checker alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: line {node.lineno}: name the package, so that the import is looked at"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name == "avtext" or name.startswith("avtext.")}


def modules(root: Path) -> dict[str, Path]:
    package = root / "avtext"
    return {
        ".".join(p.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): p for p in package.rglob("*.py")
    }


def test_every_module_has_a_rank(root: Path) -> None:
    assert {part_of(name) for name in modules(root)} <= set(RANKS)


def test_imports_point_strictly_downward(root: Path) -> None:
    wrong = []
    for name, path in modules(root).items():
        own = part_of(name)
        for other in imports(path):
            target = part_of(other)
            if other == "avtext.__version__":  # a constant of the package, no module
                continue
            if target != own and RANKS.get(target, 11) >= RANKS[own]:
                wrong.append(f"{name} (rank {RANKS[own]}) imports {other} (rank {RANKS.get(target, 11)})")
    assert wrong == []


def test_imports_within_a_package_have_no_cycle(root: Path) -> None:
    known = modules(root)
    graph = {
        name: {other if other in known else other.rpartition(".")[0] for other in imports(path)} - {name}
        for name, path in known.items()
    }
    # A package's __init__ gathers its own modules; that they import the package's other modules is no cycle.
    graph = {
        name: {o for o in others if o in known and known[o].name != "__init__.py"} for name, others in graph.items()
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for other in graph.get(name, ()):
                visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_light_modules_never_import_torch() -> None:
    """In one process, those of the lowest rank first: the first after which torch is there is the one that has it."""
    code = (
        "import sys, pkgutil, importlib\n"
        "for part in sys.argv[1:]:\n"
        "    m = importlib.import_module(f'avtext.{part}')\n"
        "    for i in pkgutil.iter_modules(getattr(m, '__path__', [])):\n"
        "        importlib.import_module(f'{m.__name__}.{i.name}')\n"
        "    print(part, 'torch' in sys.modules)"
    )
    parts = sorted(LIGHT, key=RANKS.__getitem__)
    words = [sys.executable, "-c", code, *parts]
    out = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert out.stdout.splitlines() == [f"{part} False" for part in parts], out.stderr


def test_public_names_are_there_and_come_when_they_are_asked_for() -> None:
    names = {"Pipeline", "Runtime", "Result", "Failure", "EventDetector", "Limits", "MediaError", "AvtextError"}
    assert names <= set(avtext.__all__)
    assert all(getattr(avtext, name) is not None for name in avtext.__all__)
    code = (
        "import sys, avtext; avtext.Runtime, avtext.Result, avtext.Failure, avtext.Limits, avtext.MediaError, "
        "avtext.ProgressHook; print('torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "False"


def test_inference_never_imports_lightning() -> None:
    code = "import sys, avtext.pipeline; print('lightning' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert out.stdout.strip() == "False"
