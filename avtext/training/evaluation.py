"""How good a model is on labelled clips: event F1 as sed_eval matches, onset collar 0.2 s."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch

from avtext.clip import Clip, Event
from avtext.metrics.sound_events import SoundEventScores, event_based
from avtext.model import EventDetector, collate

ONSET_COLLAR = 0.2  # seconds


class Found(NamedTuple):
    """Truth and finds by clip."""

    reference: dict[str, Sequence[Event]]
    estimate: dict[str, Sequence[Event]]

    def scores(self, onset_collar: float = ONSET_COLLAR, offsets: bool = False) -> SoundEventScores:
        """Event-based scores; ``offsets`` asks for right ends too (0.2 s or 20 % of the duration)."""
        return event_based(
            self.reference, self.estimate, onset_collar=onset_collar, offset_collar=0.2 if offsets else None
        )


@torch.inference_mode()
def find(
    model: EventDetector,
    clips: Iterable[Clip],
    modalities: Sequence[str] = ("audio", "video", "text"),
    batch_size: int = 8,
) -> Found:
    """Run ``model`` on labelled clips with only ``modalities`` given to it."""
    was_training = model.training
    model.eval()
    reference: dict[str, Sequence[Event]] = {}
    estimate: dict[str, Sequence[Event]] = {}
    device = next(model.parameters()).device
    for group in _groups(clips, batch_size):
        batch = collate(group, None, model.settings.grid_rate).only(modalities).to(device)
        for clip, events in zip(group, model.decode(model(batch), batch.starts.tolist()), strict=True):
            reference[clip.name], estimate[clip.name] = clip.events or (), events
    model.train(was_training)
    return Found(reference, estimate)


def _groups(clips: Iterable[Clip], size: int) -> Iterable[list[Clip]]:
    group: list[Clip] = []
    for clip in clips:
        group.append(clip)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
