"""Clips of similar length encoded at once: which, and that nothing changes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avtext.detection import Failure, Result
from avtext.detection.grouping import groups_by_length
from avtext.detection.together import detect_together
from avtext.errors import InvalidInput, MediaError, StorageError
from avtext.pipeline import Pipeline, Tensors
from avtext.storage import sha256_of
from tests.tiny import SRT, talkative, write_video


@given(st.lists(st.floats(0.1, 50.0), max_size=30), st.floats(1.0, 40.0))
def test_groups_hold_every_clip_once_within_the_budget(lengths: list[float], budget: float) -> None:
    groups = groups_by_length(lengths, budget)
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or max(lengths[i] for i in group) * len(group) <= budget
        assert [lengths[i] for i in group] == sorted(lengths[i] for i in group)
    longest = [max(lengths[i] for i in group) for group in groups]
    assert longest == sorted(longest)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("videos")
    lengths = {"a": 3.0, "b": 1.6, "c": 9.0, "d": 3.4}
    files = [write_video(folder / f"{name}.mkv", seconds) for name, seconds in lengths.items()]
    files.append(write_video(folder / "silent.mkv", 2.0, sound=False))
    (folder / "a.srt").write_text(SRT)
    return files


@pytest.fixture(scope="module")
def pipe() -> Pipeline:
    return Pipeline(talkative(), device="cpu")


def same(one: Result, other: Result) -> None:
    assert one.file == other.file
    assert one.duration == other.duration
    assert one.modalities == other.modalities
    assert [(e.start, e.end, e.label) for e in one] == [(e.start, e.end, e.label) for e in other]
    np.testing.assert_allclose(one.scores.values, other.scores.values, atol=1e-4)


def test_files_together_are_what_they_are_alone(pipe: Pipeline, videos: list[Path]) -> None:
    alone = list(pipe.batch(videos))
    together = list(pipe.batch(videos, together=8.0))  # c is longer than that
    assert sum(len(result) for result in alone if isinstance(result, Result)) > 3
    for one, other in zip(together, alone, strict=True):
        assert isinstance(one, Result)
        assert isinstance(other, Result)
        same(one, other)


def test_what_is_in_memory_goes_by_itself(pipe: Pipeline, videos: list[Path]) -> None:
    sources: list[Any] = [Tensors(np.zeros(8000, np.float32), 16_000), io.BytesIO(videos[2].read_bytes())]
    found = [one for one in pipe.batch(sources, together=8.0) if isinstance(one, Result)]
    assert [one.duration for one in found] == pytest.approx([0.5, 9.0], abs=0.1)


def test_a_part_of_each_and_only_some_classes(pipe: Pipeline, videos: list[Path]) -> None:
    options = {"start": 0.4, "end": 1.2, "classes": [pipe.labels[0]]}
    for one, other in zip(
        pipe.batch(videos[:2], together=8.0, **options), pipe.batch(videos[:2], **options), strict=True
    ):
        assert isinstance(one, Result)
        assert isinstance(other, Result)
        same(one, other)


def test_what_is_encoded_together_is_kept_as_alone_and_found_again(
    pipe: Pipeline, videos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Pipeline(talkative(), device="cpu", cache=tmp_path)
    first = list(kept.batch(videos, together=8.0))
    assert len(list(tmp_path.iterdir())) == len(videos)
    monkeypatch.setattr("avtext.detection.finder.FileReading", None)
    again = [*kept.batch(videos, together=8.0), *kept.batch(videos)]
    for one, other in zip(again, first * 2, strict=True):
        assert isinstance(one, Result)
        assert isinstance(other, Result)
        same(one, other)


def test_a_file_is_hashed_once_whatever_its_length(
    videos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = []

    def counting(path: Path) -> str:
        hashed.append(path)
        return sha256_of(path)

    monkeypatch.setattr("avtext.features.key.sha256_of", counting)
    kept = Pipeline(talkative(), device="cpu", cache=tmp_path)
    assert len(list(kept.batch(videos[1:3], together=4.0))) == 2
    assert hashed == videos[1:3]
    assert len(list(tmp_path.iterdir())) == 2


def test_parts_of_long_files_go_together(pipe: Pipeline, videos: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, encode = [], pipe.network.encode_together
    monkeypatch.setattr(pipe.network, "encode_together", lambda clips: sizes.append(len(clips)) or encode(clips))
    assert len(list(pipe.batch([videos[2]] * 2, together=4.0, start=7.5))) == 2
    assert sizes == [2]


def test_a_cache_that_cannot_be_written_is_said_of_each_file(videos: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    kept = Pipeline(talkative(), device="cpu", cache=tmp_path / "file")
    found = dict(detect_together(kept, videos[:2], 8.0, {}))
    assert [type(found[k]) for k in range(2)] == [StorageError, StorageError]
    for sharing in ({}, {"jobs": 1}, {"together": 8.0}):
        failed = [one for one in kept.batch(videos[:2], on_error="return", **sharing) if isinstance(one, Failure)]
        assert [one.code for one in failed] == ["STORAGE"] * 2
    assert list(kept.batch(videos[:2], on_error="skip")) == []
    with pytest.raises(StorageError):
        list(kept.batch(videos[:2]))


def test_a_file_that_fails_costs_that_file_only(pipe: Pipeline, videos: list[Path], tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    files = [videos[0], tmp_path / "broken.mp4", videos[1]]
    found = list(pipe.batch(files, together=8.0, on_error="return"))
    assert [type(one) for one in found] == [Result, Failure, Result]
    with pytest.raises(MediaError, match=r"broken\.mp4"):
        list(pipe.batch(files, together=8.0))


def test_what_does_not_go_together_is_said(pipe: Pipeline, videos: list[Path]) -> None:
    with pytest.raises(InvalidInput, match="together: must be seconds above 0, got 0"):
        pipe.batch(videos, together=0)
    with pytest.raises(InvalidInput, match="clases: no such option; known: transcript, start, end, classes, hook"):
        pipe.batch(videos, together=5.0, clases=["clap"])
    with pytest.raises(InvalidInput, match="together: must be seconds above 0, got '5'"):
        pipe.batch([], together="5")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="jobs: does not go with together: leave one of them out"):
        pipe.batch(videos, together=5.0, jobs=2)
