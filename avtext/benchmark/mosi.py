"""CMU-MOSI (Zadeh et al. 2016) on the utterance features of bc-LSTM (Poria et al. 2017): sentiment with the same model.

A video's utterances in order are the steps of a sequence, and a positive utterance is an event one step long. The
split is by speaker. The features of text and picture were fitted on the training labels, so that a validation split
says nothing: the schedule is fixed, and every seed counts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from avtext.benchmark.figures import Figure
from avtext.clip import MODALITIES, Clip, Event, Stream
from avtext.errors import ConfigError
from avtext.model import EventDetector, collate
from avtext.training import TrainSettings, fit, read_settings

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "mosi.yaml"
SEEDS = (1, 2, 3, 4, 5)
SUBSETS = (("audio",), ("video",), ("text",), MODALITIES)
AIM = 80.3  # per cent: what bc-LSTM published on these features
KNOWN = "majority 62.1, logistic regression 76.7, BiGRU 77.0; published bc-LSTM 80.3, MMMU-BA 82.3"


def run(data: Path) -> list[Figure]:
    """Accuracy on the test speakers for each modality and for all; mean over the seeds.

    Raises:
        ConfigError: the features are not in ``data/mosi``.
    """
    settings = read_settings(CONFIG)
    train, test = read_clips(data / "mosi" / "mosi.npz")
    figures = []
    for modalities in SUBSETS:
        found = [accuracy(train_on(settings, train, modalities, seed), test) for seed in SEEDS]
        mean, spread = float(np.mean(found)), float(np.std(found, ddof=1))
        detail = f"{mean:.2f} ± {spread:.2f}, {len(SEEDS)} seeds, {_count(test)} utterances of unseen speakers; {KNOWN}"
        name = "all" if modalities == MODALITIES else modalities[0]
        limit = AIM if name == "all" else None
        figures += [
            Figure(f"accuracy_{name}", mean, "%", limit, detail=detail),
            Figure(f"accuracy_{name}_deviation", spread, "%", detail=", ".join(f"{x:.2f}" for x in found)),
        ]
    return figures


def read_clips(path: Path) -> tuple[list[Clip], list[Clip]]:
    """Training and test videos as clips of features, each feature at zero mean and unit deviation in training.

    Raises:
        ConfigError: there is no such file.
    """
    try:
        table = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise ConfigError(f"{path}: the MOSI features are not there; name their folder's parent with --data") from None
    is_train = table["split"] == "train"
    streams = {}
    for name in MODALITIES:
        values = table[name]
        mean, deviation = values[is_train].mean(0), values[is_train].std(0)
        streams[name] = ((values - mean) / (deviation + 1e-6)).clip(-5, 5).astype(np.float32)
    clips: dict[str, list[Clip]] = {"train": [], "test": []}
    for video in dict.fromkeys(table["video_id"].tolist()):
        rows = np.flatnonzero(table["video_id"] == video)
        positive = np.flatnonzero(table["label"][rows] == 1).tolist()
        clip = Clip(
            float(len(rows)),
            audio=Stream(streams["audio"][rows], 1.0),
            video=Stream(streams["video"][rows], 1.0),
            text=Stream(streams["text"][rows], 1.0),
            events=tuple(Event(float(i), float(i + 1), "positive") for i in positive),
            name=video,
        )
        clips[str(table["split"][rows[0]])].append(clip)
    return clips["train"], clips["test"]


def train_on(settings: TrainSettings, clips: Sequence[Clip], modalities: Sequence[str], seed: int) -> EventDetector:
    """A detector that has only ``modalities``, trained on the fixed schedule."""
    own = {name: encoder for name, encoder in settings.model.encoders.items() if name in modalities}
    with tempfile.TemporaryDirectory() as folder:
        model = settings.model.model_copy(update={"encoders": own})
        changed = settings.model_copy(update={"model": model, "seed": seed, "out": Path(folder)})
        return fit(changed, clips)


@torch.inference_mode()
def accuracy(model: EventDetector, clips: Sequence[Clip]) -> float:
    """Per cent of the utterances whose sentiment is right."""
    batch = collate(clips, model.scheme, model.settings.grid_rate)
    assert batch.tags is not None  # every clip is labelled
    found = model.tags(model(batch)) > 0
    right = (found == (batch.tags > 0)) & batch.mask[:, None]
    return 100.0 * float(right.sum()) / float(batch.mask.sum())


def _count(clips: Sequence[Clip]) -> int:
    return round(sum(clip.duration for clip in clips))
