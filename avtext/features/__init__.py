"""Features of a video: extracted once, kept in one file, found again by what they depend on."""

from avtext.features.extraction import extract, on_media_clock
from avtext.features.key import MEDIA_SCHEMA, FeatureKey, fingerprint
from avtext.features.reading import frozen, frozen_ones, reading_for
from avtext.features.store import DamagedEntry, FeatureCache, load_features, publish_features

__all__ = [
    "MEDIA_SCHEMA",
    "DamagedEntry",
    "FeatureCache",
    "FeatureKey",
    "extract",
    "fingerprint",
    "frozen",
    "frozen_ones",
    "load_features",
    "on_media_clock",
    "publish_features",
    "reading_for",
]
