"""The recipe of a scene: everything that can be varied, in one value that refuses to be built wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from avtext.config import Settings

RECORDED = (
    "dog_bark", "rain", "sea_waves", "crying_baby", "clock_tick",
    "sneeze", "helicopter", "chainsaw", "rooster", "fire_crackling",
)  # fmt: skip
SYNTHESISED = ("bell", "siren", "beep", "knock", "engine", "whoosh")
HEARD = ("speech", *RECORDED, *SYNTHESISED)
SEEN = ("cut", "fade", "flash", "freeze", "black", "signing")
JOINT = ("impact",)
LABELS: tuple[str, ...] = (*HEARD, *SEEN, *JOINT)
RELATIONS = ("on_screen", "captioned")  # what no modality tells alone; only where a recipe names them

FRAME_RATE = 25  # frames per second in which a scene is drawn
SIZE = 64  # pixels, height and width of the frames in a clip
VIDEO_RATE = 8.0  # frames per second that a clip carries for the video encoder


def _ascending(value: tuple[float, float]) -> tuple[float, float]:
    if value[1] < value[0]:
        raise ValueError(f"a range is (lowest, highest), got {value}")
    return value


Number = Annotated[float, Field(allow_inf_nan=False)]
Range = Annotated[tuple[Number, Number], AfterValidator(_ascending)]
Count = Annotated[
    tuple[Annotated[int, Field(ge=0, le=20)], Annotated[int, Field(ge=0, le=20)]], AfterValidator(_ascending)
]
Chance = Annotated[float, Field(ge=0.0, le=1.0)]


class SceneRecipe(Settings):
    """What scenes are made of; with a seed it determines a scene to the last bit.

    Counts are per 20 s and grow with the duration. Without ``sounds_dir`` (ESC-10), ``speech_dir`` (free
    spoken digits) or ``signing_dir`` (signed words) their labels do not occur: the rest is made or drawn. What of
    ``RELATIONS`` means is said in :mod:`avtext.data.scenes.relations`.

    Raises:
        pydantic.ValidationError: an unknown field or a value out of range; :func:`avtext.config.parse` says
            it in one line.

    Example:
        >>> SceneRecipe(split="test").available[:3]
        ('bell', 'siren', 'beep')
    """

    split: Literal["train", "test"] = "train"
    duration: Range = (20.0, 20.0)  # seconds
    labels: tuple[str, ...] = LABELS
    sounds_dir: Path | None = None
    speech_dir: Path | None = None
    signing_dir: Path | None = None
    voices: Chance = 0.0  # that speech is one of espeak-ng's voices, which differ from machine to machine
    heard: Count = (2, 4)
    seen: Count = (2, 4)
    impacts: Count = (0, 2)
    decoys: Count = (0, 2)  # of each kind: objects that act unheard, thuds unseen, hits unheard
    snr_db: Range = (-5.0, 20.0)  # of a sound against the background over its own span
    shown_chance: Chance = 0.6  # that an object acts with a sound
    cue_chance: Chance = 0.5  # that a sound has a cue
    wrong_cue_chance: Chance = 0.1
    no_cues_chance: Chance = 0.25
    fillers: Count = (0, 3)  # lines of dialogue that say nothing
    codec_chance: Chance = 0.6  # that frozen frames carry the traces of a codec; files get them from theirs
    music_chance: Chance = 0.15  # of music, which has no label
    offset_chance: Chance = 0.0
    offset: Range = (-2.0, 2.0)  # seconds by which sound, and apart from it the cues, come late
    drift_chance: Chance = 0.0
    drift_ppm: Range = (-500.0, 500.0)
    break_chance: Chance = 0.0
    break_seconds: Range = (0.5, 2.0)  # of sound that is missing
    missing_chance: Chance = 0.05  # that one stream is absent
    dropout_chance: Chance = 0.05  # that a stream is absent for 1-4 s

    @model_validator(mode="after")
    def _consistent(self) -> SceneRecipe:
        known = (*LABELS, *RELATIONS)
        unknown = [label for label in self.labels if label not in known]
        if unknown:
            raise ValueError(f"labels: {unknown[0]!r} is not one of {', '.join(known)}")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("labels: a label is named twice")
        if not 4.0 <= self.duration[0] <= self.duration[1] <= 600.0:
            raise ValueError(f"duration: seconds must lie between 4 and 600, got {self.duration}")
        shift = max(map(abs, self.offset)) if self.offset_chance else 0.0
        if shift + (self.break_seconds[1] if self.break_chance else 0.0) > self.duration[0] / 2:
            raise ValueError("offset and break_seconds together must not exceed half of the shortest duration")
        if max(map(abs, self.snr_db)) > 100:
            raise ValueError(f"snr_db: decibels must lie between -100 and 100, got {self.snr_db}")
        if self.break_seconds[0] <= 0 or max(map(abs, self.drift_ppm)) > 20_000:
            raise ValueError("break_seconds must be positive and drift_ppm at most 20000")
        return self

    @property
    def available(self) -> tuple[str, ...]:
        """The labels that can occur: those asked for whose source is given."""
        absent: set[str] = set()
        absent |= set() if self.sounds_dir else set(RECORDED)
        absent |= set() if self.speech_dir or self.voices else {"speech"}
        absent |= set() if self.signing_dir else {"signing"}
        return tuple(label for label in self.labels if label not in absent)
