"""What every test shares: where the real data is, and one thread for torch's small operations."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Timing has no place in a test; the same examples each time make a red run repeatable.
settings.register_profile("house", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("house")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real recordings to test on; skips only where they are absent."""
    path = Path(os.environ.get("AVTEXT_DATA", ROOT / ".." / "shared" / "data")).resolve()
    if not path.is_dir():
        pytest.skip(f"real data not found at {path}: set AVTEXT_DATA to a folder that has it")
    return path


@pytest.fixture(scope="session", autouse=True)
def one_torch_thread() -> None:
    """Small operations on many threads are 10-40 times slower where other processes are busy."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch

    torch.set_num_threads(1)
