"""The layers against their limits: DTW, CRF and alignment, ours and the peers in turn."""

from __future__ import annotations

from pathlib import Path

from avtext.benchmark import layers_alignment, layers_crf, layers_dtw
from avtext.benchmark.aligned_scenes import AlignmentSizes
from avtext.benchmark.figures import Figure
from avtext.benchmark.layers_crf import CRFSizes
from avtext.benchmark.layers_dtw import DTWSizes
from avtext.model import load_detector
from avtext.pipeline import DEFAULT_MODEL


def run(
    data: Path,
    model: Path = DEFAULT_MODEL,
    dtw: DTWSizes = layers_dtw.FULL,
    crf: CRFSizes = layers_crf.FULL,
    alignment: AlignmentSizes = layers_alignment.FULL,
) -> list[Figure]:
    """Every figure of the layers; informational ones follow those that have a limit.

    Args:
        data: real recordings for the scenes.
        model: folder of the model whose embeddings are aligned.
        dtw: sizes for DTW and soft-DTW.
        crf: sizes for the CRF.
        alignment: how many scenes and files.

    Raises:
        MissingExtra: a peer is not installed.
        ModelError: there is no model in the folder.
    """
    detector = load_detector(model)
    found = [
        *layers_dtw.measure(dtw),
        *layers_crf.measure(crf),
        *layers_alignment.measure(detector, data, alignment),
    ]
    return sorted(found, key=lambda figure: (figure.limit is None, figure.name if figure.limit is not None else ""))
