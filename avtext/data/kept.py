"""Scenes that are made once: their streams, or the features of frozen encoders, lie on disk with cues and truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from avtext.clip import Clip, Cue, Event
from avtext.data.sources import SceneSource
from avtext.features import FeatureCache, FeatureKey, extract, fingerprint, on_media_clock
from avtext.features.key import digest_of
from avtext.timeline import ClockMap

if TYPE_CHECKING:
    from torch import nn

SCENE_SCHEMA = 5  # raised when a recipe and a seed would give another scene


@dataclass(frozen=True)
class KeptScenes:
    """Numbered scenes as a :class:`avtext.data.sources.ClipSource`, drawn and mixed when first asked for.

    A scene costs far more to make than to read, so whoever passes over the same scenes again, or trains several
    models on them, keeps them. Recordings that change under the same path are not noticed: then clear the folder.

    Args:
        scenes: what to make.
        cache: where to keep; many processes may share it.
        encoders: frozen ones, by stream name; where given, a clip carries their features in place of media.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from avtext.data.scenes import SceneRecipe
        >>> with TemporaryDirectory() as folder:
        ...     kept = KeptScenes(SceneSource(SceneRecipe(duration=(4, 4)), 0, 1), FeatureCache(folder))
        ...     kept[0].events == kept[0].events == kept.scenes[0].events
        True
    """

    scenes: SceneSource
    cache: FeatureCache
    encoders: Mapping[str, nn.Module] = field(default_factory=dict)
    _prints: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self._prints.update({name: fingerprint(encoder) for name, encoder in self.encoders.items()})

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, index: int) -> Clip:
        if not 0 <= index < len(self):
            raise IndexError(f"clip {index} of {len(self)}")
        recipe = self.scenes.recipe.model_dump(mode="json")
        content = digest_of({"scene": SCENE_SCHEMA, "recipe": recipe, "seed": self.scenes.first + index})
        key = FeatureKey(content, self._prints)
        found = self.cache.get_with_notes(key)
        if found is not None:
            return _from_notes(*found)
        clip = _encoded(self.scenes[index], self.encoders)
        self.cache.put(key, clip.streams, _notes(clip))
        return clip


def _encoded(clip: Clip, encoders: Mapping[str, nn.Module]) -> Clip:
    """The clip with features in place of the media that ``encoders`` take."""
    features = on_media_clock(extract([clip], encoders), encoders) if encoders else {}
    return replace(clip, **{name: stream for name, stream in features.items() if name in encoders})  # type: ignore[arg-type]


def _notes(clip: Clip) -> dict[str, Any]:
    """What a scene has beside its streams, as plain JSON values; it begins at 0, and all its events are known."""
    return {
        "duration": clip.duration,
        "cues": [[cue.start, cue.end, cue.text] for cue in clip.cues],
        "events": [[event.start, event.end, event.label] for event in clip.events or ()],
        "clocks": {name: clock.to_dict() for name, clock in clip.clocks.items()},
        "name": clip.name,
    }


def _from_notes(streams: Mapping[str, Any], notes: Mapping[str, Any]) -> Clip:
    return Clip(
        duration=notes["duration"],
        cues=tuple(Cue(*cue) for cue in notes["cues"]),
        events=tuple(Event(*event) for event in notes["events"]),
        clocks={name: ClockMap.from_dict(clock) for name, clock in notes["clocks"].items()},
        name=notes["name"],
        **streams,
    )
