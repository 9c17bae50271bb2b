"""A detector to the runtime's model folder: ONNX graphs with dynamic batch and time, compared with torch as made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from avtext.backends.onnx_export import export_part
from avtext.checkpoint import publishing_folder
from avtext.compression.parts import parts_of
from avtext.encoders.folding import folded
from avtext.encoders.hashed_text import HashedTextEncoder
from avtext.encoders.logmel import LogMelEncoder
from avtext.model import EventDetector
from avtext.pipeline.network import encoding_halo, fusion_halo
from avtext.runtime.folder import Chain, Manifest, StreamReading, publish_manifest

Say = Callable[[str], None]


def export_detector(model: EventDetector, folder: str | Path, say: Say | None = None) -> Manifest:
    """Write the graphs of ``model`` and their ``config.json``; each graph must compute what torch does.

    Args:
        model: its encoders must have graphs; see :func:`avtext.compression.parts.parts_of`.
        folder: where; replaced in one step.
        say: told the name of each graph.

    Raises:
        ModelError: an encoder without a graph, an operator without ONNX form, or a result that is not torch's.
        MissingExtra: onnx or onnxscript is not installed.
        StorageError: the folder cannot be written.
    """
    model = folded(model)  # type: ignore[assignment]
    parts, manifest = parts_of(model), manifest_of(model)
    with publishing_folder(folder) as temporary:
        for name, part in parts.items():
            if say:
                say(name)
            export_part(name, part, temporary / f"{name}.onnx")
        publish_manifest(temporary, manifest)
    return manifest


def manifest_of(model: EventDetector) -> Manifest:
    """What the runtime must know of a detector besides its graphs."""
    return Manifest(
        settings=model.settings,
        modalities=model.modalities,
        streams={name: _reading(encoder) for name, encoder in model.encoders.items()},
        encoding_halo=encoding_halo(model),
        fusion_halo=fusion_halo(model),
        chain=_chain(model) if model.settings.decoder == "crf" else None,
    )


def _reading(encoder: Any) -> StreamReading:
    if isinstance(encoder, HashedTextEncoder):
        return StreamReading(num_buckets=encoder.num_buckets)
    return StreamReading(
        rate=float(encoder.rate),
        start=float(encoder.start),
        frame_size=getattr(encoder, "frame_size", None),
        num_mels=encoder.mel.n_mels if isinstance(encoder, LogMelEncoder) else None,
    )


def _chain(model: EventDetector) -> Chain:
    """The CRF's scores, what the grammar forbids as None."""
    chains = model.scheme.num_chains
    crf, grammar = model.crf, model.scheme.grammar()

    def listed(scores: Tensor, allowed: np.ndarray) -> Any:
        values = scores.detach().double().reshape(chains, *allowed.shape).numpy()
        return np.where(allowed, values.astype(object), None).tolist()  # type: ignore[call-overload]

    return Chain(
        start=listed(crf.start_transitions, grammar.starts),
        transitions=listed(crf.transitions, grammar.transitions),
        end=listed(crf.end_transitions, grammar.ends),
    )
