from __future__ import annotations

import pytest

from avtext.model import Batch, collate
from tests.model.test_detector import clip


@pytest.fixture(scope="module")
def batch() -> Batch:
    return collate([clip(2.0, 0), clip(1.2, 1)])
