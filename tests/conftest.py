"""What every test shares: where the real data is, who needs a GPU, and one thread for torch's small operations."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from xdist.scheduler import LoadFileScheduling

# Timing has no place in a test; the same examples each time make a red run repeatable.
settings.register_profile("house", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("house")

# Most of what is imported and exported stays to the end. To look for garbage every 700 objects, as Python does, takes a
# tenth of a worker's time.
gc.set_threshold(20_000)

ROOT = Path(__file__).resolve().parent.parent

# Half a minute and more each: they begin first, so that no worker is left alone with one at the end. Files of one line
# share a worker, and with it the graphs, which take over a minute to make, and the exporter, which takes long to load.
LONG = (
    (
        "compression/test_export_and_quantization.py", "runtime/test_runtime.py", "benchmark/test_pipeline_models.py",
        "detection/test_batch.py", "pipeline/test_acceleration.py", "cli/test_cli_compress.py",
    ),
    ("robustness/test_robustness.py",),
    ("test_documents.py",),
    ("benchmark/test_gpu.py",),
)  # fmt: skip
PLACES = {f"tests/{file}": place for place, files in enumerate(LONG) for file in files}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; all others stay as they are."""
    items.sort(key=lambda item: PLACES.get(item.nodeid.split("::")[0], len(LONG)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test marked ``gpu`` is skipped where there is no GPU; where one is expected it runs, and fails."""
    if item.get_closest_marker("gpu") is None or os.environ.get("AVTEXT_EXPECT_GPU") == "1":
        return
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """Tests of a file, or of several that share a fixture, to one worker."""
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::")[0]
            return f"long {PLACES[file]}" if file in PLACES else file

    return Together(config, log)


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


@pytest.fixture(scope="session")
def calibration(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two videos with sound and words."""
    from tests.tiny import SRT, write_video

    folder = tmp_path_factory.mktemp("clips")
    for name in ("a", "b"):
        write_video(folder / f"{name}.mkv", 4.0)
        (folder / f"{name}.srt").write_text(SRT)
    return sorted(folder.glob("*.mkv"))


@pytest.fixture(scope="session")
def graphs(tmp_path_factory: pytest.TempPathFactory, calibration: list[Path]) -> Path:
    """Runtime folders ``onnx`` and ``int8`` of the tiny model: a minute of work, so they are made once."""
    from avtext.compression.export import export_detector
    from avtext.compression.quantization import quantize_folder
    from tests.tiny import talkative

    folder = tmp_path_factory.mktemp("graphs")
    export_detector(talkative(), folder / "onnx")
    quantize_folder(folder / "onnx", calibration, folder / "int8")
    return folder
