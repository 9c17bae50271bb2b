"""The one training loop and its settings."""

from avtext.training.clips import open_clips
from avtext.training.loop import fit
from avtext.training.settings import DataSettings, TrainSettings, read_settings, settings_of

__all__ = ["DataSettings", "TrainSettings", "fit", "open_clips", "read_settings", "settings_of"]
