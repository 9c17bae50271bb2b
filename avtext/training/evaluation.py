"""How good a model is on labelled clips: event F1 as sed_eval matches, of starts within 0.2 s; ends where asked for."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from avtext.clip import Clip, Event
from avtext.config import DecisionSettings
from avtext.errors import InvalidInput
from avtext.layers.modes import evaluating
from avtext.metrics.decision import choose_decision
from avtext.metrics.sound_events import SoundEventScores, count_events, event_based
from avtext.model import EventDetector, collate

ONSET_COLLAR = 0.2  # seconds


class Found(NamedTuple):
    """Truth and finds by clip."""

    reference: dict[str, Sequence[Event]]
    estimate: dict[str, Sequence[Event]]

    def scores(self, onset_collar: float = ONSET_COLLAR, offsets: bool = False) -> SoundEventScores:
        """Event-based scores; ``offsets`` asks for right ends too (0.2 s or 20 % of the duration).

        A class that occurs and is never found counts in the macro average, as 0.
        """
        ends = 0.2 if offsets else None
        return event_based(
            self.reference, self.estimate, onset_collar=onset_collar, offset_collar=ends, empty_precision=0.0
        )

    def counts(self) -> np.ndarray:
        """True, found and correct events of every clip, int64 ``(clips, 3)``, from which :meth:`f1` comes."""
        counts = count_events(self.reference, self.estimate, onset_collar=ONSET_COLLAR, offset_collar=None)
        return counts.events.sum(axis=2)

    def f1(self) -> float:
        """Micro F1 over all events; 0 where there are none and none were found."""
        f1 = self.scores().micro.f1
        return 0.0 if math.isnan(f1) else f1


def merged(parts: Iterable[Found]) -> Found:
    """Truth and finds of several sets of clips, whose names differ, as one."""
    whole = Found({}, {})
    for part in parts:
        whole.reference.update(part.reference)
        whole.estimate.update(part.estimate)
    return whole


@torch.inference_mode()
def find(
    model: EventDetector,
    clips: Iterable[Clip],
    modalities: Sequence[str] = ("audio", "video", "text"),
    batch_size: int = 8,
) -> Found:
    """Run ``model`` on labelled clips with only ``modalities`` given to it.

    Clips that say how their clocks lie (``Clip.clocks``) are moved by that, as in training: how well the model finds
    clocks itself is not judged here.

    Raises:
        InvalidInput: of a clip it is not known of all labels when they occur.
    """
    reference: dict[str, Sequence[Event]] = {}
    estimate: dict[str, Sequence[Event]] = {}
    device = next(model.parameters()).device
    with evaluating(model):
        for group in _groups(clips, batch_size):
            batch = collate(group, None, model.settings.grid_rate).only(modalities).to(device)
            for clip, events in zip(group, model.decode(model(batch), batch.starts.tolist()), strict=True):
                name = clip.name if clip.name not in reference else f"{clip.name} #{len(reference)}"
                reference[name], estimate[name] = _truth(clip), events
    return Found(reference, estimate)


def with_decision(model: EventDetector, clips: Iterable[Clip]) -> EventDetector:
    """The same model with thresholds and calibration chosen on labelled clips that it has not learnt from."""
    plain = model.settings.model_copy(update={"decision": DecisionSettings()})
    decided = copy.deepcopy(model)
    decided.settings = plain
    found = find(decided, clips)
    decided.settings = plain.model_copy(update={"decision": choose_decision(found.reference, found.estimate)})
    return decided


def _truth(clip: Clip) -> Sequence[Event]:
    if clip.events is None or clip.annotated is not None:
        raise InvalidInput(
            f"clip {clip.name!r} cannot be scored: of some labels it is not known when they occur: validate on clips "
            "whose events are all labelled"
        )
    return clip.events


def _groups(clips: Iterable[Clip], size: int) -> Iterable[list[Clip]]:
    group: list[Clip] = []
    for clip in clips:
        group.append(clip)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
