"""Features of a video: extracted once, kept in one file, found again by what they depend on."""

from avtext.features.extraction import extract
from avtext.features.key import MEDIA_SCHEMA, FeatureKey, fingerprint
from avtext.features.reading import frozen, reading_for
from avtext.features.store import DamagedEntry, FeatureCache, load_features, publish_features

__all__ = [
    "MEDIA_SCHEMA",
    "DamagedEntry",
    "FeatureCache",
    "FeatureKey",
    "extract",
    "fingerprint",
    "frozen",
    "load_features",
    "publish_features",
    "reading_for",
]
