import pytest
import torch

from avtext.benchmark import layers
from avtext.benchmark.aligned_scenes import AlignmentSizes
from avtext.benchmark.layers_crf import CRFSizes
from avtext.benchmark.layers_dtw import DTWSizes
from avtext.benchmark.layers_limits import LIMITS
from avtext.config import ModelSettings
from avtext.errors import MissingExtra, ModelError
from avtext.model import EventDetector, save_detector


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    encoders = {
        "audio": {"name": "logmel", "options": {"size": 8, "channels": [2, 4, 8]}},
        "picture": {"name": "picture", "options": {"size": 8}},
    }
    save_detector(
        tmp_path / "model", EventDetector(ModelSettings(labels=("bell", "impact"), width=16, encoders=encoders)), "card"
    )
    return tmp_path / "model"


def test_no_model_is_refused_before_anything_is_timed(tmp_path, data_dir):
    with pytest.raises(ModelError, match="no such model folder"):
        layers.run(data_dir, tmp_path / "nowhere")


def test_all_rows_in_order_then_the_rest(folder, data_dir):
    sizes = (
        DTWSizes(60, 4, 300, 4, 2, 20, first_rounds=1, rounds=1),
        CRFSizes(2, 30, 10, 3, rounds=1, peer_rounds=1),
        AlignmentSizes(1, 1, 20.0, 1, 2, 1, 40.0),
    )
    try:
        found = layers.run(data_dir, folder, *sizes)
    except MissingExtra as missing:
        pytest.skip(str(missing))
    assert [figure.name for figure in found if figure.limit is not None] == list(LIMITS)
    first_other = [figure.limit is None for figure in found].index(True)
    assert first_other == len(LIMITS)
    assert all(figure.limit is None for figure in found[first_other:])
    assert all(figure.detail for figure in found)
