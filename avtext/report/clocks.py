"""How each stream lay against the picture, in words and as a line for a small picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from avtext.errors import ConfigError, InvalidInput
from avtext.timeline import ClockMap


@dataclass(frozen=True)
class StreamClock:
    """The map from one stream's clock to the video's, as results tell it.

    Args:
        name: of the modality.
        clock: stream clock to video clock.
        confidence: in [0, 1].
        abstained: whether it was not sure enough, so that nothing was moved.
        breaks: ``(stream time, jump)`` in seconds.
    """

    name: str
    clock: ClockMap
    confidence: float
    abstained: bool
    breaks: tuple[tuple[float, float], ...] = ()

    @classmethod
    def from_dict(cls, name: str, values: Any) -> StreamClock:
        """From a member of ``alignment`` in an ``avtext.events/1`` record.

        Raises:
            ConfigError: it is not as that schema has it.
        """
        try:
            clock = ClockMap.from_dict(values["clock"])
            breaks = tuple((float(at), float(jump)) for at, jump in values["breaks"])
            confidence = float(values["confidence"])
            return cls(name, clock, confidence, bool(values["abstained"]), breaks)
        except (KeyError, TypeError, AttributeError, ValueError, InvalidInput) as error:
            needs = "clock, breaks, confidence and abstained as avtext.events/1 has them"
            raise ConfigError(f"alignment: {name}: needs {needs}, got {error!r}") from None

    @property
    def is_moved(self) -> bool:
        """Whether the stream was put elsewhere."""
        return not self.abstained and not self.clock.is_identity

    def shift_line(self, duration: float) -> tuple[tuple[float, float], ...]:
        """Corners of the curve of seconds added over the stream's time, from 0 to ``duration``.

        Example:
            >>> StreamClock("text", ClockMap.shift(-0.5), 0.9, False).shift_line(10.0)
            ((0.0, -0.5), (10.0, -0.5))
        """
        inner = [start for start in self.clock.starts[1:] if 0.0 < start < duration]
        corners = [0.0]
        for at in inner:
            corners += [float(np.nextafter(at, 0.0)), at]  # the end of one piece, the start of the next
        corners.append(duration)
        return tuple((at, round(float(self.clock.to_video(at)) - at, 6)) for at in corners)


def stream_clocks(alignment: Mapping[str, Any]) -> tuple[StreamClock, ...]:
    """Those of an ``alignment`` block, without the video's own, against which the others are measured.

    Raises:
        ConfigError: a member is not as ``avtext.events/1`` has it.
    """
    return tuple(StreamClock.from_dict(str(name), one) for name, one in alignment.items() if name != "video")
