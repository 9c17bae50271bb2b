"""Settings: what a model is made of, and how YAML files and ``key.sub=value`` words become checked values."""

from avtext.config.reading import load, override, parse, read_yaml
from avtext.config.settings import (
    AlignmentHeadSettings,
    ConfidenceSettings,
    DecisionSettings,
    EncoderSettings,
    FusionSettings,
    LossSettings,
    ModelSettings,
    Settings,
    TCNSettings,
)

__all__ = [
    "AlignmentHeadSettings",
    "ConfidenceSettings",
    "DecisionSettings",
    "EncoderSettings",
    "FusionSettings",
    "LossSettings",
    "ModelSettings",
    "Settings",
    "TCNSettings",
    "load",
    "override",
    "parse",
    "read_yaml",
]
