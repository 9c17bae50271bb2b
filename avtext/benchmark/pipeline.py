"""The whole pipeline against its limits: decoding, the student, the teacher and the naive way, in one run."""

from __future__ import annotations

import tempfile
from pathlib import Path

from avtext.benchmark import (
    pipeline_archive,
    pipeline_batches,
    pipeline_decode,
    pipeline_encoders,
    pipeline_gate,
    pipeline_start,
    pipeline_student,
    pipeline_teacher,
)
from avtext.benchmark.figures import Figure
from avtext.benchmark.pipeline_archive import make_archive
from avtext.benchmark.pipeline_clips import make_video
from avtext.benchmark.pipeline_limits import FULL, PipelineSizes
from avtext.compression.export import export_detector
from avtext.model import load_detector
from avtext.pipeline import DEFAULT_MODEL
from avtext.runtime import Runtime


def run(
    data: Path, teacher: Path | None = None, *, model: Path = DEFAULT_MODEL, sizes: PipelineSizes = FULL
) -> list[Figure]:
    """Every figure of the pipeline; informational ones follow those that have a limit.

    Args:
        data: recordings that the scenes of the skimmed file and of the teacher's accuracy are made of.
        teacher: folder of a trained teacher (``configs/teacher-small.yaml``) whose event F1 in INT8 is measured; None:
            that is left out. What is timed has random weights of full size.
        model: folder of the student.
        sizes: how much is measured.

    Raises:
        ModelError: there is no model in the folder.
        MissingExtra: what exports it is not installed.
    """
    detector = load_detector(model)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export_detector(detector, folder / "student")
        short = make_video(folder / "short.mp4", sizes.short, sizes.height)
        long = make_video(folder / "long.mp4", sizes.long, sizes.height)
        small = make_video(folder / "small.mp4", sizes.short, sizes.small)
        taught = short if sizes.taught == sizes.short else make_video(folder / "t.mp4", sizes.taught, sizes.height)
        found = [
            *pipeline_decode.measure(short, small, sizes),
            *pipeline_student.measure(folder / "student", short, long, sizes),
            *pipeline_archive.measure(
                Runtime(folder / "student"), make_archive(folder / "archive.mp4", data, sizes), sizes.rounds
            ),
            *pipeline_batches.measure(folder / "student", short, sizes),
            *pipeline_start.measure(folder / "student", sizes.rounds),
            *pipeline_encoders.measure(taught, small, sizes),
            *pipeline_teacher.measure(taught, small, folder, sizes),
            *pipeline_gate.measure(teacher, data, folder, sizes),
        ]
    return sorted(found, key=lambda figure: (figure.limit is None, figure.name if figure.limit is not None else ""))
