"""Model folders: local ones, and those of the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from avtext.checkpoint import CARD, CONFIG, WEIGHTS
from avtext.encoders.pretrained import fetched, is_hub_id


def detector_folder(source: str | Path) -> Path:
    """A local folder, or the folder that a hub id, ``owner/name`` or ``owner/name@revision``, was downloaded to.

    Raises:
        ModelError: a hub id that cannot be had. That a local folder is one is not looked at.
    """
    is_remote = is_hub_id(source) and "/" in str(source)  # a model of avtext has an owner
    return fetched(str(source), (WEIGHTS, CONFIG, CARD)) if is_remote else Path(source)
