"""Model folders: local ones, and those of the Hugging Face hub."""

from __future__ import annotations

import os
from pathlib import Path

from avtext.checkpoint import CARD, CONFIG, WEIGHTS
from avtext.errors import ModelError


def model_folder(source: str | Path) -> Path:
    """A local folder, or the folder that a hub id was downloaded to.

    What begins like a path, or lies in a folder that is there, is local: a missing folder is said at once.

    Raises:
        ModelError: a hub id that cannot be had. That a local folder is one is not looked at.
    """
    local = str(source).startswith((".", "~", os.sep)) or Path(source).parent.is_dir()
    if local or len(Path(source).parts) != 2:
        return Path(source)
    return download(str(source))


def download(repository: str) -> Path:
    """The local copy of a model repository, fetched where it is not there yet; only the three files of a model.

    Args:
        repository: ``"owner/name"``.

    Raises:
        ModelError: no such repository, or no network.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    files = [WEIGHTS, CONFIG, CARD]
    try:
        return Path(snapshot_download(repository, allow_patterns=files, etag_timeout=5))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"{repository}: no such local folder, and it cannot be had from the hub ({reason}): "
            "give a model folder, or check the name and the network"
        ) from None
