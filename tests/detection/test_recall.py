"""A second question about a file: the same answer, and nothing is decoded or encoded for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from avtext.clip import Cue
from avtext.detection import Result
from avtext.features import DamagedEntry
from avtext.pipeline import Pipeline
from tests.tiny import SRT, talkative, write_video


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    write_video(folder / "a.mkv", 3.0)
    (folder / "a.srt").write_text(SRT)
    return folder


@pytest.fixture
def pipe(tmp_path: Path) -> Pipeline:
    return Pipeline(talkative(), device="cpu", cache=tmp_path / "cache")


def equal(one: Result, other: Result) -> None:
    assert one.to_dict() == other.to_dict()
    np.testing.assert_array_equal(one.scores.values, other.scores.values)


def test_the_second_time_nothing_is_decoded_or_encoded(
    pipe: Pipeline, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pipe(made / "a.mkv")
    assert len(first) > 1
    monkeypatch.setattr("avtext.detection.finder.FileReading", None)
    monkeypatch.setattr(pipe.network, "encode", None)
    equal(pipe(made / "a.mkv"), first)
    scores = sorted(event.score for event in first if event.score is not None)
    pipe.threshold = scores[len(scores) // 2]
    fewer = pipe(made / "a.mkv", classes=[first.events[0].label])
    assert 0 < len(fewer) < len(first)
    assert set(fewer) <= set(first)


def test_what_features_depend_on_is_another_entry(pipe: Pipeline, made: Path, tmp_path: Path) -> None:
    pipe(made / "a.mkv")
    pipe(made / "a.mkv", transcript=[Cue(0.0, 1.0, "other words")])
    pipe(made / "a.mkv", end=2.0)
    shutil.copy(made / "a.mkv", tmp_path / "b.mkv")  # without the subtitles beside it
    pipe(tmp_path / "b.mkv")
    Pipeline(talkative(seed=1), device="cpu", cache=tmp_path / "cache")(made / "a.mkv")
    assert len(list((tmp_path / "cache").iterdir())) == 5
    pipe(made / "a.mkv", transcript=made / "a.srt")  # the same words
    assert len(list((tmp_path / "cache").iterdir())) == 5


def test_a_copy_is_called_by_its_own_name(pipe: Pipeline, made: Path, tmp_path: Path) -> None:
    first = pipe(made / "a.mkv").to_dict()
    copies = [tmp_path / "b.mkv", tmp_path / "a\nb.mkv"]
    for copy in copies:
        shutil.copy(made / "a.mkv", copy)
        shutil.copy(made / "a.srt", copy.with_suffix(".srt"))
    names = [str(copies[0]), str(copies[1]).replace("\n", "?")]
    assert [pipe(copy).to_dict() for copy in copies] == [{**first, "file": name} for name in names]
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_damaged_entry_is_made_again(pipe: Pipeline, made: Path, tmp_path: Path) -> None:
    first = pipe(made / "a.mkv")
    (entry,) = (tmp_path / "cache").iterdir()
    content = bytearray(entry.read_bytes())
    content[-5] ^= 1
    entry.write_bytes(content)
    with pytest.warns(DamagedEntry, match="made again"):
        equal(pipe(made / "a.mkv"), first)
    equal(pipe(made / "a.mkv"), first)
