"""A model cut behind its encoders, so that what encoders give can be changed as their inputs can."""

from __future__ import annotations

from avtext.clip import STREAMS, Clip
from avtext.config import EncoderSettings
from avtext.features import extract
from avtext.model import EventDetector


def behind_encoders(model: EventDetector) -> EventDetector:
    """The same detector from its encoders' outputs on: it takes clips of :func:`embedded`."""
    encoders = {}
    for name, encoder in model.encoders.items():
        rate = float(getattr(encoder, "rate", model.settings.grid_rate))
        place = {"size": encoder.size, "rate": rate, "start": float(getattr(encoder, "start", 0.0))}
        encoders[name] = EncoderSettings(name="features", options=place)
    behind = EventDetector(model.settings.model_copy(update={"encoders": encoders}))
    behind.load_state_dict({n: v for n, v in model.state_dict().items() if not n.startswith("encoders.")})
    return behind.eval()


def embedded(model: EventDetector, clip: Clip) -> Clip:
    """The clip with what each encoder gives in place of what it takes."""
    audio, video, picture, text = map(extract([clip], dict(model.encoders.items())).get, STREAMS)
    return Clip(
        clip.duration, clip.start, audio, video, picture, text,
        events=clip.events, clocks=clip.clocks, name=clip.name,
    )  # fmt: skip
