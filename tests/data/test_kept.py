"""Scenes on disk are the scenes that were made."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from avtext.clip import STREAMS, Clip, Stream
from avtext.data import kept as module
from avtext.data.kept import SCENE_SCHEMA, KeptScenes
from avtext.data.scenes import SceneRecipe
from avtext.data.sources import SceneSource
from avtext.encoders import build_encoder
from avtext.features import FeatureCache
from avtext.features.key import digest_of

RECIPE = SceneRecipe(
    duration=(6, 8),
    offset_chance=1.0,
    break_chance=1.0,
    break_seconds=(0.5, 0.5),
    missing_chance=0.5,
    dropout_chance=0.5,
)


def kept(folder: Path, count: int = 4, **encoders: object) -> KeptScenes:
    return KeptScenes(SceneSource(RECIPE, 3, count), FeatureCache(folder), encoders)  # type: ignore[arg-type]


def same(one: Clip, other: Clip) -> bool:
    streams = all(
        (a is None) == (b is None)
        and (a is None or (a.rate, a.start) == (b.rate, b.start))
        and (a is None or (np.array_equal(a.values, b.values) and np.array_equal(a.real, b.real)))
        for a, b in ((getattr(one, name), getattr(other, name)) for name in STREAMS)
    )
    return streams and all(
        getattr(one, n) == getattr(other, n) for n in ("duration", "cues", "events", "clocks", "name")
    )


def test_what_is_read_is_what_was_made(tmp_path: Path) -> None:
    source = kept(tmp_path)
    first = [source[i] for i in range(4)]
    again = [kept(tmp_path)[i] for i in range(4)]
    assert all(same(a, b) for a, b in zip(first, again, strict=True))
    assert all(same(a, b) for a, b in zip(first, SceneSource(RECIPE, 3, 4), strict=True))
    assert any(clip.audio is None or clip.video is None or not clip.cues for clip in first)  # absences survive too


def test_nothing_is_made_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(tmp_path)[0]
    monkeypatch.setattr(module, "_encoded", None)  # what would be called
    assert kept(tmp_path)[0].name == "scene-train-3"
    with pytest.raises(TypeError):
        kept(tmp_path)[1]


def test_features_of_frozen_encoders_take_the_place_of_media(tmp_path: Path) -> None:
    encoder = build_encoder("logmel", {"size": 16, "channels": [8, 16]}).eval()
    plain, source = SceneSource(RECIPE, 3, 4), kept(tmp_path, audio=encoder)
    heard = next(i for i in range(4) if plain[i].audio is not None)
    clip = pickle.loads(pickle.dumps(source))[heard]
    assert clip.audio is not None
    assert clip.audio.values.shape[1] == 16
    assert clip.audio.rate == encoder.rate
    assert clip.audio.start == plain[heard].audio.start  # type: ignore[union-attr]
    assert same(clip, source[heard])
    assert clip.video is None or clip.video.values.ndim == 4
    assert clip.text is None


def test_scenes_are_those_of_their_schema() -> None:
    """What differs between processors, the last bits of sums, is rounded away."""
    full = {"heard": (10, 15), "seen": (8, 12), "impacts": (5, 8), "drift_chance": 1.0, "fillers": (20, 30)}
    whole = {"missing_chance": 0.0, "no_cues_chance": 0.0, "codec_chance": 0.0}
    source = SceneSource(RECIPE.model_copy(update={**full, **whole}), 3, 4)
    told = []
    for clip in [source[i] for i in range(4)]:
        streams = {name: levels(stream) for name, stream in clip.streams.items()}
        spans = [[round(one.start, 2), round(one.end, 2)] for one in (*clip.cues, *(clip.events or ()))]
        words = [*(cue.text for cue in clip.cues), *(event.label for event in clip.events or ())]
        clocks = [[name, np.round([*clock.to_dict().values()], 5).tolist()] for name, clock in clip.clocks.items()]
        told.append([round(clip.duration, 2), streams, spans, words, clocks])
    found = SCENE_SCHEMA, digest_of(told)[:16]
    assert found == (5, "d7cea1d44a2ba9e6"), (
        "a seed gives another scene: raise SCENE_SCHEMA, so that none kept is read, and pin this"
    )


def levels(stream: Stream) -> list[int]:
    """The mean size of each half second's values, where there are any, in 64ths of the largest."""
    parts = np.array_split(np.abs(stream.values.astype(np.float64)), int(2 * len(stream) / stream.rate))
    means = np.array([part.mean() for part in parts])
    return [int(level) for level in np.round(64 * means / max(means.max(), 1e-9))]


def test_another_recipe_or_encoder_is_another_scene(tmp_path: Path) -> None:
    one, other = (build_encoder("logmel", {"size": 16, "channels": [8, width]}) for width in (8, 16))
    kept(tmp_path)[0], kept(tmp_path, audio=one)[0], kept(tmp_path, audio=other)[0]
    KeptScenes(SceneSource(SceneRecipe(duration=(4, 4)), 3, 1), FeatureCache(tmp_path))[0]
    assert len(list(tmp_path.glob("*.safetensors"))) == 4


def test_ends_like_a_list(tmp_path: Path) -> None:
    assert [clip.name for clip in kept(tmp_path, 2)] == ["scene-train-3", "scene-train-4"]
