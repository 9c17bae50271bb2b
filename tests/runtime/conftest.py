from __future__ import annotations

from pathlib import Path

import pytest

from avtext.compression.export import export_detector
from avtext.model import EventDetector
from tests.tiny import talkative


@pytest.fixture(scope="session")
def tiny() -> EventDetector:
    return talkative()


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, tiny: EventDetector) -> Path:
    """The runtime folder of the tiny model: a minute of work, so it is made once."""
    folder = tmp_path_factory.mktemp("exported") / "tiny"
    export_detector(tiny, folder)
    return folder
