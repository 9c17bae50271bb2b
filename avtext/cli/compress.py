"""``avtext compress``: a model made small, rung by rung."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avtext.cli.options import Debug, Verbose
from avtext.cli.tables import print_lines, say
from avtext.errors import ConfigError

if TYPE_CHECKING:
    from avtext.benchmark.ladder_rows import Row


def compress(
    model: Annotated[str, typer.Argument(help="Model folder or hub id.")],
    calibrate: Annotated[Path, typer.Option(help="Folder of clips, or one clip, like those of later use.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the rungs.")],
    config: Annotated[
        Path | None, typer.Option("-c", "--config", help="A YAML file such as configs/compress.yaml.")
    ] = None,
    overrides: Annotated[list[str] | None, typer.Argument(help="Settings to change, as key.sub=value.")] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Compress a model: float32, pruned and retrained, ONNX, INT8; each rung is measured.

    Fails where a rung loses more event F1 than a limit, or finds other events without torch than with it. What a rung
    costs is judged only by limits that the config sets. Without finetune in it nothing is pruned. Needs the extra
    onnx, and train for finetune. After a stop, the same command resumes its training.

    Example: avtext compress runs/student/best --calibrate clips -o small
    """
    from avtext.cli.inputs import check_file, check_folder, expand
    from avtext.cli.progress import waiting
    from avtext.config import override, parse, read_yaml

    if not calibrate.exists():
        raise ConfigError(f"--calibrate: {calibrate}: no such file or folder: name one with clips in it")
    files = expand([str(calibrate)])
    check_folder("--out", out)
    if json is not None:
        check_file("--json", json)
    with waiting("loading"):
        from avtext.benchmark.figures import publish_figures
        from avtext.benchmark.ladder import measure
        from avtext.benchmark.ladder_rows import figures
        from avtext.compression.ladder import LadderSettings
        from avtext.model import load_detector
        from avtext.pipeline.hub import detector_folder

    values = override({} if config is None else read_yaml(config), overrides or [])
    settings = parse(LadderSettings, values, "overrides" if config is None else str(config))
    rows: dict[str, Row] = {}
    try:
        for row in measure(load_detector(detector_folder(model)), files, out, settings, say):
            rows[row.rung.name] = row
            print_lines(_lines(row))
    finally:
        if json is not None and rows:
            publish_figures(json, "ladder", figures(rows, settings.limits))
    print_lines([f"use it with: avtext detect VIDEO -m {shlex.quote(str(out / 'int8'))}"])


def _lines(row: Row) -> list[str]:
    def number(value: float | None, form: str, unit: str) -> str:
        return "-" if value is None or value != value else f"{value:{form}}{unit}"

    one, two = row.one_thread.ours, row.two_threads.ours
    ready = (
        f", ready {row.ready.ours.wall:.3g} s after its start ({row.ready.theirs.wall:.3g} s with torch)"
        if row.ready
        else ""
    )
    return [
        f"{row.rung.name}: {row.rung.parameters:,} parameters, {row.rung.bytes / 1e6:.2f} MB, peak "
        f"{number(row.peak, '.0f', ' MiB')}{ready}",
        f"  CPU {one.cpu:.3g} s on one thread ({one.cpu / row.seconds:.4f} of real time, {row.speedup:.2f} x "
        f"{row.parent.name}), {two.wall:.3g} s by the clock on two",
        f"  event F1 {row.f1:.3f}, nine borders of ten within {number(row.boundary_ms, '.0f', ' ms')}, "
        f"calibration error {number(row.calibration, '.3f', '')}, kept under FGSM {number(row.kept, '.1%', '')}",
    ]
