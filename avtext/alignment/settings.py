"""What the alignment searches and how sure it must be."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from avtext.config import ConfidenceSettings
from avtext.errors import InvalidInput


@dataclass(frozen=True)
class AlignmentSettings:
    """Limits of the search and thresholds of the decision.

    Args:
        max_offset: seconds that the stream may be early or late.
        max_drift_ppm: parts per million by which the two clocks may differ in speed.
        confidence: what the confidence is computed with, which differs from model to model.
        min_confidence: below it the alignment abstains; what that means on embeddings of the default model is said
            by ``scripts/check_confidence.py``.
        block: seconds of stream that are judged at one offset.
        min_overlap: share of the shorter stream that must meet the other for an offset to be considered.
        min_piece: seconds that a piece between breaks must last.
        break_cost: how much better, as a log-likelihood, two pieces must explain the streams than one.

    Raises:
        InvalidInput: a value that is not positive and finite, or a confidence or an overlap outside [0, 1].
    """

    max_offset: float = 30.0
    max_drift_ppm: float = 1500.0
    confidence: ConfidenceSettings = field(default_factory=ConfidenceSettings)
    min_confidence: float = 0.5
    block: float = 2.0
    min_overlap: float = 0.5
    min_piece: float = 20.0
    break_cost: float = 14.0

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        for name in ("max_offset", "block", "min_piece", "break_cost"):
            if not 0 < getattr(self, name) < math.inf:
                raise InvalidInput(f"AlignmentSettings: {name} must be positive and finite, got {getattr(self, name)}")
        if not 0 <= self.max_drift_ppm < 1e6:
            raise InvalidInput(f"AlignmentSettings: max_drift_ppm must lie in [0, 1e6), got {self.max_drift_ppm}")
        for name in ("min_confidence", "min_overlap"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidInput(f"AlignmentSettings: {name} must lie in [0, 1], got {getattr(self, name)}")
