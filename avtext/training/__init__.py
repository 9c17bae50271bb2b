"""The one training loop and its settings."""

from avtext.training.clips import check_models, open_clips
from avtext.training.devices import accelerator_of, check_lightning
from avtext.training.loop import fit
from avtext.training.settings import AdversarialSettings, DataSettings, TrainSettings, read_settings, settings_of

__all__ = [
    "AdversarialSettings",
    "DataSettings",
    "TrainSettings",
    "accelerator_of",
    "check_lightning",
    "check_models",
    "fit",
    "open_clips",
    "read_settings",
    "settings_of",
]
