"""What editing does to a picture, whatever it shows: cuts, fades, flashes, freezes, black, signed words.

Shots follow each other; an edit may begin a new one::

    cut        shot 0 |shot 1            a new shot in one frame
    dissolve   shot 0 \\/ shot 1          both for a while (a fade)
    dip        shot 0 \\__/ shot 1        through black or white and at once back (a fade)
    hold       shot 0 \\______/ shot 1    a fade, black, and a fade
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from avtext.clip import Event
from avtext.data.scenes.chance import Random, between, happens, log_between
from avtext.data.scenes.recipe import FRAME_RATE
from avtext.data.scenes.timing import Timeline

CUT_SECONDS = 0.2  # a cut is told as a span this long that begins with the new shot's first frame


class Edit(NamedTuple):
    """An edit of frames ``[first, last)``.

    Args:
        kind: cut, dissolve, dip, hold, flash, freeze, black or signing.
        first: frame number.
        last: one past the last frame.
        inner: the black part of a hold.
        colour: what a dip, a flash or black shows, RGB.
        strength: of a flash, 0.5 to 1; of black, how little shows through.
        new_shot: whether another shot follows.
    """

    kind: str
    first: int
    last: int
    inner: tuple[int, int] = (0, 0)
    colour: tuple[float, float, float] = (0.0, 0.0, 0.0)
    strength: float = 1.0
    new_shot: bool = True

    @property
    def switch(self) -> int:
        """The frame at which the next shot takes over, where it does."""
        return self.first if self.kind in ("cut", "dissolve") else (self.first + self.last) // 2


def _frames(rng: Random, low: float, high: float) -> int:
    return max(1, round(between(rng, low, high) * FRAME_RATE))


def _sizes(rng: Random, label: str, allowed: tuple[str, ...]) -> tuple[str, int, int, int]:
    """Kind of edit and its frames in three parts (only a hold has all three)."""
    if label == "cut":
        return "cut", round(CUT_SECONDS * FRAME_RATE), 0, 0
    if label == "fade":
        kind = ("dissolve", "dip", "hold" if "black" in allowed else "dip")[int(rng.choice(3, p=(0.4, 0.3, 0.3)))]
        if kind == "hold":
            return kind, _frames(rng, 0.4, 1.5), _frames(rng, 0.4, 1.5), _frames(rng, 0.4, 1.5)
        return kind, _frames(rng, 0.4, 2.0), 0, 0
    lengths = {"flash": (0.04, 0.12), "freeze": (0.6, 3.0), "black": (0.4, 2.0), "signing": (1.0, 3.0)}
    return label, _frames(rng, *lengths[label]), 0, 0


def plan_edits(rng: Random, labels: list[str], allowed: tuple[str, ...], line: Timeline) -> list[Edit]:
    """Edits for the wanted labels, each where the timeline has room; those without room are left out.

    Args:
        rng: where lengths and places come from.
        labels: what is wanted, such as ``["cut", "flash"]``.
        allowed: all labels that may occur; a fade brings black only if that may.
        line: of the picture, in seconds; taken places are noted in it.
    """
    edits = []
    for label in labels:
        kind, out, middle, back = _sizes(rng, label, allowed)
        count = out + middle + back
        margin = 0.8 if kind == "freeze" else 0.4  # a freeze is a stop: something moves before it
        start = line.place(rng, count / FRAME_RATE, margin=margin, grid=1 / FRAME_RATE)
        colour = (255.0, 255.0, 255.0) if happens(rng, 0.25 if kind == "dip" else 0.0) else (0.0, 0.0, 0.0)
        if happens(rng, 0.4) and label in ("fade", "black") and colour[0] == 0:
            colour = (between(rng, 0.0, 14.0),) * 3  # black in footage is seldom 0
        if kind == "flash":
            colour = tuple(float(c) for c in 255 - 60 * rng.random(3) * happens(rng, 0.4))  # type: ignore[assignment]
        strength, new_shot = between(rng, 0.5, 1.0), happens(rng, 0.5)
        if start is None:
            continue
        first = round(start * FRAME_RATE)
        new_shot = kind in ("cut", "dissolve") or (new_shot and kind in ("dip", "hold", "black"))
        inner = (first + out, first + out + middle)
        edits.append(Edit(kind, first, first + count, inner, colour, strength, new_shot))
    return sorted(edits, key=lambda edit: edit.first)


def events_of(edit: Edit) -> list[Event]:
    """What an edit is in the truth, on the video's clock; black that comes and goes at once is cut at both ends."""
    if edit.kind == "hold":
        spans = [
            ("fade", edit.first, edit.inner[0]),
            ("black", *edit.inner),
            ("fade", edit.inner[1], edit.last),
        ]
    elif edit.kind == "black":
        length = round(CUT_SECONDS * FRAME_RATE)
        spans = [("black", edit.first, edit.last)]
        spans += [("cut", border, border + length) for border in (edit.first, edit.last)]
    else:
        spans = [("fade" if edit.kind in ("dissolve", "dip") else edit.kind, edit.first, edit.last)]
    return [Event(first / FRAME_RATE, last / FRAME_RATE, label) for label, first, last in spans]


def toward(frames: np.ndarray, colour: tuple[float, float, float], part: np.ndarray) -> None:
    """Blend frames towards a colour in place; ``part`` is 0 (as is) to 1 (the colour), per frame."""
    weight = part.astype(np.float32)[:, None, None, None]
    frames[...] = (frames * (1 - weight) + np.asarray(colour, np.float32) * weight + 0.5).astype(np.uint8)


def dissolve(before: np.ndarray, frames: np.ndarray) -> None:
    """Turn ``before`` gradually into ``frames``, in place of the latter; same shapes."""
    weight = ((np.arange(len(frames)) + 1) / (len(frames) + 1)).astype(np.float32)[:, None, None, None]
    frames[...] = (before * (1 - weight) + frames * weight + 0.5).astype(np.uint8)


def apply_edit(frames: np.ndarray, edit: Edit) -> None:
    """Do a dip, hold, black, flash or freeze to the scene's frames, in place; the rest is done elsewhere."""
    part = frames[edit.first : edit.last]
    count = len(part)
    if edit.kind == "dip":
        rise = 1 - np.abs((np.arange(count) + 0.5) / count * 2 - 1)
        toward(part, edit.colour, np.minimum(1.0, rise * 1.15))
    elif edit.kind == "hold":
        out, back = edit.inner[0] - edit.first, edit.last - edit.inner[1]
        level = np.ones(count)
        level[:out] = (np.arange(out) + 1) / (out + 1)
        level[count - back :] = 1 - (np.arange(back) + 1) / (back + 1)
        toward(part, edit.colour, level)
    elif edit.kind == "black":
        toward(part, edit.colour, np.full(count, 0.9 + 0.1 * edit.strength))
    elif edit.kind == "flash":
        toward(part, edit.colour, edit.strength * (0.75 ** np.arange(count)))
    elif edit.kind == "freeze":
        part[...] = frames[edit.first - 1]


def leave_traces(rng: Random, frames: np.ndarray) -> None:
    """What a video codec leaves of frames that stand still: single pixels flicker by one level, in place.

    Without it a model would know a freeze by frames equal to the last bit, which no compressed file has.
    """
    share = log_between(rng, 0.002, 0.05)
    for number, frame in enumerate(frames):
        flat = frame.reshape(-1)
        count = min(int(len(flat) * share * (6 if number == 0 else 1)), len(flat))
        at = rng.integers(0, len(flat), size=count)
        flat[at] = np.clip(flat[at].astype(np.int16) + rng.choice((-1, 1), size=count), 0, 255).astype(np.uint8)
