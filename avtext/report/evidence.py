"""What spoke for the events of a file: score curves, gates and cues, small enough to be kept beside the results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avtext.clip import MODALITIES, Cue, Stream
from avtext.errors import ConfigError, InvalidInput
from avtext.formats.json_events import load_json
from avtext.report.curves import Curves
from avtext.storage import publish_text

SCHEMA = "avtext.evidence/1"
SUFFIX = ".evidence.json"
SCORE_BYTES, GATE_BYTES = 300_000, 60_000  # of a page, whatever the length of the video
LEAST_SCORE = 0.1  # a label whose curve never reaches it is left out: it would be a flat line


@dataclass(frozen=True)
class Evidence:
    """What an explanation of events needs and the events themselves do not say.

    Args:
        scores: posterior probability over time, of each label that comes near.
        gates: how much audio, video and text count over time.
        cues: timed text, on its own clock.

    Example:
        >>> import numpy as np
        >>> found = Evidence.of(Stream(np.full((4, 1), 0.8), 2.0), ("dog",), Stream(np.ones((4, 3)) / 3, 2.0))
        >>> sorted(found.scores.high), sorted(found.gates.high)
        (['dog'], ['audio', 'text', 'video'])
    """

    scores: Curves
    gates: Curves
    cues: tuple[Cue, ...] = ()

    @classmethod
    def of(cls, scores: Stream, labels: Sequence[str], gates: Stream, cues: Sequence[Cue] = ()) -> Evidence:
        """From a detector's ``scores`` ``(steps, labels)`` and ``gates`` ``(steps, 3)``."""
        return cls(
            Curves.of(scores, tuple(labels), budget=SCORE_BYTES, least=LEAST_SCORE),
            Curves.of(gates, MODALITIES, budget=GATE_BYTES),
            tuple(cues),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values of the schema ``avtext.evidence/1``."""
        cues = [[round(cue.start, 3), round(cue.end, 3), cue.text] for cue in self.cues]
        return {"schema": SCHEMA, "scores": self.scores.to_dict(), "gates": self.gates.to_dict(), "cues": cues}

    @classmethod
    def from_dict(cls, values: Any) -> Evidence:
        """What :meth:`to_dict` wrote.

        Raises:
            ConfigError: another schema, or malformed.
        """
        if not isinstance(values, dict) or values.get("schema") != SCHEMA:
            raise ConfigError(f"evidence: must be an object with schema {SCHEMA!r}")
        try:
            cues = tuple(Cue(float(start), float(end), text) for start, end, text in values["cues"])
        except (KeyError, TypeError, ValueError, InvalidInput) as error:
            raise ConfigError(f"evidence: cues must be a list of [start, end, text]: {error}") from None
        scores, gates = Curves.from_dict(values.get("scores")), Curves.from_dict(values.get("gates"))
        if set(gates.high) not in (set(), set(MODALITIES)):
            raise ConfigError(f"evidence: gates must be of {', '.join(MODALITIES)}, got {', '.join(gates.high)}")
        return cls(scores, gates, cues)


def write_evidence(path: str | Path, evidence: Evidence) -> None:
    """Publish evidence as JSON on one line.

    Raises:
        StorageError: the file cannot be written.
    """
    publish_text(path, json.dumps(evidence.to_dict(), allow_nan=False) + "\n")


def read_evidence(path: str | Path) -> Evidence:
    """Evidence of a file.

    Raises:
        ConfigError: it cannot be read or is something else; names the file.
    """
    try:
        return Evidence.from_dict(load_json(Path(path)))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message.removeprefix(f'{path}: ')}", stage="read") from None


def evidence_beside(results: Path) -> Evidence | None:
    """The evidence that lies beside ``NAME.events.json`` as ``NAME.evidence.json``; None where there is none.

    Raises:
        ConfigError: it is there and malformed.
    """
    place = results.with_name(results.name.removesuffix(".json").removesuffix(".events") + SUFFIX)
    return read_evidence(place) if place != results and place.is_file() else None
